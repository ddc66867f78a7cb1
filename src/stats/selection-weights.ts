/**
 * Weights for items that were chosen with unequal chances, so that what is measured on them holds for all (active learning makes
 * them the hard ones). Knows no item.
 *
 * Draw m of M, without replacement, from a pool of N: v_m = 1 + (N - M) / (N - m) * (1 / ((N - m + 1) q_m) - 1), where q_m is the
 * probability with which draw m took the item that it took. The mean of v_m y_m is unbiased for the mean of y over the pool, whatever
 * the chances, and with M = N it is the plain mean. Farquhar, Gal, Rainforth 2021 (arXiv 2101.11665), R_LURE.
 */
import { AttuneError } from "../errors.js";
import { meanInterval, type MeanInterval } from "./mean-interval.js";

/** `probabilities` in the order of the draws; null is an even chance among those left. `items`: N. Throws `usage`. */
export function selectionWeights(probabilities: readonly (number | null)[], items: number): number[] {
  const draws = probabilities.length;
  if (!Number.isInteger(items) || items < draws) {
    throw new AttuneError("usage", {
      where: "stats.selectionWeights: items",
      expected: `a whole number from ${draws} (the draws) on`,
      got: String(items),
    });
  }
  return probabilities.map((probability, k) => {
    if (probability !== null && !(probability > 0 && probability <= 1)) {
      throw new AttuneError("usage", {
        where: `stats.selectionWeights: probabilities[${k}]`,
        expected: "above 0 and at most 1, or null",
        got: String(probability),
      });
    }
    const left = items - k;
    if (probability === null || left === 1 || draws === items) return 1;
    return 1 + ((items - draws) / (left - 1)) * (1 / (left * probability) - 1);
  });
}

/** Mean of `values` over the whole pool, from those that were drawn; the interval takes the draws as independent. */
export const selectedMean = (values: readonly number[], weights: readonly number[]): MeanInterval =>
  meanInterval(values.map((value, k) => value * weights[k]!));
