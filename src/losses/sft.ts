/**
 * Supervised fine-tuning: negative log-likelihood per token. Knows no vocabulary; what needs the whole of it comes
 * in as per-token numbers.
 *
 *   nll:  l_t = -log p_t
 *   dft:  l_t = -sg(p_t) log p_t                       Wu et al. 2025, "On the Generalization of SFT" (2508.05629)
 *   label smoothing: (1 - eps) l_t - eps mean_v log p(v)      Szegedy et al. 2015 (1512.00567), section 7
 *   z-loss: + w * logsumexp(logits)^2                         Chowdhery et al. 2022, PaLM (2204.02311), section 5
 *
 * Deviations: 1. no label at all gives 0, as in TRL, not NaN.
 */
import { add, div, exp, mul, neg, square, stopGradient, type Tensor } from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { needed } from "./needed.js";
import { choice, number, resolveOptions, type OptionsOf } from "./options.js";
import { keep, rowCount, rowLength, rowSum } from "./sums.js";

export const SFT_OPTIONS = {
  lossType: choice("nll", {
    choices: ["nll", "dft"],
    doc: "nll: plain; dft: every token weighted by its own probability, without gradient through the weight.",
    source: "TRL SFTConfig.loss_type",
  }),
  labelSmoothing: number(0, {
    min: 0,
    below: 1,
    doc: "Share of the target spread over the whole vocabulary; needs meanLogps.",
    source: "transformers TrainingArguments.label_smoothing_factor",
  }),
  zLoss: number(0, {
    min: 0,
    doc: "Weight of logsumexp(logits)^2; needs logSumExp.",
    source: "off; PaLM used 1e-4",
  }),
} as const;
export type SftOptions = OptionsOf<typeof SFT_OPTIONS>;

export interface SftInputs {
  readonly logps: Tensor; // [rows, tokens], log p of each label
  readonly mask: Tensor; // [rows, tokens], 0 or 1
  /** [rows, tokens]: mean of log p over the whole vocabulary. Only for label smoothing. */
  readonly meanLogps?: Tensor;
  /** [rows, tokens]: logsumexp of the logits. Only for the z-loss. */
  readonly logSumExp?: Tensor;
}

/**
 * Loss [rows, tokens], zero at masked places; its sum is divided by the number of labels.
 *
 * @example
 * const { loss } = sft({ logps: constant([-1, -2, -9], [1, 3]), mask: constant([1, 1, 0], [1, 3]) });
 * // loss = [1, 2, 0]
 */
export function sft(inputs: SftInputs, options: Partial<SftOptions> = {}): LossResult {
  const { lossType, labelSmoothing, zLoss } = resolveOptions("losses.sft", SFT_OPTIONS, options);
  const { mask } = inputs;
  const logps = keep(inputs.logps, mask);
  const nll = neg(logps);
  let loss = lossType === "dft" ? mul(stopGradient(exp(logps)), nll) : nll;
  if (labelSmoothing > 0) {
    const mean = keep(
      needed("losses.sft", inputs, { name: "meanLogps", why: " where labelSmoothing > 0" }),
      mask,
    );
    loss = add(mul(loss, 1 - labelSmoothing), mul(mean, -labelSmoothing));
  }
  if (zLoss > 0) {
    const z = keep(needed("losses.sft", inputs, { name: "logSumExp", why: " where zLoss > 0" }), mask);
    loss = add(loss, mul(square(z), zLoss));
  }
  const count = rowCount(mask);
  return {
    loss: keep(loss, mask),
    metrics: { nll_loss: div(rowSum(nll, mask), rowLength(mask)) },
    metricRules: { nll_loss: { weight: count } },
  };
}
