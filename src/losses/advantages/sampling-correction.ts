/**
 * What a loss must be multiplied by where the sampler is not exactly the trainer: the ratio of their probabilities, cut off.
 *
 *   token_*: w_t = pi_trainer / pi_sampler of a token;   sequence_*: of the whole answer
 *   *_truncate: min(max(w, clipMin), clipMax);   *_mask: w, or 0 outside [clipMin, clipMax]
 *
 * Truncated importance sampling: Ionides 2008; Yao et al. 2025, "Your efficient RL framework secretly brings you off-policy
 * RL training". Modes and default cap are TRL's.
 */
import { checkRows, everyToken, mapRows, momentsOf, sumOf, type TokenRows } from "./rows.js";

export const SAMPLING_MODES = ["token_truncate", "token_mask", "sequence_truncate", "sequence_mask"] as const;
export type SamplingMode = (typeof SAMPLING_MODES)[number];

export interface SamplingCorrectionOptions {
  /** Default "sequence_mask" (TRL GRPOConfig.vllm_importance_sampling_mode). */
  mode?: SamplingMode;
  /** Default 0: no lower end. */
  clipMin?: number;
  /** Default 3 (TRL GRPOConfig.vllm_importance_sampling_clip_max). */
  clipMax?: number;
}

export interface SamplingCorrection {
  /** [rows][tokens] for token modes, [rows][1] for sequence modes. */
  readonly ratio: Float64Array[];
  readonly perRow: boolean;
  /** `sampling/...`: TRL's names, over real tokens (over rows for a ratio a row). */
  readonly metrics: Readonly<Record<string, number>>;
}

/** Throws `usage` where rows do not fit. */
export function samplingCorrection(
  trainerLogps: TokenRows,
  samplerLogps: TokenRows,
  { mode = "sequence_mask", clipMin = 0, clipMax = 3 }: SamplingCorrectionOptions = {},
): SamplingCorrection {
  checkRows("advantages.samplingCorrection", trainerLogps, { samplerLogps });
  const differences = mapRows(trainerLogps, (x, r, t) => x - samplerLogps[r]![t]!);
  const perRow = mode.startsWith("sequence");
  const logs = perRow ? differences.map((row) => Float64Array.of(sumOf(row))) : differences;
  const limit = (w: number): number => {
    if (mode.endsWith("truncate")) return Math.min(clipMax, Math.max(clipMin, w));
    return w < clipMin || w > clipMax ? 0 : w;
  };
  const ratio = logs.map((row) => row.map((x) => limit(Math.exp(x))));
  const gaps = [...everyToken(differences)].map(Math.abs);
  const ratios = [...everyToken(ratio)];
  const extreme = (list: number[], of: (a: number, b: number) => number): number =>
    list.length === 0 ? 0 : list.reduce(of);
  const larger = (a: number, b: number): number => Math.max(a, b);
  return {
    ratio,
    perRow,
    metrics: {
      "sampling/sampling_logp_difference/mean": momentsOf(gaps).mean,
      "sampling/sampling_logp_difference/max": extreme(gaps, larger),
      "sampling/importance_sampling_ratio/min": extreme(ratios, (a, b) => Math.min(a, b)),
      "sampling/importance_sampling_ratio/mean": momentsOf(ratios).mean,
      "sampling/importance_sampling_ratio/max": extreme(ratios, larger),
    },
  };
}
