/** Thurstone's case V: strengths on the probit scale, classical and by maximum likelihood. Knows comparisons only. */
import { AttuneError } from "../../errors.js";
import { normalQuantile } from "../special-functions.js";
import { fitPairs, type FitOptions, type PairedFit } from "./fit-pairs.js";
import { thurstoneModel } from "./outcome-models.js";
import type { PairCount } from "./pairs.js";

/** P(i beats j) = Φ(μ_i - μ_j), by maximum likelihood; the unit is the standard deviation of a difference. Mean 0. */
export function thurstone(pairs: readonly PairCount[], options: FitOptions = {}): PairedFit {
  return fitPairs("thurstone", { pairs, model: thurstoneModel, options });
}

/**
 * The classical estimate (Thurstone 1927; Guilford 1954): μ_j = mean over i of Φ⁻¹(p_ij), `shares[i][j]` the share that preferred j to
 * i, ½ on the diagonal. Mean 0. Needs every share strictly between 0 and 1; `thurstone` does not, and weighs pairs by their votes.
 */
export function thurstoneClassical(shares: readonly (readonly number[])[]): number[] {
  const wrong = shares.findIndex(
    (row, i) =>
      row.length !== shares.length ||
      row.some((p, j) => !(p > 0 && p < 1) || Math.abs(p + shares[j]![i]! - 1) > 1e-9),
  );
  if (wrong >= 0 || shares.length < 2) {
    throw new AttuneError("usage", {
      where: `thurstoneClassical: row ${Math.max(0, wrong)}`,
      expected: "a square table of shares in (0, 1), p_ij + p_ji = 1",
      got: JSON.stringify(shares[wrong] ?? shares),
      fix: "use thurstone on the counts",
    });
  }
  const scores = shares.map(
    (_, j) => shares.reduce((sum, row) => sum + normalQuantile(row[j]!), 0) / shares.length,
  );
  const mean = scores.reduce((a, b) => a + b, 0) / scores.length;
  return scores.map((score) => score - mean);
}
