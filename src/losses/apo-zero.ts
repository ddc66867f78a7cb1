/**
 * Anchored preference optimisation, zero: raise the chosen one's likelihood, lower the rejected one's. For data better
 * than the model.

 *   L = 1 - sigmoid(beta log pi/ref (chosen)) + sigmoid(beta log pi/ref (rejected))

 * D'Oosterlinck et al. 2024 (2408.06266), eq. 7.
 */
import { add, mul, neg, sigmoid } from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { beta, resolveOptions, type OptionsOf } from "./options.js";
import { pairRatios, ratioMetrics, type ReferencedPairInputs } from "./pairs.js";

export const APO_ZERO_OPTIONS = {
  beta: beta(0.1, "Strength of the pull towards the reference; larger stays closer.", {
    source: "APO, section 5.2",
  }),
} as const;
export type ApoZeroOptions = OptionsOf<typeof APO_ZERO_OPTIONS>;

/**
 * Loss [pairs]; 1 where policy equals reference.
 *
 * @example
 * const pairs = pairsFrom({ chosen: [[-1, -2]], rejected: [[-3]], refChosen: [[-2, -2]], refRejected: [[-2]] });
 * const { loss } = apoZero(pairs, { beta: 0.5 });
 * // loss = [0.7550813375962908]
 */
export function apoZero(inputs: ReferencedPairInputs, options: Partial<ApoZeroOptions> = {}): LossResult {
  const { beta } = resolveOptions("losses.apo_zero", APO_ZERO_OPTIONS, options);
  const pair = pairRatios("losses.apo_zero", inputs);
  return {
    loss: add(sigmoid(neg(mul(pair.chosenRatio, beta))), sigmoid(mul(pair.rejectedRatio, beta))),
    metrics: ratioMetrics(pair, beta),
  };
}
