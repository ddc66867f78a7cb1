/**
 * DPO-Positive: DPO with a penalty where the chosen completion becomes less likely than under the reference.

 *   L = -log sigmoid(beta (d - lambda max(0, log ref/pi (chosen)))),  d = log pi/ref (chosen) - log pi/ref (rejected)

 * Pal et al. 2024, "Smaug: Fixing Failure Modes of Preference Optimisation with DPO-Positive" (2402.13228).
 */
import { mul, neg, relu, softplus, sub } from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { beta, number, resolveOptions, type OptionsOf } from "./options.js";
import { pairRatios, ratioMetrics, type ReferencedPairInputs } from "./pairs.js";

export const DPOP_OPTIONS = {
  beta: beta(0.3, "Strength of the pull towards the reference.", { source: "DPOP's experiments" }),
  dpopLambda: number(50, { min: 0, doc: "Weight of the penalty.", source: "DPOP's experiments" }),
} as const;
export type DpopOptions = OptionsOf<typeof DPOP_OPTIONS>;

/**
 * Loss [pairs]; ln 2 where policy equals reference.
 *
 * @example
 * const pairs = pairsFrom({ chosen: [[-1, -2]], rejected: [[-3]], refChosen: [[-2, -2]], refRejected: [[-2]] });
 * const { loss } = dpop(pairs, { beta: 0.5 });
 * // loss = [0.3132616875182229]
 */
export function dpop(inputs: ReferencedPairInputs, options: Partial<DpopOptions> = {}): LossResult {
  const { beta, dpopLambda } = resolveOptions("losses.dpop", DPOP_OPTIONS, options);
  const pair = pairRatios("losses.dpop", inputs);
  const delta = sub(pair.chosenRatio, pair.rejectedRatio);
  const penalty = mul(relu(neg(pair.chosenRatio)), dpopLambda);
  return { loss: softplus(neg(mul(sub(delta, penalty), beta))), metrics: ratioMetrics(pair, beta) };
}
