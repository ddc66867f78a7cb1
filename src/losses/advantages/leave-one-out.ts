/**
 * RLOO's advantages: an answer's reward less the mean of the other answers to the same prompt.
 *
 *   A_i = R_i - mean of R_j, j other answers of the prompt;   R = reward - beta sum_t (log pi_old - log ref)
 *
 * Kool et al. 2019; Ahmadian et al. 2024 (2402.14740), eq. 9. A reward of NaN says nothing: its row has advantage 0 and
 * stays out of means.
 */
import { combineRewards } from "./combine-rewards.js";
import { EPSILON, type GroupOptions, type RowAdvantages } from "./group-relative.js";
import { groupsOf, informativeGroups } from "./groups.js";
import { checkCount, checkRows, everyToken, momentsOf, sumOf, type TokenRows } from "./rows.js";

export interface LeaveOneOutOptions extends Omit<GroupOptions, "scaleRewards" | "aggregation"> {
  /** Weight of the KL (k1, summed over tokens) that is taken off the reward. Default 0; TRL RLOOConfig.beta 0.05. */
  beta?: number;
  /** Log-probabilities under the policy that sampled and under the reference; needed where beta > 0. */
  logps?: TokenRows;
  refLogps?: TokenRows;
  /** Rewards are held within, before the KL. Default: not (TRL RLOOConfig.reward_clip_range). */
  rewardClipRange?: readonly [low: number, high: number];
  /** Divides by the deviation over the batch. Default false (TRL RLOOConfig.normalize_advantages). */
  normalizeAdvantages?: boolean;
}

/** Throws `usage` where rows, groups and weights do not fit. */
export function leaveOneOut(
  perFunction: readonly ArrayLike<number>[],
  options: LeaveOneOutOptions,
): RowAdvantages {
  const where = "advantages.leaveOneOut";
  const { numGenerations, beta = 0, logps, refLogps, rewardClipRange, normalizeAdvantages = false } = options;
  const { rewards, metrics } = combineRewards(perFunction, options);
  const [low, high] = rewardClipRange ?? [-Infinity, Infinity];
  const held = rewards.map((r) => Math.min(high, Math.max(low, r)));
  const spread = informativeGroups(held, { numGenerations });
  const divergence: Record<string, number> = {};
  let paid = held;
  if (beta > 0) {
    checkCount(where, held.length, { logps: logps ?? [], refLogps: refLogps ?? [] });
    checkRows(where, logps!, { refLogps });
    const kl = logps!.map((row, r) => sumOf(row) - sumOf(refLogps![r]!));
    paid = held.map((r, row) => r - beta * kl[row]!);
    divergence["kl"] = kl.reduce((a, b) => a + b, 0) / Math.max(1, [...everyToken(logps!)].length);
  }
  let advantages = groupsOf(where, paid.length, numGenerations).flatMap(({ start, end }) => {
    const group = Array.from(paid.slice(start, end));
    const { count, mean } = momentsOf(group);
    // R - (S - R) / (n - 1) = (R - mean) n / (n - 1)
    return group.map((r) => (count > 1 ? ((r - mean) * count) / (count - 1) : Number.isNaN(r) ? r : 0));
  });
  if (normalizeAdvantages) {
    const { mean, variance } = momentsOf(advantages);
    advantages = advantages.map((a) => (a - mean) / (Math.sqrt(variance) + EPSILON));
  }
  return {
    advantages: Float64Array.from(advantages, (x) => (Number.isNaN(x) ? 0 : x)),
    rewards,
    informative: spread.informative,
    metrics: { ...metrics, ...divergence, frac_reward_zero_std: spread.fraction },
  };
}
