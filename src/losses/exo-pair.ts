/**
 * EXO on pairs: the reverse KL from the policy's preference to the data's, smoothed.

 *   L = q log(q / (1 - s)) + (1 - q) log((1 - q) / s),  q = sigmoid(beta d)

 * Ji et al. 2024, "Towards Efficient Exact Optimization of Language Model Alignment" (2402.00856), eq. 16.
 * s must be above 0: log s has no limit.
 */
import { add, logSigmoid, mul, neg, sigmoid, sub } from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { divergenceScore, F_DIVERGENCE_OPTIONS } from "./f-divergence.js";
import { beta, number, resolveOptions, type OptionsOf } from "./options.js";
import { pairRatios, ratioMetrics, type ReferencedPairInputs } from "./pairs.js";

export const EXO_PAIR_OPTIONS = {
  beta: beta(0.1, "Strength of the pull towards the reference; larger stays closer.", {
    source: "EXO, appendix B",
  }),
  labelSmoothing: number(0.001, {
    above: 0,
    below: 0.5,
    doc: "Probability that a preference is the wrong way round.",
    source: "EXO, as TRL DPOConfig quotes it",
  }),
  ...F_DIVERGENCE_OPTIONS,
} as const;
export type ExoPairOptions = OptionsOf<typeof EXO_PAIR_OPTIONS>;

/**
 * Loss [pairs].
 *
 * @example
 * const pairs = pairsFrom({ chosen: [[-1, -2]], rejected: [[-3]], refChosen: [[-2, -2]], refRejected: [[-2]] });
 * const { loss } = exoPair(pairs, { beta: 0.5, labelSmoothing: 0.1 });
 * // loss = [0.1140821076674979]
 */
export function exoPair(inputs: ReferencedPairInputs, options: Partial<ExoPairOptions> = {}): LossResult {
  const { beta, labelSmoothing, ...divergence } = resolveOptions(
    "losses.exo_pair",
    EXO_PAIR_OPTIONS,
    options,
  );
  const pair = pairRatios("losses.exo_pair", inputs);
  const delta = sub(
    divergenceScore(pair.chosenRatio, divergence),
    divergenceScore(pair.rejectedRatio, divergence),
  );
  const x = mul(delta, beta);
  const won = mul(sigmoid(x), sub(logSigmoid(x), Math.log1p(-labelSmoothing)));
  const lost = mul(sigmoid(neg(x)), sub(logSigmoid(neg(x)), Math.log(labelSmoothing)));
  return { loss: add(won, lost), metrics: ratioMetrics(pair, beta) };
}
