/**
 * beta-DPO: DPO whose beta follows how far apart the batch's pairs are.
 *
 *   m <- momentum m + (1 - momentum) mean(d);  beta' = max(0.001, beta (1 + alpha (mean(d) - m)));
 *   L = -log sigmoid(beta' d),  d = log pi/ref (chosen) - log pi/ref (rejected)
 *
 * Wu et al. 2024, "beta-DPO: Direct Preference Optimization with Dynamic beta" (2407.08639), as in the
 * authors' code: the running mean moves before it is used, and beta' carries no gradient. Without their data filter. It
 * needs the whole batch at once.
 */
import { add, expand, maximum, mul, neg, softplus, stopGradient, sub, type Tensor } from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { needed } from "./needed.js";
import { beta, number, resolveOptions, type OptionsOf } from "./options.js";
import { pairRatios, ratioMetrics, type ReferencedPairInputs } from "./pairs.js";
import { rowMean } from "./sums.js";

export const BETA_DPO_OPTIONS = {
  beta: beta(0.1, "beta where the batch's mean gap is the running one.", { source: "the authors' README" }),
  dynamicAlpha: number(0.6, {
    min: 0,
    doc: "How strongly beta follows the gap.",
    source: "the authors' README",
  }),
  gapMomentum: number(0.9, {
    min: 0,
    below: 1,
    doc: "Decay of the running mean gap.",
    source: "the authors' code",
  }),
} as const;
export type BetaDpoOptions = OptionsOf<typeof BETA_DPO_OPTIONS>;

export interface BetaDpoInputs extends ReferencedPairInputs {
  /** [], the running mean gap left by the batch before (`state.gapMean`); 0 for the first. */
  readonly gapMean: Tensor;
}

const LOWEST_BETA = 1e-3;

/**
 * Loss [pairs], and the running mean in `state.gapMean`.
 *
 * @example
 * const pairs = pairsFrom({ chosen: [[-1, -2]], rejected: [[-3]], refChosen: [[-2, -2]], refRejected: [[-2]] });
 * const { loss } = betaDpo({ ...pairs, gapMean: constant(2) }, { beta: 0.5 });
 * // loss = [0.3132616875182228]
 */
export function betaDpo(inputs: BetaDpoInputs, options: Partial<BetaDpoOptions> = {}): LossResult {
  const { beta, dynamicAlpha, gapMomentum } = resolveOptions("losses.beta_dpo", BETA_DPO_OPTIONS, options);
  const pair = pairRatios("losses.beta_dpo", inputs);
  const gap = sub(pair.chosenRatio, pair.rejectedRatio);
  const mean = stopGradient(rowMean(gap, inputs.rowMask));
  const gapMean = add(
    mul(stopGradient(needed("losses.beta_dpo", inputs, { name: "gapMean" })), gapMomentum),
    mul(mean, 1 - gapMomentum),
  );
  const used = maximum(mul(add(mul(sub(mean, gapMean), dynamicAlpha), 1), beta), LOWEST_BETA);
  return {
    loss: softplus(neg(mul(gap, used))),
    metrics: { ...ratioMetrics(pair, beta), beta_used: expand(used, gap.shape) },
    state: { gapMean },
  };
}
