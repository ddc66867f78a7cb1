/**
 * Constrained choice: a row that has to say one of a list of token sequences, whichever the model finds likeliest or draws.
 * Knows sequences of ids, not what they spell.
 */
import { AttuneError } from "../errors.js";

export interface ChoiceNode {
  /** What may follow. */
  readonly next: ReadonlyMap<number, ChoiceNode>;
  /** A whole choice ends here. */
  readonly ends: boolean;
}

export interface ChoiceTree {
  readonly root: ChoiceNode;
  /** Tokens of the longest choice. */
  readonly longest: number;
}

interface Growing {
  next: Map<number, Growing>;
  ends: boolean;
}

/**
 * @throws AttuneError `usage` for no choices, an empty one, ids that are no tokens, or a choice that begins another one where no
 *   stop token could tell the two apart
 */
export function choiceTree(
  choices: readonly (readonly number[])[],
  { vocabSize, stop }: { vocabSize: number; stop: ReadonlySet<number> },
): ChoiceTree {
  const refuse = (at: number | undefined, expected: string, got: string): never => {
    const where = `generate: choices${at === undefined ? "" : `: ${at}`}`;
    throw new AttuneError("usage", { where, expected, got });
  };
  if (choices.length === 0) refuse(undefined, "at least one choice", "none");
  const root: Growing = { next: new Map(), ends: false };
  choices.forEach((tokens, at) => {
    if (tokens.length === 0) refuse(at, "at least one token", "none");
    let node = root;
    for (const id of tokens) {
      if (!Number.isInteger(id) || id < 0 || id >= vocabSize)
        refuse(at, `token ids from 0 to ${vocabSize - 1}`, String(id));
      let child = node.next.get(id);
      if (child === undefined) node.next.set(id, (child = { next: new Map(), ends: false }));
      node = child;
    }
    node.ends = true;
  });
  if (stop.size === 0) {
    const open = choices.findIndex((tokens) => endOf(root, tokens).next.size > 0);
    if (open >= 0)
      refuse(open, "a stop token, because it begins another choice", "a request without stop tokens");
  }
  return { root, longest: Math.max(...choices.map(({ length }) => length)) };
}

const endOf = (root: Growing, tokens: readonly number[]): Growing =>
  tokens.reduce((node, id) => node.next.get(id)!, root);
