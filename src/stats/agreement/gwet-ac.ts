/** Gwet's AC1 and AC2. Knows counts only. */
import { correctForChance, type Coefficient } from "./corrected.js";
import { readUnits, type WeightedCountOptions } from "./units.js";

/**
 * (P_a - P_e) / (1 - P_e), P_e = T_w / (q (q - 1)) Σ_k π_k (1 - π_k), T_w = Σ_kl w_kl (Gwet 2008, 2014 ch. 5): AC1 with `identity`
 * weights (T_w = q), AC2 otherwise. π_k is the mean over items of the item's share of category k.
 *
 * q is the number of columns: give every category that could be chosen, used or not, or the value is too low. Null for one
 * category. Does not fall when nearly all items are of one category, where kappa does: show both.
 */
export function gwetAC(
  counts: readonly (readonly number[])[],
  options: WeightedCountOptions = {},
): Coefficient {
  const units = readUnits("gwetAC", counts, options);
  const q = counts[0]?.length ?? 0;
  if (q < 2) {
    return {
      value: null,
      observed: units.observed,
      expected: null,
      standardError: null,
      items: units.paired,
    };
  }
  const scale = units.weights.flat().reduce((a, b) => a + b, 0) / (q * (q - 1));
  const expected = scale * units.shares.reduce((total, share) => total + share * (1 - share), 0);
  // The slope of π (1 - π) is 1 - 2π = 2 (1 - π) - 1, and the constant falls away because shares sum to 1.
  return correctForChance(units, expected, ({ counts: row, total }) =>
    row.reduce((part, count, k) => part + scale * (count / total) * (1 - units.shares[k]!), 0),
  );
}
