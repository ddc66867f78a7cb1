/** Brennan and Prediger's coefficient, Bennett's S of two raters. Knows counts only. */
import { correctForChance, type Coefficient } from "./corrected.js";
import { readUnits, type WeightedCountOptions } from "./units.js";

/**
 * (P_a - P_e) / (1 - P_e) with P_e = Σ_kl w_kl / q², which is 1/q unweighted (Bennett, Alpert and Goldstein 1954; Brennan and
 * Prediger 1981): chance is a uniform guess, whatever the raters use. q is the number of columns, so give every category that
 * could be chosen. Null for one category.
 */
export function brennanPrediger(
  counts: readonly (readonly number[])[],
  options: WeightedCountOptions = {},
): Coefficient {
  const units = readUnits("brennanPrediger", counts, options);
  const q = counts[0]?.length ?? 0;
  const expected = q === 0 ? 1 : units.weights.flat().reduce((a, b) => a + b, 0) / (q * q);
  return correctForChance(units, expected);
}
