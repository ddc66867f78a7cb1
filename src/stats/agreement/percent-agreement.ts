/** Percent agreement of any number of raters, values missing or not. Knows counts only. */
import { readUnits, type WeightedCountOptions } from "./units.js";

export interface PercentAgreement {
  /** In [0, 1]; null when no item had two labels. */
  agreement: number | null;
  /** Items with at least two labels. */
  items: number;
  /** Standard error of a mean over those items; null for fewer than two. */
  standardError: number | null;
}

/**
 * P_a = mean over items with r_i >= 2 ratings of Σ_k r_ik (r_ik - 1) / (r_i (r_i - 1)): the chance that two raters of the
 * same item agree. With `weights`, partial agreement counts in part.
 *
 * `counts[item][category]`, from `countRatings`.
 */
export function percentAgreement(
  counts: readonly (readonly number[])[],
  options: WeightedCountOptions = {},
): PercentAgreement {
  const { rows, observed, paired } = readUnits("percentAgreement", counts, options);
  if (observed === null) return { agreement: null, items: 0, standardError: null };
  const squares = rows.reduce(
    (total, unit) => total + (unit.agreement === null ? 0 : unit.repeats * (unit.agreement - observed) ** 2),
    0,
  );
  return {
    agreement: observed,
    items: paired,
    standardError: paired < 2 ? null : Math.sqrt(squares / (paired * (paired - 1))),
  };
}
