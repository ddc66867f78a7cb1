/**
 * Kahneman-Tversky optimisation: single completions marked good or bad, valued against how far the policy has moved in
 * general.
 *
 *   good: L = w_good (1 - sigmoid(beta (r - kl)));   bad: L = w_bad (1 - sigmoid(beta (kl - r)));   r = log pi/ref
 *   kl = max(0, mean of log pi/ref over mismatched prompts and completions), without gradient
 *
 * Ethayarajh et al. 2024 (2402.01306), eq. 7. The estimate is an input, because it is a mean over the whole
 * accumulated batch: `ktoKl` makes it from mismatched completions, of which a batch of one has none.
 */
import {
  constant,
  expand,
  maximum,
  mul,
  neg,
  sigmoid,
  stopGradient,
  sub,
  type Tensor,
} from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { needed } from "./needed.js";
import { beta, resolveOptions, type OptionsOf } from "./options.js";
import { rowMean } from "./sums.js";
import { byLabel, unpairedMetrics, unpairedRatios, WEIGHT_OPTIONS, type UnpairedInputs } from "./unpaired.js";

export const KTO_OPTIONS = {
  beta: beta(0.1, "Risk aversion, and the pull towards the reference.", { source: "TRL KTOConfig.beta" }),
  ...WEIGHT_OPTIONS,
} as const;
export type KtoOptions = OptionsOf<typeof KTO_OPTIONS>;

export interface KtoInputs extends UnpairedInputs {
  /** [], the estimate of the KL divergence, in nats; clamped at 0 here, and without gradient. */
  readonly kl: Tensor;
}

/**
 * The KL estimate [], before clamping: mean of log pi - log ref over mismatched completions, whose logps and mask
 * are those of other rows' completions under this row's prompt. No gradient.
 */
export function ktoKl(mismatched: Omit<UnpairedInputs, "desirable">): Tensor {
  const desirable = constant(1, [mismatched.mask.shape[0]!]);
  const { ratio } = unpairedRatios("losses.ktoKl", { ...mismatched, desirable });
  return stopGradient(rowMean(ratio, mismatched.rowMask));
}

/**
 * Loss [rows], in batch order, weights included; 1/2 times the weight where policy equals reference.
 *
 * @example
 * const inputs = { logps: constant([-1, -3], [2, 1]), mask: constant(1, [2, 1]), refLogps: constant(-2, [2]) };
 * const { loss } = kto({ ...inputs, desirable: constant([1, 0], [2]), kl: constant(0) }, { beta: 1 });
 * // loss = [0.2689414213699951, 0.2689414213699951]
 */
export function kto(inputs: KtoInputs, options: Partial<KtoOptions> = {}): LossResult {
  const { beta, desirableWeight, undesirableWeight } = resolveOptions("losses.kto", KTO_OPTIONS, options);
  const { desirable } = inputs;
  const { policy, ratio } = unpairedRatios("losses.kto", inputs);
  const kl = maximum(stopGradient(needed("losses.kto", inputs, { name: "kl" })), 0);
  const above = mul(sub(ratio, kl), beta);
  const metrics = unpairedMetrics({ reward: mul(ratio, beta), policy }, desirable);
  return {
    ...metrics,
    // 1 - sigmoid(x) = sigmoid(-x), without losing the small ones.
    loss: mul(
      sigmoid(byLabel(desirable, neg(above), above)),
      byLabel(desirable, constant(desirableWeight), undesirableWeight),
    ),
    metrics: { ...metrics.metrics, kl: expand(kl, ratio.shape) },
  };
}
