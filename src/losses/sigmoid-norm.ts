/**
 * DPO with log-ratios divided by their completion's length: a long answer gains nothing by its length.

 *   L = -log sigmoid(beta (f(r_chosen) / |chosen| - f(r_rejected) / |rejected|)),  r = log pi/ref

 * Length-normalised DPO of Lambert et al. 2024, Tulu 3 (2411.15124). An empty completion counts as of length 1.
 */
import { div, mul, neg, softplus, sub } from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { divergenceScore, F_DIVERGENCE_OPTIONS } from "./f-divergence.js";
import { rowLength } from "./sums.js";
import { beta, resolveOptions, type OptionsOf } from "./options.js";
import { pairRatios, ratioMetrics, type ReferencedPairInputs } from "./pairs.js";

export const SIGMOID_NORM_OPTIONS = {
  beta: beta(2, "Scale; a mean over tokens is small, so that it is larger than DPO's.", {
    source: "SimPO's README for a mean over tokens: 2.0 or 2.5",
  }),
  ...F_DIVERGENCE_OPTIONS,
} as const;
export type SigmoidNormOptions = OptionsOf<typeof SIGMOID_NORM_OPTIONS>;

/**
 * Loss [pairs]; ln 2 where policy equals reference.
 *
 * @example
 * const pairs = pairsFrom({ chosen: [[-1, -2]], rejected: [[-3]], refChosen: [[-2, -2]], refRejected: [[-2]] });
 * const { loss } = sigmoidNorm(pairs, { beta: 0.5 });
 * // loss = [0.3868710061148999]
 */
export function sigmoidNorm(
  inputs: ReferencedPairInputs,
  options: Partial<SigmoidNormOptions> = {},
): LossResult {
  const { beta, ...divergence } = resolveOptions("losses.sigmoid_norm", SIGMOID_NORM_OPTIONS, options);
  const pair = pairRatios("losses.sigmoid_norm", inputs);
  const chosen = div(divergenceScore(pair.chosenRatio, divergence), rowLength(inputs.chosenMask));
  const rejected = div(divergenceScore(pair.rejectedRatio, divergence), rowLength(inputs.rejectedMask));
  return { loss: softplus(neg(mul(sub(chosen, rejected), beta))), metrics: ratioMetrics(pair, beta) };
}
