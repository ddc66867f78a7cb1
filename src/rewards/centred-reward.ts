/**
 * Shifts a reward so that known answers score 0 on average: reward models fix differences only, and their zero is anywhere.
 *
 * Ziegler et al. 2019 (1909.08593), section 2.1; Ouyang et al. 2022 (2203.02155), section 3.5: demonstrations score 0.
 */
import { AttuneError } from "../errors.js";
import { gather, partsOf, statesOf } from "./composite.js";
import type { Reward, RewardItem } from "./contract.js";
import { scoreItems, type ScoreOptions } from "./score-items.js";

/**
 * The reward less `offset` (see `referenceOffset`). Component: the reward's own scores under its name.
 *
 * @throws AttuneError `config` for an offset that is not finite
 */
export function centredReward(reward: Reward, { offset }: { offset: number }): Reward {
  if (!Number.isFinite(offset)) {
    const where = `rewards: ${reward.name}: offset`;
    throw new AttuneError("config", { where, expected: "a finite number", got: String(offset) });
  }
  return {
    name: `${reward.name}/centred`,
    async score(items, context) {
      const each = await gather([reward], items, context);
      return {
        scores: Array.from(each[0]!.scores, (x) => (Number.isNaN(x) ? null : x - offset)),
        components: partsOf([reward], each),
      };
    },
    ...statesOf([reward]),
  };
}

/** The mean score of known answers, such as the demonstrations of SFT. Throws as `scoreItems`, and `data` where none has one. */
export async function referenceOffset(
  reward: Reward,
  items: readonly RewardItem[],
  options: ScoreOptions = {},
): Promise<number> {
  const { scores } = await scoreItems(reward, items, options);
  const real = scores.filter((x) => !Number.isNaN(x));
  if (real.length === 0) {
    throw new AttuneError("data", {
      where: `rewards: ${reward.name}: referenceOffset`,
      expected: "at least one answer with a score",
      got: `${items.length} answers without`,
    });
  }
  return real.reduce((a, b) => a + b, 0) / real.length;
}
