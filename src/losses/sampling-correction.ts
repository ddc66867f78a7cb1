/**
 * What a loss must be multiplied by where the sampler is not exactly the trainer: the ratio of their probabilities, cut off;
 * and how far the two differ.
 *
 *   token_*: w_t = pi_trainer / pi_sampler of a token;   sequence_*: of the whole answer
 *   *_truncate: min(max(w, clipMin), clipMax);   *_mask: w, or 0 outside [clipMin, clipMax]
 *
 * Truncated importance sampling: Ionides 2008; Yao et al. 2025, "Your efficient RL framework secretly brings you off-policy
 * RL training". Modes and default cap are TRL's.
 */
import {
  abs,
  and,
  clamp,
  exp,
  greater,
  less,
  max,
  neg,
  not,
  reshape,
  stopGradient,
  sub,
  type Tensor,
  where,
} from "../tensor/index.js";
import { mergeMetrics, type Metrics, tokenMeans } from "./policy.js";
import { keep, rowCount, rowSum } from "./sums.js";

export const SAMPLING_MODES = ["token_truncate", "token_mask", "sequence_truncate", "sequence_mask"] as const;
export type SamplingMode = (typeof SAMPLING_MODES)[number];

export interface SamplingCorrectionInputs {
  /** [rows, tokens], log-probabilities of the sampled tokens as the trainer computes them. */
  readonly logps: Tensor;
  /** [rows, tokens], as the sampler did. */
  readonly samplingLogps: Tensor;
  /** [rows, tokens] */
  readonly mask: Tensor;
}

export interface SamplingCorrectionOptions {
  /** Default "sequence_mask" (TRL GRPOConfig.vllm_importance_sampling_mode). */
  mode?: SamplingMode;
  /** Default 0: no lower end. */
  clipMin?: number;
  /** Default 3 (TRL GRPOConfig.vllm_importance_sampling_clip_max). */
  clipMax?: number;
}

export interface SamplingCorrection extends Metrics {
  /** Without a gradient. [rows, tokens] for token modes, [rows, 1] for sequence modes. */
  readonly ratio: Tensor;
}

/** Beyond every ratio of float32: what is not counted loses to what is. */
const FAR = 3e38;

/** Metrics are `sampling/...`, TRL's names, over real tokens; over rows for a ratio a row. */
export function samplingCorrection(
  { logps, samplingLogps, mask }: SamplingCorrectionInputs,
  { mode = "sequence_mask", clipMin = 0, clipMax = 3 }: SamplingCorrectionOptions = {},
): SamplingCorrection {
  const [rows] = mask.shape as [number, number];
  const gap = sub(keep(stopGradient(logps), mask), keep(samplingLogps, mask));
  const perRow = mode.startsWith("sequence");
  const raw = exp(clamp(perRow ? reshape(rowSum(gap, mask), [rows, 1]) : gap, -80, 80));
  const ratio = mode.endsWith("truncate")
    ? clamp(raw, clipMin, clipMax)
    : where(and(not(less(raw, clipMin)), not(greater(raw, clipMax))), raw, 0);
  // A row without a token has nothing to compare.
  const weight = rowCount(mask);
  const real = perRow ? undefined : greater(mask, 0);
  const most = (x: Tensor): Tensor => max(real ? where(real, x, -FAR) : x, { axes: [1] });
  const distances = abs(gap);
  const mean = perRow
    ? {
        metrics: { "sampling/importance_sampling_ratio/mean": reshape(ratio, [rows]) },
        metricRules: {},
      }
    : tokenMeans({ "sampling/importance_sampling_ratio/mean": ratio }, mask);
  const extremes: Metrics = {
    metrics: {
      "sampling/sampling_logp_difference/max": max(distances, { axes: [1] }),
      "sampling/importance_sampling_ratio/min": neg(most(neg(ratio))),
      "sampling/importance_sampling_ratio/max": most(ratio),
    },
    metricRules: {
      "sampling/sampling_logp_difference/max": { weight, reduce: "max" },
      "sampling/importance_sampling_ratio/min": { weight, reduce: "min" },
      "sampling/importance_sampling_ratio/max": { weight, reduce: "max" },
    },
  };
  return {
    ratio,
    ...mergeMetrics(
      tokenMeans({ "sampling/sampling_logp_difference/mean": distances }, mask),
      mean,
      extremes,
    ),
  };
}
