/**
 * What a reward is: answers in, one number an answer out, batched, asynchronous and cancellable. Knows no kind of reward.
 *
 * A reward of `null` says "this reward does not apply to this answer"; NaN, infinity, text, a wrong count, an exception and
 * an answer that never comes are errors, which `scoreItems` names by row.
 */
import type { Message, Text, Trajectory } from "../records/index.js";

/** One answer to judge. */
export interface RewardItem {
  /** Names the row in errors. */
  readonly id: string;
  readonly prompt: Text;
  /** The answer: text, or the messages that go on from the prompt. */
  readonly completion: Text;
  /** The whole run, where the answer is that of an agent. */
  readonly trajectory?: Trajectory;
  /** The answer's tokens, where the policy wrote it. */
  readonly tokens?: readonly number[];
  /** Why it ended: by itself, or cut off at the most tokens. Absent: not known. */
  readonly finishReason?: "stop" | "length";
  /** Further columns of the row: the right answer, a category. */
  readonly columns?: Readonly<Record<string, unknown>>;
}

export interface ScoreContext {
  /** Aborted when the run stops or the time is up; a reward that waits should listen. */
  readonly signal: AbortSignal;
  /** What was asked for, for rewards that ask others; see `ScoreOptions`. */
  readonly timeoutSeconds: number;
  readonly retries: number;
}

/** What a reward gives: numbers alone, or with the parts that they were made of. */
export type RawScores = readonly (number | null)[] | ScoresWithParts;

export interface ScoresWithParts {
  readonly scores: readonly (number | null)[];
  /** For the log: one number an item under each name. */
  readonly components?: Readonly<Record<string, readonly (number | null)[]>>;
}

/** JSON-safe state: running statistics. */
export type RewardState = Readonly<Record<string, unknown>>;

export interface Reward {
  /** For logs and errors: `rewards/{name}/mean`. */
  readonly name: string;
  /** Items judged in one call; default: all at once. */
  readonly batchSize?: number;
  /** Keeps time itself, as one that waits for a server does: no time-out is set on it. */
  readonly keepsTime?: boolean;
  /** One number an item, in order. What comes back is checked by `scoreItems`. */
  score(items: readonly RewardItem[], context: ScoreContext): Promise<RawScores> | RawScores;
  /** What a checkpoint has to keep so that a resumed run goes on as if it had not stopped. */
  state?(): RewardState;
  restore?(saved: RewardState): void;
  /** Frees what it holds: compiled graphs, connections. */
  close?(): Promise<void>;
}

/** The answer's words: the text, or the assistant's messages of the answer, a line each. */
export function answerText({ completion }: Pick<RewardItem, "completion">): string {
  return typeof completion === "string" ? completion : messagesText(completion, "assistant");
}

/** The prompt's words: the text, or all of its messages, a line each. */
export function promptText({ prompt }: Pick<RewardItem, "prompt">): string {
  return typeof prompt === "string" ? prompt : messagesText(prompt);
}

function messagesText(messages: readonly Message[], role?: string): string {
  return messages
    .filter((message) => role === undefined || message.role === role)
    .map(({ content }) => content ?? "")
    .filter((text) => text !== "")
    .join("\n");
}
