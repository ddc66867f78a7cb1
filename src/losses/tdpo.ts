/**
 * Token-level DPO: DPO with the KL divergence of every position in the margin.
 *
 *   TDPO1: x = beta (r_chosen - r_rejected - (K_rejected - K_chosen))
 *   TDPO2: x = beta (r_chosen - r_rejected - alpha (K_rejected - sg(K_chosen)));  L = -log sigmoid(x)
 *   r = log pi/ref of a completion, K = sum over its tokens of KL(ref || pi) at that position
 *
 * Zeng et al. 2024, "Token-level Direct Preference Optimization" (2404.11999), as in the authors' code.
 * K needs the whole vocabulary of both models; it comes in per token.
 */
import { add, mul, neg, softplus, stopGradient, sub, type Tensor } from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { needed } from "./needed.js";
import { beta, number, resolveOptions, type OptionsOf } from "./options.js";
import { pairMetrics, pairRatios, type ReferencedPairInputs } from "./pairs.js";
import { rowSum } from "./sums.js";

export const TDPO1_OPTIONS = {
  beta: beta(0.1, "Strength of the pull towards the reference.", { source: "the authors' README" }),
} as const;
export const TDPO2_OPTIONS = {
  ...TDPO1_OPTIONS,
  alpha: number(0.5, { min: 0, doc: "Weight of the difference in KL.", source: "the authors' README" }),
} as const;
export type Tdpo1Options = OptionsOf<typeof TDPO1_OPTIONS>;
export type Tdpo2Options = OptionsOf<typeof TDPO2_OPTIONS>;

export interface TdpoInputs extends ReferencedPairInputs {
  readonly chosenKl: Tensor; // [pairs, tokens], KL(ref || pi) at each position, differentiable
  readonly rejectedKl: Tensor; // [pairs, tokens]
}

function tdpo(
  where: string,
  inputs: TdpoInputs,
  { beta, margin }: { beta: number; margin: (kl: { chosen: Tensor; rejected: Tensor }) => Tensor },
): LossResult {
  const pair = pairRatios(where, inputs);
  const kl = {
    chosen: rowSum(needed(where, inputs, { name: "chosenKl" }), inputs.chosenMask),
    rejected: rowSum(needed(where, inputs, { name: "rejectedKl" }), inputs.rejectedMask),
  };
  const x = sub(sub(pair.chosenRatio, pair.rejectedRatio), margin(kl));
  const rewards = {
    chosen: mul(add(pair.chosenRatio, kl.chosen), beta),
    rejected: mul(add(pair.rejectedRatio, kl.rejected), beta),
  };
  return {
    loss: softplus(neg(mul(x, beta))),
    metrics: { ...pairMetrics(rewards, pair), "kl/chosen": kl.chosen, "kl/rejected": kl.rejected },
  };
}

/**
 * TDPO1. Loss [pairs]; ln 2 where policy equals reference.
 *
 * @example
 * const pairs = pairsFrom({ chosen: [[-1, -2]], rejected: [[-3]], refChosen: [[-2, -2]], refRejected: [[-2]] });
 * const { loss } = tdpo1({ ...pairs, chosenKl: constant(0, [1, 2]), rejectedKl: constant(0, [1, 1]) }, { beta: 0.5 });
 * // loss = [0.3132616875182228]
 */
export function tdpo1(inputs: TdpoInputs, options: Partial<Tdpo1Options> = {}): LossResult {
  const { beta } = resolveOptions("losses.tdpo1", TDPO1_OPTIONS, options);
  return tdpo("losses.tdpo1", inputs, { beta, margin: (kl) => sub(kl.rejected, kl.chosen) });
}

/**
 * TDPO2: the chosen side's KL carries no gradient. Loss [pairs]; ln 2 where policy equals reference.
 *
 * @example
 * const pairs = pairsFrom({ chosen: [[-1, -2]], rejected: [[-3]], refChosen: [[-2, -2]], refRejected: [[-2]] });
 * const { loss } = tdpo2({ ...pairs, chosenKl: constant(0, [1, 2]), rejectedKl: constant(0, [1, 1]) }, { beta: 0.5 });
 * // loss = [0.3132616875182228]
 */
export function tdpo2(inputs: TdpoInputs, options: Partial<Tdpo2Options> = {}): LossResult {
  const { beta, alpha } = resolveOptions("losses.tdpo2", TDPO2_OPTIONS, options);
  return tdpo("losses.tdpo2", inputs, {
    beta,
    margin: (kl) => mul(sub(kl.rejected, stopGradient(kl.chosen)), alpha),
  });
}
