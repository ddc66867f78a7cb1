/** One row being generated: its prompt, its settings, what it has said so far. Knows no caches and no other rows. */
import type { Random } from "../util/random.js";
import type { Sampling } from "./options.js";

/** Why a row ended: a stop token, or as many tokens as were allowed or as the context holds. */
export type FinishReason = "stop" | "length";

export interface ChosenToken {
  readonly token: number;
  /** Natural log of the model's own probability: temperature 1, nothing cut away. */
  readonly logProb: number;
  /** Natural log of the probability with which it was drawn: after temperature, top-k, top-p, min-p. 0 when greedy. */
  readonly drawLogProb: number;
}

export interface SequenceEvents {
  onToken(chosen: ChosenToken, finish: FinishReason | undefined): void;
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
  const finish = sequence.stop.has(chosen.token)
    ? "stop"
    : sequence.produced >= sequence.limit
      ? "length"
      : undefined;
  sequence.onToken(chosen, finish);
  return finish === undefined;
}
