/**
 * Contrastive preference optimisation: DPO with a uniform reference, plus NLL. No reference model.
 *
 *   L = l(log pi(chosen) - log pi(rejected)) + alpha NLL(chosen)
 *   sigmoid: -(1 - s) log sigmoid(beta d) - s log sigmoid(-beta d);  hinge: max(0, 1 - beta d);
 *   ipo: (d - 1 / (2 beta))^2 on means over tokens instead of sums
 *
 * Xu et al. 2024 (2401.08417), eq. 3; variants as TRL's CPOTrainer. The NLL is one mean over the tokens of the batch.
 *
 * Deviations: 1. an empty completion counts as of length 1 in `ipo`; TRL gives NaN.
 */
import { div, mul, relu, square, sub, type Tensor } from "../tensor/index.js";
import { nllTerm } from "./chosen-nll.js";
import type { LossResult } from "./contract.js";
import { smoothedLogistic } from "./numerics.js";
import { beta, choice, number, resolveOptions, type OptionsOf } from "./options.js";
import { pairMetrics, pairSums, type PairInputs } from "./pairs.js";
import { rowLength } from "./sums.js";

export const CPO_OPTIONS = {
  beta: beta(0.1, "Scale of the difference.", { source: "TRL CPOConfig.beta" }),
  cpoLossType: choice("sigmoid", {
    choices: ["sigmoid", "hinge", "ipo"],
    doc: "Which loss of the difference.",
    source: "CPO: sigmoid",
  }),
  cpoAlpha: number(1, { min: 0, doc: "Weight of the NLL.", source: "TRL CPOConfig.cpo_alpha" }),
  labelSmoothing: number(0, {
    min: 0,
    below: 0.5,
    doc: "Probability that a preference is the wrong way round (sigmoid only).",
    source: "CPO: none",
  }),
} as const;
export type CpoOptions = OptionsOf<typeof CPO_OPTIONS>;

/**
 * Loss [pairs]: the preference part; the NLL is the `tokenTerm`.
 *
 * @example
 * const { loss } = cpo(pairsFrom({ chosen: [[-1, -2]], rejected: [[-3]] }), { beta: 0.5 });
 * // loss = [0.6931471805599453]
 */
export function cpo(inputs: PairInputs, options: Partial<CpoOptions> = {}): LossResult {
  const { beta, cpoLossType, cpoAlpha, labelSmoothing } = resolveOptions("losses.cpo", CPO_OPTIONS, options);
  const sums = pairSums("losses.cpo", inputs);
  const perToken = cpoLossType === "ipo";
  const chosen = perToken ? div(sums.chosen, rowLength(inputs.chosenMask)) : sums.chosen;
  const rejected = perToken ? div(sums.rejected, rowLength(inputs.rejectedMask)) : sums.rejected;
  const delta = sub(chosen, rejected);
  const forms: Record<typeof cpoLossType, () => Tensor> = {
    sigmoid: () => smoothedLogistic(mul(delta, beta), labelSmoothing),
    hinge: () => relu(sub(1, mul(delta, beta))),
    ipo: () => square(sub(delta, 1 / (2 * beta))),
  };
  const nll = nllTerm({ logps: inputs.chosenLogps, mask: inputs.chosenMask }, cpoAlpha);
  const metrics = pairMetrics(
    { chosen: mul(chosen, beta), rejected: mul(rejected, beta) },
    { chosen, rejected },
  );
  return { ...nll, loss: forms[cpoLossType](), metrics: { ...metrics, ...nll.metrics } };
}
