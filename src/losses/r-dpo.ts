/**
 * R-DPO: DPO regularised against length.

 *   L = -log sigmoid(beta d + alpha (|chosen| - |rejected|)),  d = log pi/ref (chosen) - log pi/ref (rejected)

 * Park et al. 2024, "Disentangling Length from Quality in Direct Preference Optimization" (2403.19159), in the form
 * of the SimPO paper's table of objectives: a longer chosen answer is already content, and pushed less.
 */
import { add, mul, neg, softplus, sub } from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { rowCount } from "./sums.js";
import { beta, number, resolveOptions, type OptionsOf } from "./options.js";
import { pairRatios, ratioMetrics, type ReferencedPairInputs } from "./pairs.js";

export const R_DPO_OPTIONS = {
  beta: beta(0.1, "Strength of the pull towards the reference; larger stays closer.", {
    source: "TRL DPOConfig.beta",
  }),
  lengthAlpha: number(0.01, {
    min: 0,
    doc: "Nats a token of length difference.",
    source: "ours, to be tuned: 100 tokens count as one nat",
  }),
} as const;
export type RDpoOptions = OptionsOf<typeof R_DPO_OPTIONS>;

/**
 * Loss [pairs].
 *
 * @example
 * const pairs = pairsFrom({ chosen: [[-1, -2]], rejected: [[-3]], refChosen: [[-2, -2]], refRejected: [[-2]] });
 * const { loss } = rDpo(pairs, { beta: 0.5 });
 * // loss = [0.3105820887436109]
 */
export function rDpo(inputs: ReferencedPairInputs, options: Partial<RDpoOptions> = {}): LossResult {
  const { beta, lengthAlpha } = resolveOptions("losses.r_dpo", R_DPO_OPTIONS, options);
  const pair = pairRatios("losses.r_dpo", inputs);
  const delta = sub(pair.chosenRatio, pair.rejectedRatio);
  const longer = sub(rowCount(inputs.chosenMask), rowCount(inputs.rejectedMask));
  return {
    loss: softplus(neg(add(mul(delta, beta), mul(longer, lengthAlpha)))),
    metrics: ratioMetrics(pair, beta),
  };
}
