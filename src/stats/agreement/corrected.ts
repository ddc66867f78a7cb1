/** Agreement corrected for chance, and its large-sample error: the shape that every kappa-like coefficient shares. */
import type { Unit, Units } from "./units.js";

export interface Coefficient {
  /**
   * 1 perfect, 0 as by chance, below 0 worse. Null where nothing was labelled twice or chance agreement is 1 (only one category in
   * use): undefined, not perfect.
   */
  value: number | null;
  /** P_a, the observed share of agreeing pairs; null where nothing was labelled twice. */
  observed: number | null;
  /** P_e, what chance alone would give under this coefficient's idea of chance; null without any label. */
  expected: number | null;
  /**
   * Large-sample standard error over items, raters taken as given (Gwet 2014, ch. 5; 2021); null where `value` is, or with
   * one item. The bootstrap is better below some fifty items.
   */
  standardError: number | null;
  /** Items labelled at least twice. */
  items: number;
}

/**
 * (P_a - P_e) / (1 - P_e). `chanceOf(unit)` is the unit's part in P_e: its mean over all labelled items is P_e, and P_e moves twice
 * as fast as that mean (it is quadratic in the shares); omitted where P_e is fixed.
 *
 * Error: √(Σ (x_i - κ)² / (n (n - 1))), x_i = (n/n₂) (a_i - P_e)/(1 - P_e) - 2 (1 - κ) (e_i - P_e)/(1 - P_e), where a_i is the
 * agreement within item i and the first term is 0 for the n - n₂ items with one label.
 */
export function correctForChance(
  units: Units,
  expected: number,
  chanceOf?: (unit: Unit) => number,
): Coefficient {
  const { observed, paired, items, rows } = units;
  if (items === 0) return { value: null, observed: null, expected: null, standardError: null, items: 0 };
  if (observed === null || 1 - expected < 1e-12) {
    return { value: null, observed, expected, standardError: null, items: paired };
  }
  const value = (observed - expected) / (1 - expected);
  let squares = 0;
  for (const unit of rows) {
    const own =
      unit.agreement === null ? 0 : ((items / paired) * (unit.agreement - expected)) / (1 - expected);
    const chance =
      chanceOf === undefined ? 0 : (2 * (1 - value) * (chanceOf(unit) - expected)) / (1 - expected);
    squares += unit.repeats * (own - chance - value) ** 2;
  }
  const standardError = items < 2 ? null : Math.sqrt(squares / (items * (items - 1)));
  return { value, observed, expected, standardError, items: paired };
}

/** Σ_kl w_kl π_k π_l. */
export function expectedFromShares(units: Units): number {
  return units.shares.reduce((total, share, k) => total + share * weightedShare(units, k), 0);
}

/** Σ_l w_kl π_l. */
export function weightedShare({ weights, shares }: Units, category: number): number {
  return shares.reduce(
    (total, share, l) => total + ((weights[category]![l]! + weights[l]![category]!) / 2) * share,
    0,
  );
}
