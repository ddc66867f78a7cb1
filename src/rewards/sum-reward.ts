/**
 * Several rewards as one: the weighted sum, each part clipped first and logged on its own.
 *
 *   r = sum over parts that apply of weight * clip(r_part, low, high);   null where no part applies
 */
import { AttuneError } from "../errors.js";
import { type CheckedScores } from "./check-scores.js";
import { gather, partsOf, statesOf, uniqueNames } from "./composite.js";
import type { Reward } from "./contract.js";

export interface RewardPart {
  readonly reward: Reward;
  /** Default 1. */
  readonly weight?: number;
  /** The part is held within, before its weight. Default: not clipped. */
  readonly clip?: readonly [low: number, high: number];
}

export interface SumRewardOptions {
  /** The sum is held within. Default: not clipped; OpenRLHF's PPO -10 to 10. */
  clip?: readonly [low: number, high: number];
}

const held = (x: number, [low, high]: readonly [number, number]): number => Math.max(low, Math.min(high, x));

/**
 * @throws AttuneError `config` for no parts, two of one name, a weight that is not finite or a clip the wrong way round
 */
export function sumReward(
  name: string,
  parts: readonly RewardPart[],
  { clip = [-Infinity, Infinity] }: SumRewardOptions = {},
): Reward {
  const rewards = parts.map(({ reward }) => reward);
  uniqueNames(name, rewards);
  const refuse = (where: string, expected: string, got: string): never => {
    throw new AttuneError("config", { where: `rewards: ${name}: ${where}`, expected, got });
  };
  for (const { reward, weight = 1, clip: own } of parts) {
    if (!Number.isFinite(weight)) refuse(`${reward.name}: weight`, "a finite number", String(weight));
    if (own && !(own[0] <= own[1])) refuse(`${reward.name}: clip`, "low <= high", own.join(" to "));
  }
  if (!(clip[0] <= clip[1])) refuse("clip", "low <= high", clip.join(" to "));
  const total = (each: readonly CheckedScores[], row: number): number | null => {
    let sum = 0;
    let any = false;
    parts.forEach(({ weight = 1, clip: own = [-Infinity, Infinity] }, k) => {
      const x = each[k]!.scores[row]!;
      if (Number.isNaN(x)) return;
      any = true;
      sum += weight * held(x, own);
    });
    return any ? held(sum, clip) : null;
  };
  return {
    name,
    async score(items, context) {
      const each = await gather(rewards, items, context);
      return { scores: items.map((_, row) => total(each, row)), components: partsOf(rewards, each) };
    },
    ...statesOf(rewards),
  };
}
