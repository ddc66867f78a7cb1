/** Baselines that need no group: the greedy answer's reward (ReMax), and a moving average of rewards. */
import { checkCount } from "./rows.js";

/**
 * ReMax: the reward less that of the greedy answer to the same prompt, one of each a row. Li et al. 2023 (2310.10505),
 * eq. 5. Throws `usage` where the counts differ.
 */
export function remaxAdvantages(rewards: ArrayLike<number>, greedyRewards: ArrayLike<number>): Float64Array {
  checkCount("advantages.remaxAdvantages", rewards.length, { greedyRewards });
  return Float64Array.from(rewards, (r, row) => r - greedyRewards[row]!);
}

export interface MovingBaseline {
  /** What to take off the next reward. */
  readonly value: number;
  update(reward: number): void;
  /** JSON-safe; give it as `value` to continue. */
  state(): { value: number };
}

/** b <- decay b + (1 - decay) reward. Defaults: decay 0.9, starting at 0. A reward of NaN leaves it as it is. */
export function movingBaseline({ decay = 0.9, value: start = 0 } = {}): MovingBaseline {
  let value = start;
  return {
    get value() {
      return value;
    },
    update(reward) {
      if (!Number.isNaN(reward)) value = decay * value + (1 - decay) * reward;
    },
    state: () => ({ value }),
  };
}
