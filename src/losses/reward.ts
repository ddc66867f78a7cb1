/**
 * The Bradley-Terry reward model: how likely the chosen answer beats the rejected one, from the difference of two
 * scalar rewards.
 *
 *   L = -p log sigmoid(d) - (1 - p) log sigmoid(-d) + c (r_chosen + r_rejected)^2,   d = r_chosen - r_rejected - margin
 *
 * Bradley and Terry 1952; Ouyang et al. 2022 (2203.02155), eq. 1; margin: Llama 2 (2307.09288), eq. 2; centring:
 * Eisenstein et al. 2023, "Helping or Herding?" (2312.09244), eq. 2. p is 1, or 1 - labelSmoothing, or the given
 * `probability` (the share of annotators who chose it), smoothed the same way.
 */
import {
  add,
  cast,
  greater,
  logSigmoid,
  mul,
  neg,
  square,
  sub,
  maximum,
  minimum,
  type Tensor,
} from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { smoothedLogistic } from "./numerics.js";
import { number, resolveOptions, type OptionsOf } from "./options.js";

export const REWARD_OPTIONS = {
  centerRewardsCoefficient: number(0, {
    min: 0,
    doc: "Weight of (chosen + rejected)^2, which keeps rewards around zero; 0.01 is usual.",
    source: "TRL RewardConfig: off",
  }),
  labelSmoothing: number(0, {
    min: 0,
    below: 0.5,
    doc: "Probability that a preference is the wrong way round.",
    source: "Bradley-Terry: none",
  }),
} as const;
export type RewardOptions = OptionsOf<typeof REWARD_OPTIONS>;

export interface RewardInputs {
  readonly chosenRewards: Tensor; // [pairs]
  readonly rejectedRewards: Tensor; // [pairs]
  /** [pairs]: by how much the chosen one should win. */
  readonly margin?: Tensor;
  /** [pairs], in [0, 1]: probability that the chosen one really is better. Default 1. */
  readonly probability?: Tensor;
}

/**
 * Loss [pairs]; ln 2 where the rewards are equal. A tie counts as not accurate.
 *
 * @example
 * const { loss } = reward({ chosenRewards: constant([1], [1]), rejectedRewards: constant([0], [1]) });
 * // loss = [0.3132616875182228]
 */
export function reward(inputs: RewardInputs, options: Partial<RewardOptions> = {}): LossResult {
  const { centerRewardsCoefficient, labelSmoothing } = resolveOptions(
    "losses.reward",
    REWARD_OPTIONS,
    options,
  );
  const { chosenRewards: chosen, rejectedRewards: rejected, margin, probability } = inputs;
  const gap = sub(chosen, rejected);
  const shifted = margin === undefined ? gap : sub(gap, margin);
  let loss = smoothedLogistic(shifted, labelSmoothing);
  if (probability !== undefined) {
    const p = add(mul(probability, 1 - 2 * labelSmoothing), labelSmoothing);
    loss = neg(add(mul(p, logSigmoid(shifted)), mul(sub(1, p), logSigmoid(neg(shifted)))));
  }
  if (centerRewardsCoefficient > 0)
    loss = add(loss, mul(square(add(chosen, rejected)), centerRewardsCoefficient));
  return {
    loss,
    metrics: {
      accuracy: cast(greater(chosen, rejected), "float32"),
      margin: gap,
      mean_reward: mul(add(chosen, rejected), 0.5),
      min_reward: minimum(chosen, rejected),
      max_reward: maximum(chosen, rejected),
    },
    metricRules: { min_reward: { reduce: "min" }, max_reward: { reduce: "max" } },
  };
}
