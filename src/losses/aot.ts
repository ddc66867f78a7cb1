/**
 * Alignment by optimal transport, paired: the margins of the whole batch should dominate the reference's in distribution.

 *   L_i = smoothed logistic loss of beta (m_(i) - n_(i)),  m = log pi(chosen)/pi(rejected), n the reference's, each sorted over the batch

 * Melnyk et al. 2024, "Distributional Preference Alignment of LLMs via Optimal Transport" (2406.05882), section 3. It needs
 * the whole batch at once. Entry i of the loss belongs to the i-th smallest, not to row i; rows that only fill up the
 * batch must come last.
 */
import { mul, sub } from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { smoothedLogistic } from "./numerics.js";
import { sortedRows } from "./sums.js";
import { beta, number, resolveOptions, type OptionsOf } from "./options.js";
import { pairRatios, ratioMetrics, type ReferencedPairInputs } from "./pairs.js";

export const AOT_OPTIONS = {
  beta: beta(0.1, "Strength of the pull towards the reference; larger stays closer.", {
    source: "TRL DPOConfig.beta",
  }),
  labelSmoothing: number(0, {
    min: 0,
    below: 0.5,
    doc: "Probability that a preference is the wrong way round.",
    source: "AOT: none",
  }),
} as const;
export type AotOptions = OptionsOf<typeof AOT_OPTIONS>;

/**
 * Loss [pairs], in order of size.
 *
 * @example
 * const pairs = pairsFrom({ chosen: [[-1, -2]], rejected: [[-3]], refChosen: [[-2, -2]], refRejected: [[-2]] });
 * const { loss } = aot(pairs, { beta: 0.5 });
 * // loss = [0.3132616875182229]
 */
export function aot(inputs: ReferencedPairInputs, options: Partial<AotOptions> = {}): LossResult {
  const { beta, labelSmoothing } = resolveOptions("losses.aot", AOT_OPTIONS, options);
  const pair = pairRatios("losses.aot", inputs);
  const order = sortedRows(inputs.rowMask);
  const delta = sub(order(sub(pair.chosen, pair.rejected)), order(sub(pair.refChosen, pair.refRejected)));
  return { loss: smoothedLogistic(mul(delta, beta), labelSmoothing), metrics: ratioMetrics(pair, beta) };
}
