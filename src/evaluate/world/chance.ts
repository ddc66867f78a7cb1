/** Two small draws on top of `Random`. Knows nothing of what is drawn, and never seeds itself. */
import type { Random } from "../../util/random.js";

export function pick<T>(random: Random, from: readonly T[]): T {
  return from[random.integer(from.length)]!;
}

/** True with probability `rate`; always draws, so that the stream stays aligned whatever the rate. */
export function happens(random: Random, rate: number): boolean {
  return random.uniform() < rate;
}
