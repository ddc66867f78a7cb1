/**
 * Anchored preference optimisation, down: lower the chosen one's likelihood, and the rejected one's more. For data worse
 * than the model.

 *   L = sigmoid(beta log pi/ref (chosen)) + 1 - sigmoid(beta (log pi/ref (chosen) - log pi/ref (rejected)))

 * D'Oosterlinck et al. 2024 (2408.06266), eq. 8.
 */
import { add, mul, sigmoid, sub } from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { beta, resolveOptions, type OptionsOf } from "./options.js";
import { pairRatios, ratioMetrics, type ReferencedPairInputs } from "./pairs.js";

export const APO_DOWN_OPTIONS = {
  beta: beta(0.1, "Strength of the pull towards the reference; larger stays closer.", {
    source: "APO, section 5.2",
  }),
} as const;
export type ApoDownOptions = OptionsOf<typeof APO_DOWN_OPTIONS>;

/**
 * Loss [pairs]; 1 where policy equals reference.
 *
 * @example
 * const pairs = pairsFrom({ chosen: [[-1, -2]], rejected: [[-3]], refChosen: [[-2, -2]], refRejected: [[-2]] });
 * const { loss } = apoDown(pairs, { beta: 0.5 });
 * // loss = [0.8914007525718496]
 */
export function apoDown(inputs: ReferencedPairInputs, options: Partial<ApoDownOptions> = {}): LossResult {
  const { beta } = resolveOptions("losses.apo_down", APO_DOWN_OPTIONS, options);
  const pair = pairRatios("losses.apo_down", inputs);
  const lowered = sigmoid(mul(pair.chosenRatio, beta));
  const apart = sigmoid(mul(sub(pair.rejectedRatio, pair.chosenRatio), beta));
  return { loss: add(lowered, apart), metrics: ratioMetrics(pair, beta) };
}
