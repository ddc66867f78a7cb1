/**
 * Discovered preference optimisation: a blend of the logistic and the exponential loss that a language model found.

 *   L = (1 - m) (-log sigmoid(x)) + m e^-x,  m = sigmoid(x / tau),  x = beta d

 * Lu et al. 2024, "Discovering Preference Optimization Algorithms with and for LLMs" (2406.08414), eq. 5.

 * Deviations: 1. m e^-x is computed as e^(log m - x), finite where the product is Infinity * 0 (NaN in TRL).
 */
import { add, exp, logSigmoid, mul, neg, sigmoid, softplus, sub } from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { divergenceScore, F_DIVERGENCE_OPTIONS } from "./f-divergence.js";
import { beta, number, resolveOptions, type OptionsOf } from "./options.js";
import { pairRatios, ratioMetrics, type ReferencedPairInputs } from "./pairs.js";

export const DISCOPOP_OPTIONS = {
  beta: beta(0.05, "Strength of the pull towards the reference; larger stays closer.", {
    source: "DiscoPOP, appendix B.1",
  }),
  discopopTau: number(0.05, {
    above: 0,
    doc: "Temperature of the blend.",
    source: "DiscoPOP, appendix E",
  }),
  ...F_DIVERGENCE_OPTIONS,
} as const;
export type DiscopopOptions = OptionsOf<typeof DISCOPOP_OPTIONS>;

/**
 * Loss [pairs].
 *
 * @example
 * const pairs = pairsFrom({ chosen: [[-1, -2]], rejected: [[-3]], refChosen: [[-2, -2]], refRejected: [[-2]] });
 * const { loss } = discopop(pairs, { beta: 0.5 });
 * // loss = [0.3678794410588668]
 */
export function discopop(inputs: ReferencedPairInputs, options: Partial<DiscopopOptions> = {}): LossResult {
  const { beta, discopopTau, ...divergence } = resolveOptions("losses.discopop", DISCOPOP_OPTIONS, options);
  const pair = pairRatios("losses.discopop", inputs);
  const delta = sub(
    divergenceScore(pair.chosenRatio, divergence),
    divergenceScore(pair.rejectedRatio, divergence),
  );
  const x = mul(delta, beta);
  const blend = mul(x, 1 / discopopTau);
  const logistic = mul(softplus(neg(x)), sigmoid(neg(blend)));
  return { loss: add(logistic, exp(sub(logSigmoid(blend), x))), metrics: ratioMetrics(pair, beta) };
}
