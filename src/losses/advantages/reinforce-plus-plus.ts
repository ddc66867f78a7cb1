/**
 * Advantages of REINFORCE++: a k1 penalty at every token, the score at the last, summed to the end and whitened over the
 * whole batch; with `baseline`, the mean of the prompt's answers is taken off the score first.
 *
 * Hu et al. 2025 (2501.03262), eq. 6 to 8; whitening as OpenRLHF's (population variance, at least 1e-8).
 */
import { groupsOf } from "./groups.js";
import { momentsOf, type TokenRows } from "./rows.js";
import { shapeRewards } from "./shape-rewards.js";
import { whiten } from "./whiten.js";

export interface ReinforcePlusPlusInputs {
  /** One a row. */
  readonly scores: ArrayLike<number>;
  /** Under the policy that sampled, and under the reference. */
  readonly logps: TokenRows;
  readonly refLogps: TokenRows;
}

export interface ReinforcePlusPlusOptions {
  /** Default 0.01 (OpenRLHF). */
  klCoef?: number;
  /** Discount of later rewards. Default 1 (OpenRLHF). */
  gamma?: number;
  /** Answers of a prompt, side by side, whose mean is taken off; 0: no baseline. Default 0. */
  baselineGroup?: number;
}

/** Throws `usage` where rows do not fit, `numeric` where a number is not finite. */
export function reinforcePlusPlus(
  inputs: ReinforcePlusPlusInputs,
  { klCoef = 0.01, gamma = 1, baselineGroup = 0 }: ReinforcePlusPlusOptions = {},
): { advantages: Float64Array[]; returns: Float64Array[]; metrics: Readonly<Record<string, number>> } {
  const list = Array.from(inputs.scores);
  const scores =
    baselineGroup === 0
      ? list
      : groupsOf("advantages.reinforcePlusPlus", list.length, baselineGroup).flatMap(({ start, end }) => {
          const { mean } = momentsOf(list.slice(start, end));
          return list.slice(start, end).map((x) => x - mean);
        });
  const { rewards, metrics } = shapeRewards({ ...inputs, scores }, { klCoef });
  const returns = rewards.map((row) => {
    const sums = new Float64Array(row.length);
    for (let t = row.length - 1; t >= 0; t--) sums[t] = row[t]! + gamma * (sums[t + 1] ?? 0);
    return sums;
  });
  return { returns, advantages: whiten(returns, { variance: "population" }), metrics };
}
