/**
 * Exploratory preference optimisation: online DPO between the policy's answer and the reference's, plus optimism.
 *
 *   L = l(beta (log pi/ref (chosen) - log pi/ref (rejected))) + alpha sum_t log pi(reference's answer)
 *   sigmoid: l(x) = -log sigmoid(x);   ipo: l = (x / beta - 1 / (2 beta))^2
 *
 * Xie et al. 2024 (2405.21046), algorithm 1. Online DPO itself (2402.04792) is `sigmoid` (DPO) or `ipo_sum` on the pairs of
 * `choosePairs`.
 */
import {
  add,
  greater,
  logSigmoid,
  mul,
  neg,
  square,
  stopGradient,
  sub,
  where,
  type Tensor,
} from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { beta, choice, number, resolveOptions, type OptionsOf } from "./options.js";
import { pairMetrics } from "./pairs.js";
import { rowSum } from "./sums.js";

export const XPO_OPTIONS = {
  beta: beta(0.1, "Strength of the pull towards the reference.", { source: "TRL XPOConfig.beta" }),
  alpha: number(1e-5, {
    min: 0,
    doc: "Weight of the optimism term, which makes the reference's answers less likely.",
    source: "TRL XPOConfig.alpha",
  }),
  lossType: choice("sigmoid", {
    choices: ["sigmoid", "ipo"],
    doc: "The loss on the pair; ipo takes sums over whole answers.",
    source: "TRL XPOConfig.loss_type",
  }),
} as const;
export type XpoOptions = OptionsOf<typeof XPO_OPTIONS>;

export interface XpoInputs {
  readonly policyLogps: Tensor; // [rows, tokens], the policy on its own answers
  readonly refOfPolicyLogps: Tensor; // [rows, tokens], the reference on them
  readonly policyMask: Tensor; // [rows, tokens]
  readonly policyOfRefLogps: Tensor; // [rows, tokens], the policy on the reference's answers
  readonly refLogps: Tensor; // [rows, tokens], the reference on its own
  readonly refMask: Tensor; // [rows, tokens]
  readonly policyChosen: Tensor; // [rows], 1 where the policy's answer was preferred
}

/**
 * Loss [rows].
 *
 * @example
 * const one = (x) => constant([x], [1, 1]);
 * const policy = { policyLogps: one(-1), refOfPolicyLogps: one(-1), policyMask: one(1), policyChosen: constant([1], [1]) };
 * const { loss } = xpo({ ...policy, policyOfRefLogps: one(-2), refLogps: one(-2), refMask: one(1) }, { alpha: 0.01 });
 * // loss = [0.6731471805599453]
 */
export function xpo(inputs: XpoInputs, options: Partial<XpoOptions> = {}): LossResult {
  const { beta, alpha, lossType } = resolveOptions("losses.xpo", XPO_OPTIONS, options);
  const { policyMask, refMask } = inputs;
  const ofRef = rowSum(inputs.policyOfRefLogps, refMask);
  const ofPolicy = rowSum(inputs.policyLogps, policyMask);
  const own = sub(ofPolicy, fixed(inputs.refOfPolicyLogps, policyMask));
  const other = sub(ofRef, fixed(inputs.refLogps, refMask));
  const wins = greater(inputs.policyChosen, 0.5);
  const chosen = where(wins, own, other);
  const rejected = where(wins, other, own);
  const margin = sub(chosen, rejected);
  const preference =
    lossType === "sigmoid" ? neg(logSigmoid(mul(margin, beta))) : square(sub(margin, 1 / (2 * beta)));
  const optimism = mul(ofRef, alpha);
  return {
    loss: add(preference, optimism),
    metrics: {
      "loss/dpo": preference,
      "loss/xpo": optimism,
      ...pairMetrics(
        { chosen: mul(chosen, beta), rejected: mul(rejected, beta) },
        { chosen: where(wins, ofPolicy, ofRef), rejected: where(wins, ofRef, ofPolicy) },
      ),
    },
  };
}

const fixed = (x: Tensor, mask: Tensor): Tensor => stopGradient(rowSum(x, mask));
