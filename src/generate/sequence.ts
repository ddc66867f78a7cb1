/** One row being generated: its prompt, its settings, what it has said so far. Knows no caches and no other rows. */
import type { Random } from "../util/random.js";
import type { Sampling } from "./options.js";
import type { StopText } from "./stop-text.js";
import type { TokenRules } from "./token-rules.js";

/**
 * Why a row ended: a stop token, a stop string or the end of a choice; as many tokens as were allowed or as the context
 * holds; or the time of its request.
 */
export type FinishReason = "stop" | "length" | "time";

/** Said with a row's last token. */
export interface Finish {
  readonly reason: FinishReason;
  /** The stop string that ended it. */
  readonly stopString: string | undefined;
}

export interface ChosenToken {
  readonly token: number;
  /** Natural log of the model's own probability: temperature 1, nothing cut away. */
  readonly logProb: number;
  /** The same at the row's temperature; at 0 that of temperature 1. */
  readonly temperedLogProb: number;
  /** Natural log of the probability with which it was drawn: after bias, penalties, temperature, top-k, top-p, min-p. 0 when greedy. */
  readonly drawLogProb: number;
}

export interface SequenceEvents {
  onToken(chosen: ChosenToken, finish: Finish | undefined): void;
  /** The time of its request is over. */
  onTimeOver(): void;
  onError(error: Error): void;
}

export interface Sequence extends SequenceEvents {
  /** Rows with the same array are samples of one prompt, which is read once. */
  readonly prompt: readonly number[];
  readonly sampling: Sampling;
  readonly stop: ReadonlySet<number>;
  /** Most new tokens. */
  readonly limit: number;
  readonly random: Random;
  /** What changes its logits; undefined: nothing. */
  readonly rules: TokenRules | undefined;
  readonly stopText: StopText | undefined;
  /** When the time of its request is over, on the clock of `performance.now()`. */
  readonly deadline: number;
  /** New tokens so far. */
  produced: number;
  /** The newest token; it is not in the cache yet. */
  newest: number;
  cancelled: boolean;
}

/** Index in the cache that the newest token will get. */
export const newestIndex = ({ prompt, produced }: Sequence): number =>
  prompt.length + Math.max(produced, 1) - 1;

/** Cache entries that the row can come to need: its last token is never fed back. */
export const roomNeeded = ({ prompt, limit }: Sequence): number => prompt.length + limit - 1;

/** Takes the token; true when the row goes on. */
export function advance(sequence: Sequence, chosen: ChosenToken): boolean {
  sequence.newest = chosen.token;
  sequence.produced++;
  const over = sequence.rules?.take(chosen.token) === true;
  const stopString = sequence.stopText?.take(chosen.token);
  const reason =
    over || stopString !== undefined || sequence.stop.has(chosen.token)
      ? "stop"
      : sequence.produced >= sequence.limit
        ? "length"
        : undefined;
  sequence.onToken(chosen, reason && { reason, stopString });
  return reason === undefined;
}
