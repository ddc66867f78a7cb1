/** Agreement of rankings: Kendall's tau-b of two, Kendall's W of several. Knows numbers whose order counts. */
import { AttuneError } from "../../errors.js";
import { checkFinite, checkSameLength } from "../checks.js";
import { normalCdf, upperGamma } from "../special-functions.js";

export interface KendallTau {
  /** In [-1, 1]; null where one list is all ties or has fewer than two values. */
  tau: number | null;
  /** Two-sided, by the normal approximation with ties (Kendall 1970, ch. 4); null where tau is. */
  p: number | null;
  concordant: number;
  discordant: number;
  count: number;
}

/**
 * τ_b = (C - D) / √((n₀ - n₁)(n₀ - n₂)), n₀ = n(n-1)/2, n₁ and n₂ the pairs tied in one list (Kendall 1945). Items that either list
 * leaves out (null) are dropped. O(n log n) by counting the exchanges of a merge sort (Knight 1966).
 */
export function kendallTau(
  first: readonly (number | null)[],
  second: readonly (number | null)[],
): KendallTau {
  checkSameLength("kendallTau", first, second);
  const pairs = first.flatMap((x, index) => {
    const y = second[index]!;
    return x === null || y === null ? [] : [[x, y] as const];
  });
  checkFinite("kendallTau", pairs.flat());
  const n = pairs.length;
  pairs.sort(([a, b], [c, d]) => a - c || b - d);
  const x = pairs.map(([value]) => value);
  const y = pairs.map(([, value]) => value);
  const tiesX = runLengths(x);
  const tiesBoth = runLengths(pairs.map(([a, b]) => `${a} ${b}`));
  const { sorted, exchanges } = countExchanges(y);
  const tiesY = runLengths(sorted);
  const pairsOf = (lengths: readonly number[]) => lengths.reduce((total, t) => total + (t * (t - 1)) / 2, 0);
  const all = (n * (n - 1)) / 2;
  const discordant = exchanges;
  const concordant = all - pairsOf(tiesX) - pairsOf(tiesY) + pairsOf(tiesBoth) - discordant;
  const bottom = Math.sqrt((all - pairsOf(tiesX)) * (all - pairsOf(tiesY)));
  if (bottom === 0) return { tau: null, p: null, concordant, discordant, count: n };
  const moment = (lengths: readonly number[], f: (t: number) => number) =>
    lengths.reduce((s, t) => s + f(t), 0);
  const cubic = (t: number) => t * (t - 1) * (2 * t + 5);
  const triples = (t: number) => t * (t - 1) * (t - 2);
  const variance =
    (cubic(n) - moment(tiesX, cubic) - moment(tiesY, cubic)) / 18 +
    (2 * pairsOf(tiesX) * pairsOf(tiesY)) / (n * (n - 1)) +
    (n < 3 ? 0 : (moment(tiesX, triples) * moment(tiesY, triples)) / (9 * n * (n - 1) * (n - 2)));
  const p = variance > 0 ? 2 * normalCdf(-Math.abs(concordant - discordant) / Math.sqrt(variance)) : 1;
  return { tau: (concordant - discordant) / bottom, p, concordant, discordant, count: n };
}

export interface KendallW {
  /** In [0, 1]; null where every rater ties everything. */
  w: number | null;
  /** Mean of Spearman's ρ over pairs of raters: (m W - 1) / (m - 1). */
  meanSpearman: number | null;
  /** χ² = m (n - 1) W with n - 1 degrees of freedom; good from seven items on (Siegel 1956). */
  p: number | null;
  raters: number;
  items: number;
}

/**
 * W = 12 S / (m² (n³ - n) - m Σ T), S the squared deviations of the items' rank sums, T = Σ (t³ - t) over each rater's ties (Kendall
 * and Babington Smith 1939). `ratings[rater][item]`: numbers whose order is the rater's ranking; equal numbers share the mean
 * rank. Complete: at least two raters and two items.
 */
export function kendallW(ratings: readonly (readonly number[])[]): KendallW {
  const m = ratings.length;
  const n = ratings[0]?.length ?? 0;
  if (m < 2 || n < 2 || ratings.some((row) => row.length !== n)) {
    throw new AttuneError("usage", {
      where: "kendallW",
      expected: "at least two raters with a number for each of the same two or more items",
      got: `${m} raters, ${n} items`,
    });
  }
  for (const row of ratings) checkFinite("kendallW", row);
  const ranks = ratings.map(midRanks);
  const sums = ranks[0]!.map((_, item) => ranks.reduce((total, row) => total + row[item]!, 0));
  const centre = (m * (n + 1)) / 2;
  const s = sums.reduce((total, value) => total + (value - centre) ** 2, 0);
  const ties = ratings.reduce(
    (total, row) =>
      total + runLengths([...row].sort((a, b) => a - b)).reduce((sum, t) => sum + t ** 3 - t, 0),
    0,
  );
  const bottom = m * m * (n ** 3 - n) - m * ties;
  if (bottom === 0) return { w: null, meanSpearman: null, p: null, raters: m, items: n };
  const w = (12 * s) / bottom;
  return {
    w,
    meanSpearman: (m * w - 1) / (m - 1),
    p: upperGamma((n - 1) / 2, (m * (n - 1) * w) / 2),
    raters: m,
    items: n,
  };
}

/** Mean τ_b over pairs of raters who share at least two items; null when there is no such pair. `ratings[rater][item]`, null missing. */
export function meanPairwiseTau(ratings: readonly (readonly (number | null)[])[]): {
  tau: number | null;
  pairs: number;
} {
  const taus = ratings.flatMap((row, index) =>
    ratings.slice(index + 1).flatMap((other) => kendallTau(row, other).tau ?? []),
  );
  return {
    tau: taus.length === 0 ? null : taus.reduce((a, b) => a + b, 0) / taus.length,
    pairs: taus.length,
  };
}

/** Ranks from 1, ties sharing their mean. */
export function midRanks(values: readonly number[]): number[] {
  const order = values.map((_, index) => index).sort((a, b) => values[a]! - values[b]!);
  const ranks = new Array<number>(values.length).fill(0);
  for (let start = 0; start < order.length;) {
    let end = start;
    while (end < order.length && values[order[end]!] === values[order[start]!]) end++;
    for (let place = start; place < end; place++) ranks[order[place]!] = (start + end + 1) / 2;
    start = end;
  }
  return ranks;
}

function runLengths(sorted: readonly unknown[]): number[] {
  const lengths: number[] = [];
  for (const [index, value] of sorted.entries()) {
    if (index > 0 && value === sorted[index - 1]) lengths[lengths.length - 1]!++;
    else lengths.push(1);
  }
  return lengths;
}

/** Bottom-up merge sort; equal values are never exchanged. */
function countExchanges(values: readonly number[]): { sorted: number[]; exchanges: number } {
  let from = [...values];
  let to = new Array<number>(from.length);
  let exchanges = 0;
  for (let width = 1; width < from.length; width *= 2) {
    for (let start = 0; start < from.length; start += 2 * width) {
      const middle = Math.min(start + width, from.length);
      const end = Math.min(start + 2 * width, from.length);
      let left = start;
      let right = middle;
      for (let place = start; place < end; place++) {
        if (left < middle && (right >= end || from[left]! <= from[right]!)) {
          to[place] = from[left++]!;
        } else {
          exchanges += middle - left;
          to[place] = from[right++]!;
        }
      }
    }
    [from, to] = [to, from];
  }
  return { sorted: from, exchanges };
}
