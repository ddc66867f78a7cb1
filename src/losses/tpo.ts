/**
 * Triple preference optimisation: a contrast of chosen and rejected plus NLL on a third, gold answer. No reference model.
 *
 *   L = l(d) + alpha NLL(gold)
 *   sigmoid, hinge, ipo: as CPO's;  tpo-l: the logistic loss of beta d - gamma;  ipo and tpo-l use means over tokens
 *
 * Saeidi et al. 2024, "Triple Preference Optimization" (2405.16681); variants as TRL's TPOTrainer. The NLL is
 * one mean over the gold tokens of the batch.
 */
import { div, mul, relu, square, sub, type Tensor } from "../tensor/index.js";
import { nllTerm } from "./chosen-nll.js";
import type { LossResult } from "./contract.js";
import { smoothedLogistic } from "./numerics.js";
import { needed } from "./needed.js";
import { beta, choice, number, resolveOptions, type OptionsOf } from "./options.js";
import { pairMetrics, pairSums, type PairInputs } from "./pairs.js";
import { rowLength } from "./sums.js";

export const TPO_OPTIONS = {
  beta: beta(0.01, "Scale of the difference.", { source: "TRL TPOConfig.beta" }),
  tpoLossType: choice("sigmoid", {
    choices: ["sigmoid", "hinge", "ipo", "tpo-l"],
    doc: "Which loss of the difference.",
    source: "TPO: sigmoid",
  }),
  tpoAlpha: number(1, {
    min: 0,
    doc: "Weight of the gold answer's NLL; 0 leaves it out.",
    source: "TRL TPOConfig.tpo_alpha",
  }),
  tpoLGamma: number(0.5, { min: 0, doc: "Target margin of tpo-l.", source: "TRL TPOConfig.tpo_l_gamma" }),
  labelSmoothing: number(0, {
    min: 0,
    below: 0.5,
    doc: "Probability that a preference is the wrong way round (sigmoid and tpo-l).",
    source: "TPO: none",
  }),
} as const;
export type TpoOptions = OptionsOf<typeof TPO_OPTIONS>;

export interface TpoInputs extends PairInputs {
  readonly goldLogps?: Tensor; // [pairs, tokens]; needed unless tpoAlpha is 0
  readonly goldMask?: Tensor; // [pairs, tokens]
}

/**
 * Loss [pairs]: the contrast; the NLL is the `tokenTerm`.
 *
 * @example
 * const { loss } = tpo(pairsFrom({ chosen: [[-1, -2]], rejected: [[-3]] }), { beta: 0.5, tpoAlpha: 0 });
 * // loss = [0.6931471805599453]
 */
export function tpo(inputs: TpoInputs, options: Partial<TpoOptions> = {}): LossResult {
  const { beta, tpoLossType, tpoAlpha, tpoLGamma, labelSmoothing } = resolveOptions(
    "losses.tpo",
    TPO_OPTIONS,
    options,
  );
  const sums = pairSums("losses.tpo", inputs);
  const perToken = tpoLossType === "ipo" || tpoLossType === "tpo-l";
  const chosen = perToken ? div(sums.chosen, rowLength(inputs.chosenMask)) : sums.chosen;
  const rejected = perToken ? div(sums.rejected, rowLength(inputs.rejectedMask)) : sums.rejected;
  const delta = sub(chosen, rejected);
  const scaled = mul(delta, beta);
  const forms: Record<typeof tpoLossType, () => Tensor> = {
    sigmoid: () => smoothedLogistic(scaled, labelSmoothing),
    hinge: () => relu(sub(1, scaled)),
    ipo: () => square(sub(delta, 1 / (2 * beta))),
    "tpo-l": () => smoothedLogistic(sub(scaled, tpoLGamma), labelSmoothing),
  };
  const metrics = pairMetrics(
    { chosen: mul(chosen, beta), rejected: mul(rejected, beta) },
    { chosen, rejected },
  );
  const loss = forms[tpoLossType]();
  if (tpoAlpha === 0) return { loss, metrics };
  const why = " where tpoAlpha > 0";
  const logps = needed("losses.tpo", inputs, { name: "goldLogps", why });
  const mask = needed("losses.tpo", inputs, { name: "goldMask", why });
  const nll = nllTerm({ logps, mask }, tpoAlpha);
  return { ...nll, loss, metrics: { ...metrics, ...nll.metrics } };
}
