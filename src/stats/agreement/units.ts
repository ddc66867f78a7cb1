/**
 * The items of an agreement table as all coefficients use them: checked, weighted, with what each contributes. Knows counts of
 * labels per item and no coefficient.
 */
import { AttuneError } from "../../errors.js";
import { checkCounts, checkSameLength } from "../checks.js";
import { categoryWeights, type CategoryWeights } from "./category-weights.js";

export interface CountOptions {
  /**
   * How many items each row of counts stands for, default 1 each. A million judgements by three people into three categories
   * have at most ten different rows: `GROUP BY` them, or call `groupCounts`.
   */
  repeats?: readonly number[];
}

export interface WeightedCountOptions extends CountOptions {
  /** How much two different categories agree; default `identity`, not at all. */
  weights?: CategoryWeights;
}

export interface Unit {
  /** Labels per category, r_ik. */
  counts: readonly number[];
  /** How many items are like this. */
  repeats: number;
  /** r_i: all labels. */
  total: number;
  /** Share of agreeing pairs of raters (weighted), in [0, 1]; null with fewer than two raters. */
  agreement: number | null;
}

export interface Units {
  rows: Unit[];
  /** Items with at least one label. */
  items: number;
  /** Items with at least two. */
  paired: number;
  /** P_a over the paired items; null when there are none. */
  observed: number | null;
  /** π_k: mean over labelled items of the share of category k; sums to 1, or is all 0 without items. */
  shares: number[];
  /** Agreement weights [categories, categories]. */
  weights: number[][];
}

/**
 * Reads a table. `own` (same shape, default the counts) is Σ w² over the raters of an item and category where raters carry weights
 * w: the pairs that a rater would form with itself, left out of every count of pairs. Only the two-way bootstrap weighs raters.
 */
export function readUnits(
  where: string,
  counts: readonly (readonly number[])[],
  {
    repeats,
    weights = "identity",
    own,
  }: WeightedCountOptions & { own?: readonly (readonly number[])[] } = {},
): Units {
  checkCounts(where, counts);
  const times = checkRepeats(where, counts, repeats);
  const categories = counts[0]?.length ?? 0;
  const w = categoryWeights(weights, categories);
  const rows: Unit[] = [];
  for (const [index, row] of counts.entries()) {
    const total = row.reduce((a, b) => a + b, 0);
    if (total === 0 || times[index] === 0) continue;
    rows.push({
      counts: row,
      repeats: times[index]!,
      total,
      agreement: pairShare(row, own?.[index] ?? row, w),
    });
  }
  const items = rows.reduce((n, row) => n + row.repeats, 0);
  const paired = rows.reduce((n, row) => n + (row.agreement === null ? 0 : row.repeats), 0);
  const agreeing = rows.reduce((n, row) => n + row.repeats * (row.agreement ?? 0), 0);
  const shares = new Array<number>(categories).fill(0);
  for (const row of rows) {
    for (const [k, count] of row.counts.entries()) shares[k]! += (row.repeats * count) / row.total / items;
  }
  return { rows, items, paired, observed: paired === 0 ? null : agreeing / paired, shares, weights: w };
}

/** Σ_kl w_kl (r_k r_l - [k=l] own_k) over all pairs (Σ r)² - Σ own. */
function pairShare(row: readonly number[], own: readonly number[], weights: readonly (readonly number[])[]) {
  let all = 0;
  let agreeing = 0;
  for (const [k, count] of row.entries()) {
    all -= own[k]!;
    agreeing -= own[k]!;
    if (count === 0) continue;
    const line = weights[k]!;
    for (const [l, other] of row.entries()) {
      all += count * other;
      agreeing += line[l]! * count * other;
    }
  }
  return all <= 0 ? null : agreeing / all;
}

export function checkRepeats(
  where: string,
  counts: readonly unknown[],
  repeats: readonly number[] | undefined,
): readonly number[] {
  if (repeats === undefined) return counts.map(() => 1);
  checkSameLength(`${where}: repeats`, counts, repeats);
  const wrong = repeats.findIndex((value) => !Number.isSafeInteger(value) || value < 0);
  if (wrong >= 0) {
    throw new AttuneError("usage", {
      where: `${where}: repeats[${wrong}]`,
      expected: "a whole number >= 0",
      got: String(repeats[wrong]),
    });
  }
  return repeats;
}

/** Equal rows once, with how often they came: what makes a million items as cheap as a dozen. Order of first appearance. */
export function groupCounts(
  counts: readonly (readonly number[])[],
  { repeats }: CountOptions = {},
): { counts: number[][]; repeats: number[] } {
  const times = checkRepeats("groupCounts", counts, repeats);
  const places = new Map<string, number>();
  const grouped: { counts: number[][]; repeats: number[] } = { counts: [], repeats: [] };
  for (const [index, row] of counts.entries()) {
    const key = row.join(" ");
    const place = places.get(key) ?? grouped.counts.length;
    if (place === grouped.counts.length) {
      places.set(key, place);
      grouped.counts.push([...row]);
      grouped.repeats.push(0);
    }
    grouped.repeats[place]! += times[index]!;
  }
  return grouped;
}
