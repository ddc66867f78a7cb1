/** Fleiss' kappa of several raters. Knows counts only. */
import { checkCounts } from "./checks.js";
import { percentAgreement } from "./percent-agreement.js";

export interface FleissKappa {
  /** Null when fewer than one item has two ratings, or only one category was used. */
  kappa: number | null;
  observed: number | null;
  expected: number;
  /** Standard error under no agreement (Fleiss, Nee and Landis 1979); null where raters per item differ. */
  standardErrorAtZero: number | null;
}

/**
 * κ = (P_a - P_e) / (1 - P_e), P_e = Σ_k p_k² (Fleiss 1971). p_k is the mean over rated items of the item's share of
 * category k, which for equal numbers of raters is the overall share and else Gwet's generalisation.
 *
 * `counts[item][category]`, from `countRatings`.
 */
export function fleissKappa(counts: readonly (readonly number[])[]): FleissKappa {
  checkCounts("fleissKappa", counts);
  const rated = counts.filter((row) => row.some((count) => count > 0));
  const raters = rated.map((row) => row.reduce((a, b) => a + b, 0));
  const categories = counts[0]?.length ?? 0;
  const shares = Array.from(
    { length: categories },
    (_, k) => rated.reduce((sum, row, item) => sum + row[k]! / raters[item]!, 0) / rated.length,
  );
  const expected = shares.reduce((sum, share) => sum + share * share, 0);
  const { agreement: observed } = percentAgreement(counts);
  if (observed === null || 1 - expected < 1e-12)
    return { kappa: null, observed, expected, standardErrorAtZero: null };
  const m = raters[0]!;
  const equal = m > 1 && raters.every((count) => count === m);
  const spread = shares.reduce((sum, share) => sum + share * (1 - share), 0);
  const skew = shares.reduce((sum, share) => sum + share * (1 - share) * (1 - 2 * share), 0);
  const standardErrorAtZero = equal
    ? (Math.SQRT2 / (spread * Math.sqrt(rated.length * m * (m - 1)))) * Math.sqrt(spread * spread - skew)
    : null;
  return { kappa: (observed - expected) / (1 - expected), observed, expected, standardErrorAtZero };
}
