/**
 * Weighted preference optimisation: off-policy pairs count by how likely the policy itself would have written them.
 *
 *   L = w(chosen) w(rejected) L_DPO,  w(y) = exp(mean over tokens of (log pi(y_t) - log sum_v pi(v)^2)), no gradient
 *
 * Zhou et al. 2024, "WPO: Enhancing RLHF with Weighted Preference Optimization" (2406.11827), eq. 2. The sums over
 * the vocabulary come in per token. `wpoWeights` serves any other loss; as in TRL, weights are not capped at 1.
 */
import { div, exp, mul, stopGradient, sub, type Tensor } from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { dpo, type DpoOptions } from "./dpo.js";
import { needed } from "./needed.js";
import type { PairInputs, ReferencedPairInputs } from "./pairs.js";
import { rowLength, rowSum } from "./sums.js";

export interface WpoWeightInputs {
  readonly chosenLogSumSquares: Tensor; // [pairs, tokens], log sum over the vocabulary of pi^2
  readonly rejectedLogSumSquares: Tensor; // [pairs, tokens]
}

/** Weight of each pair [pairs], without gradient. */
export function wpoWeights(inputs: PairInputs & WpoWeightInputs): Tensor {
  const side = (logps: Tensor, squares: Tensor, { mask }: { mask: Tensor }): Tensor =>
    div(rowSum(sub(logps, squares), mask), rowLength(mask));
  const chosen = side(inputs.chosenLogps, needed("losses.wpo", inputs, { name: "chosenLogSumSquares" }), {
    mask: inputs.chosenMask,
  });
  const rejected = side(
    inputs.rejectedLogps,
    needed("losses.wpo", inputs, { name: "rejectedLogSumSquares" }),
    { mask: inputs.rejectedMask },
  );
  return stopGradient(mul(exp(chosen), exp(rejected)));
}

/**
 * Loss [pairs].
 *
 * @example
 * const pairs = pairsFrom({ chosen: [[-1]], rejected: [[-3]], refChosen: [[-1]], refRejected: [[-3]] });
 * const { loss } = wpo({ ...pairs, chosenLogSumSquares: constant(-1, [1, 1]), rejectedLogSumSquares: constant(-3, [1, 1]) });
 * // loss = [0.6931471805599453]
 */
export function wpo(
  inputs: ReferencedPairInputs & WpoWeightInputs,
  options: Partial<DpoOptions> = {},
): LossResult {
  const plain = dpo(inputs, options);
  return { ...plain, loss: mul(plain.loss, wpoWeights(inputs)) };
}
