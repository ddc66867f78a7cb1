/**
 * Advantages of GRPO and its kin: how an answer's reward stands beside the other answers to the same prompt.
 *
 *   A = (r - mean of the group) / (s + 1e-4),   s the unbiased deviation of the group, of the batch, or not divided by
 *
 * Shao et al. 2024 (2402.03300), section 4.1.2; not divided: Dr. GRPO (2503.20783); `normalizeThenSum`: GDPO (2601.05242),
 * where each reward is normalised in its group first and the sum over the batch. A reward of NaN says nothing: a row of only
 * NaN has advantage 0 and stays out of means.
 */
import { combineRewards, type CombineOptions } from "./combine-rewards.js";
import { groupsOf, informativeGroups } from "./groups.js";
import { momentsOf } from "./rows.js";

export interface GroupOptions extends CombineOptions {
  /** Answers of a prompt. */
  numGenerations: number;
  /** What differences are divided by. Default "group" (TRL GRPOConfig.scale_rewards). */
  scaleRewards?: "group" | "batch" | "none";
  /** Default "sum_then_normalize" (TRL GRPOConfig.multi_objective_aggregation). */
  aggregation?: "sum_then_normalize" | "normalize_then_sum";
}

export interface RowAdvantages {
  /** One a row. */
  readonly advantages: Float64Array;
  /** The weighted sums, before normalisation; NaN where no function gave a number. */
  readonly rewards: Float64Array;
  /** Groups that say something; see `informativeGroups`. */
  readonly informative: readonly number[];
  /** Under TRL's names. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** Added to deviations (TRL). */
export const EPSILON = 1e-4;

/** Within groups, divided as `scale` says. NaN stays NaN. */
function relative(
  rewards: ArrayLike<number>,
  { numGenerations, scale }: { numGenerations: number; scale: "group" | "batch" | "none" },
): number[] {
  const list = Array.from(rewards);
  const batch = Math.sqrt(momentsOf(list).variance);
  return groupsOf("advantages.groupAdvantages", list.length, numGenerations).flatMap(({ start, end }) => {
    const group = list.slice(start, end);
    const { mean, variance } = momentsOf(group);
    const deviation = scale === "group" ? Math.sqrt(variance) : batch;
    return group.map((r) => (scale === "none" ? r - mean : (r - mean) / (deviation + EPSILON)));
  });
}

const orZero = (x: number): number => (Number.isNaN(x) ? 0 : x);

/**
 * @param perFunction [rows][functions], rows of one prompt side by side
 * @throws AttuneError `usage` where rows, groups and weights do not fit
 */
export function groupAdvantages(
  perFunction: readonly ArrayLike<number>[],
  options: GroupOptions,
): RowAdvantages {
  const { numGenerations, scaleRewards = "group", aggregation = "sum_then_normalize" } = options;
  const { rewards, metrics } = combineRewards(perFunction, options);
  const spread = informativeGroups(rewards, { numGenerations });
  let advantages: number[];
  if (aggregation === "sum_then_normalize") {
    advantages = relative(rewards, { numGenerations, scale: scaleRewards });
  } else {
    const functions = perFunction[0]?.length ?? 0;
    const each = Array.from({ length: functions }, (_, k) =>
      relative(
        perFunction.map((row) => row[k]!),
        { numGenerations, scale: "group" },
      ),
    );
    const { rewards: sums } = combineRewards(
      perFunction.map((_, row) => each.map((column) => column[row]!)),
      { rewardWeights: options.rewardWeights },
    );
    const { mean, variance } = momentsOf(sums);
    advantages = Array.from(sums, (x) => (x - mean) / (Math.sqrt(variance) + EPSILON));
  }
  return {
    advantages: Float64Array.from(advantages, orZero),
    rewards,
    informative: spread.informative,
    metrics: { ...metrics, frac_reward_zero_std: spread.fraction },
  };
}
