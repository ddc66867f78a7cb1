/**
 * Nash-MD: towards the Nash equilibrium of a preference model, by playing against a mixture with the reference.
 *
 *   L = beta sum_t sg(log pi_t - log ref_t) log pi_t - (p - 1/2) sum_t log pi_t,
 *   p: probability that the policy's answer beats the mixture's
 *   mixture: log softmax(c ref + (1 - c) policy), from logits (`geometricMixture`)
 *
 * Munos et al. 2023 (2312.00886), section 7; the form is TRL's.
 */
import { add, logSoftmax, mul, stopGradient, sub, type Tensor } from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { beta, resolveOptions, type OptionsOf } from "./options.js";
import { keep, rowSum } from "./sums.js";

export const NASH_MD_OPTIONS = {
  beta: beta(0.1, "Weight of the KL against the reference.", { source: "TRL NashMDConfig.beta" }),
} as const;
export type NashMdOptions = OptionsOf<typeof NASH_MD_OPTIONS>;

export interface NashMdInputs {
  readonly logps: Tensor; // [rows, tokens], the policy on its own answers
  readonly refLogps: Tensor; // [rows, tokens]
  readonly probability: Tensor; // [rows], in [0, 1]
  readonly mask: Tensor; // [rows, tokens]
}

/**
 * Loss [rows].
 *
 * @example
 * const inputs = { logps: constant([-1], [1, 1]), refLogps: constant([-2], [1, 1]), mask: constant(1, [1, 1]) };
 * const { loss } = nashMd({ ...inputs, probability: constant([0.75], [1]) });
 * // loss = [0.15]
 */
export function nashMd(inputs: NashMdInputs, options: Partial<NashMdOptions> = {}): LossResult {
  const { beta } = resolveOptions("losses.nash_md", NASH_MD_OPTIONS, options);
  const { mask, probability } = inputs;
  const logps = keep(inputs.logps, mask);
  const ratio = stopGradient(sub(logps, keep(inputs.refLogps, mask)));
  const kl = rowSum(mul(ratio, logps), mask);
  const score = mul(sub(stopGradient(probability), 0.5), rowSum(logps, mask));
  return {
    loss: sub(mul(kl, beta), score),
    metrics: {
      "loss/score": score,
      "loss/kl": rowSum(ratio, mask),
      "rewards/probabilities": probability,
    },
  };
}

/**
 * Log-probabilities of the mixture that Nash-MD's opponent samples from: [..., vocabulary] -> [..., vocabulary].
 * `mixtureCoef` 0 is the policy, 1 the reference (TRL's default 0.5).
 *
 * @example
 * const mixture = geometricMixture(constant([0, 0], [2]), constant([0, 2], [2]), { mixtureCoef: 0.5 });
 * // mixture = [-1.3132616875182228, -0.3132616875182228]
 */
export function geometricMixture(
  logits: Tensor,
  refLogits: Tensor,
  { mixtureCoef }: { mixtureCoef: number },
): Tensor {
  return logSoftmax(add(mul(refLogits, mixtureCoef), mul(logits, 1 - mixtureCoef)));
}
