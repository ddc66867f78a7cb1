/** Fleiss' kappa of several raters. Knows counts only. */
import { correctForChance, expectedFromShares, weightedShare, type Coefficient } from "./corrected.js";
import { readUnits, type WeightedCountOptions } from "./units.js";

export interface FleissKappa extends Coefficient {
  /**
   * Standard error if there were no agreement (Fleiss, Nee and Landis 1979), for a test against 0; null where raters per item
   * differ or categories are weighted.
   */
  standardErrorAtZero: number | null;
}

/**
 * κ = (P_a - P_e) / (1 - P_e), P_e = Σ_k p_k² (Fleiss 1971). p_k is the mean over rated items of the item's share of
 * category k, which for equal numbers of raters is the overall share and else Gwet's generalisation. Raters need not be the same
 * people from item to item. Two raters and no gaps: Scott's pi.
 *
 * `counts[item][category]`, from `countRatings`.
 */
export function fleissKappa(
  counts: readonly (readonly number[])[],
  options: WeightedCountOptions = {},
): FleissKappa {
  const units = readUnits("fleissKappa", counts, options);
  const chance = counts[0]?.map((_, k) => weightedShare(units, k)) ?? [];
  const result = correctForChance(units, expectedFromShares(units), ({ counts: row, total }) =>
    row.reduce((part, count, k) => part + (count / total) * chance[k]!, 0),
  );
  const m = units.rows[0]?.total ?? 0;
  const equal = m > 1 && units.rows.every(({ total }) => total === m);
  const plain = options.weights === undefined || options.weights === "identity";
  const spread = units.shares.reduce((total, share) => total + share * (1 - share), 0);
  const skew = units.shares.reduce((total, share) => total + share * (1 - share) * (1 - 2 * share), 0);
  return {
    ...result,
    standardErrorAtZero:
      equal && plain && result.value !== null
        ? (Math.SQRT2 / (spread * Math.sqrt(units.items * m * (m - 1)))) *
          Math.sqrt(Math.max(0, spread * spread - skew))
        : null,
  };
}
