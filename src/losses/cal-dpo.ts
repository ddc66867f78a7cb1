/**
 * Cal-DPO: DPO whose rewards are also calibrated to absolute targets.

 *   L = -log sigmoid(c - r) + (c - 1 / (2 beta))^2 + (r + 1 / (2 beta))^2,  c, r = log pi/ref (chosen, rejected)

 * Xiao et al. 2024, "Cal-DPO: Calibrated Direct Preference Optimization" (2412.14516), its pseudo-code: no beta inside the
 * sigmoid.
 */
import { add, neg, softplus, square, sub } from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { beta, resolveOptions, type OptionsOf } from "./options.js";
import { pairRatios, ratioMetrics, type ReferencedPairInputs } from "./pairs.js";

export const CAL_DPO_OPTIONS = {
  beta: beta(0.001, "Targets are +-1 / (2 beta) nats a completion.", { source: "the authors' scripts" }),
} as const;
export type CalDpoOptions = OptionsOf<typeof CAL_DPO_OPTIONS>;

/**
 * Loss [pairs].
 *
 * @example
 * const pairs = pairsFrom({ chosen: [[-1, -2]], rejected: [[-3]], refChosen: [[-2, -2]], refRejected: [[-2]] });
 * const { loss } = calDpo(pairs, { beta: 0.5 });
 * // loss = [0.1269280110429725]
 */
export function calDpo(inputs: ReferencedPairInputs, options: Partial<CalDpoOptions> = {}): LossResult {
  const { beta } = resolveOptions("losses.cal_dpo", CAL_DPO_OPTIONS, options);
  const pair = pairRatios("losses.cal_dpo", inputs);
  const target = 0.5 / beta;
  const contrast = softplus(neg(sub(pair.chosenRatio, pair.rejectedRatio)));
  const calibration = add(square(sub(pair.chosenRatio, target)), square(add(pair.rejectedRatio, target)));
  return { loss: add(contrast, calibration), metrics: ratioMetrics(pair, beta) };
}
