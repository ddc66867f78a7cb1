/**
 * Robust DPO: an unbiased estimate of the clean loss when labels are flipped with a known probability.

 *   L = (-(1 - s) log sigmoid(beta d) + s log sigmoid(-beta d)) / (1 - 2 s)

 * Chowdhury, Kini and Natarajan 2024, "Provably Robust DPO" (2403.00409), section 3.1. Unlike cDPO, the loss can be negative.
 */
import { add, logSigmoid, mul, neg, sub } from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { divergenceScore, F_DIVERGENCE_OPTIONS } from "./f-divergence.js";
import { beta, number, resolveOptions, type OptionsOf } from "./options.js";
import { pairRatios, ratioMetrics, type ReferencedPairInputs } from "./pairs.js";

export const ROBUST_OPTIONS = {
  beta: beta(0.01, "Strength of the pull towards the reference; larger stays closer.", {
    source: "Robust DPO, appendix B",
  }),
  labelSmoothing: number(0.1, {
    min: 0,
    below: 0.5,
    doc: "Probability that a preference is the wrong way round.",
    source: "Robust DPO, section 6",
  }),
  ...F_DIVERGENCE_OPTIONS,
} as const;
export type RobustOptions = OptionsOf<typeof ROBUST_OPTIONS>;

/**
 * Loss [pairs]; ln 2 where policy equals reference.
 *
 * @example
 * const pairs = pairsFrom({ chosen: [[-1, -2]], rejected: [[-3]], refChosen: [[-2, -2]], refRejected: [[-2]] });
 * const { loss } = robust(pairs, { beta: 0.5, labelSmoothing: 0.1 });
 * // loss = [0.1882616875182229]
 */
export function robust(inputs: ReferencedPairInputs, options: Partial<RobustOptions> = {}): LossResult {
  const { beta, labelSmoothing, ...divergence } = resolveOptions("losses.robust", ROBUST_OPTIONS, options);
  const pair = pairRatios("losses.robust", inputs);
  const delta = sub(
    divergenceScore(pair.chosenRatio, divergence),
    divergenceScore(pair.rejectedRatio, divergence),
  );
  const x = mul(delta, beta);
  const scale = 1 / (1 - 2 * labelSmoothing);
  const clean = mul(logSigmoid(x), -(1 - labelSmoothing) * scale);
  return {
    loss: add(clean, mul(logSigmoid(neg(x)), labelSmoothing * scale)),
    metrics: ratioMetrics(pair, beta),
  };
}
