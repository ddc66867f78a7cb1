/**
 * The types of the built-in world: facts, the attributes that phrase them, and the questions people ask.
 * Types only: how the facts are drawn is in `facts.ts`, how they are put into words in the `kind-*.ts` tables.
 */

/** What can be said of every subject of a kind, and in which words. `{s}` is the subject, `{v}` the value. */
export interface Attribute {
  name: string;
  /** Ways to ask. `{s}` is replaced by the subject. */
  questions: readonly string[];
  /** Ways to state it, each a full sentence with `{s}` and `{v}`. The first one is the plainest. */
  statements: readonly string[];
  /** Every value that could stand here; wrong answers are drawn from it and claims are recognised by it. */
  domain: readonly string[];
  /** A number computed from the subject, so that claims are read as numbers and not as words. */
  numeric?: boolean;
}

export interface Kind {
  name: string;
  subjects: readonly string[];
  attributes: readonly Attribute[];
}

export interface Fact {
  /** `kind/subject/attribute`. */
  id: string;
  kind: Kind;
  attribute: Attribute;
  subject: string;
  value: string;
  /** Never asked in the chats of the corpus nor in any training prompt; stated in the encyclopaedia only. */
  heldOut: boolean;
}

/**
 * `train` may be used for anything; `prompt` holds out this wording of a fact that other prompts ask;
 * `fact` holds out every prompt about the fact.
 */
export type Split = "train" | "prompt" | "fact";

export interface Question {
  /** What the person writes; unique within a world. */
  text: string;
  fact: Fact;
  split: Split;
}

export interface World {
  seed: number;
  facts: readonly Fact[];
  questions: readonly Question[];
  /** Finds the question behind a prompt's text; undefined when this world never asks it. */
  find(text: string): Question | undefined;
}
