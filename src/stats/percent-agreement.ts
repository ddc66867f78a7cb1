/** Percent agreement of any number of raters, values missing or not. Knows counts only. */
import { checkCounts } from "./checks.js";

/**
 * P_a = mean over items with r_i >= 2 ratings of Σ_k r_ik (r_ik - 1) / (r_i (r_i - 1)): the chance that two raters of the
 * same item agree. `items` is how many items had two ratings; `agreement` is null when none had.
 *
 * `counts[item][category]`, from `countRatings`.
 */
export function percentAgreement(counts: readonly (readonly number[])[]): {
  agreement: number | null;
  items: number;
} {
  checkCounts("percentAgreement", counts);
  let sum = 0;
  let items = 0;
  for (const row of counts) {
    const raters = row.reduce((a, b) => a + b, 0);
    if (raters < 2) continue;
    sum += row.reduce((agreeing, count) => agreeing + count * (count - 1), 0) / (raters * (raters - 1));
    items++;
  }
  return { agreement: items === 0 ? null : sum / items, items };
}
