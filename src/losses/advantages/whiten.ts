/**
 * Whitening over the real tokens of a batch: deviation 1, and mean 0 unless it is kept.
 *
 *   sample:      (x - mean) / sqrt(unbiased variance + 1e-8), as TRL's masked_whiten
 *   population:  (x - mean) / sqrt(max(variance, 1e-8)), as OpenRLHF's, for REINFORCE++
 */
import { everyToken, mapRows, momentsOf, type TokenRows } from "./rows.js";

export interface WhitenOptions {
  /** Default true; false keeps the mean, as for rewards. */
  shiftMean?: boolean;
  /** Default "sample". */
  variance?: "sample" | "population";
}

/** Rows of the same lengths; unchanged but for the mean where there is fewer than two tokens. */
export function whiten(
  rows: TokenRows,
  { shiftMean = true, variance = "sample" }: WhitenOptions = {},
): Float64Array[] {
  const moments = momentsOf(everyToken(rows));
  const scale =
    variance === "sample"
      ? 1 / Math.sqrt(moments.variance + 1e-8)
      : 1 / Math.sqrt(Math.max(moments.populationVariance, 1e-8));
  const shift = shiftMean ? 0 : moments.mean;
  return mapRows(rows, (x) => (x - moments.mean) * scale + shift);
}
