/**
 * Alignment by optimal transport, unpaired: rewards of chosen answers should dominate those of rejected ones in distribution.

 *   L_i = smoothed logistic loss of beta (c_(i) - r_(i)),  c, r = log pi/ref (chosen, rejected), each sorted over the batch

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

export const AOT_UNPAIRED_OPTIONS = {
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
export type AotUnpairedOptions = OptionsOf<typeof AOT_UNPAIRED_OPTIONS>;

/**
 * Loss [pairs], in order of size.
 *
 * @example
 * const pairs = pairsFrom({ chosen: [[-1, -2]], rejected: [[-3]], refChosen: [[-2, -2]], refRejected: [[-2]] });
 * const { loss } = aotUnpaired(pairs, { beta: 0.5 });
 * // loss = [0.3132616875182229]
 */
export function aotUnpaired(
  inputs: ReferencedPairInputs,
  options: Partial<AotUnpairedOptions> = {},
): LossResult {
  const { beta, labelSmoothing } = resolveOptions("losses.aot_unpaired", AOT_UNPAIRED_OPTIONS, options);
  const pair = pairRatios("losses.aot_unpaired", inputs);
  const order = sortedRows(inputs.rowMask);
  const delta = sub(order(pair.chosenRatio), order(pair.rejectedRatio));
  return { loss: smoothedLogistic(mul(delta, beta), labelSmoothing), metrics: ratioMetrics(pair, beta) };
}
