/** Krippendorff's alpha for nominal categories, any number of raters, values missing or not. Knows counts only. */
import { checkCounts } from "./checks.js";

/**
 * α = 1 - (n - 1) Σ_{c≠k} o_ck / Σ_{c≠k} n_c n_k over items with at least two ratings, with the coincidences
 * o_ck = Σ_u (r_uc r_uk - [c=k] r_uc) / (m_u - 1), n_c = Σ_k o_ck, n = Σ n_c (Krippendorff 2011, "Computing
 * Krippendorff's alpha-reliability"). For nominal data Σ_k≠c r_uc r_uk is all that is needed, so no pairs are listed.
 *
 * Null when no item has two ratings or only one value occurs: agreement is then undefined, not perfect.
 *
 * `counts[item][category]`, from `countRatings`.
 */
export function krippendorffAlpha(counts: readonly (readonly number[])[]): number | null {
  checkCounts("krippendorffAlpha", counts);
  const totals = (counts[0] ?? []).map(() => 0);
  let disagreement = 0;
  for (const row of counts) {
    const raters = row.reduce((a, b) => a + b, 0);
    if (raters < 2) continue;
    for (const [category, count] of row.entries()) {
      totals[category]! += count;
      disagreement += (count * (raters - count)) / (raters - 1);
    }
  }
  const n = totals.reduce((a, b) => a + b, 0);
  const chance = totals.reduce((sum, total) => sum + total * (n - total), 0);
  return chance === 0 ? null : 1 - ((n - 1) * disagreement) / chance;
}
