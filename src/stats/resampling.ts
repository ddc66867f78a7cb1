/** Errors and intervals of any statistic of a table of counts: jackknife and bootstrap over items. Knows no statistic. */
import { AttuneError } from "../errors.js";
import { groupCounts, type CountOptions } from "./agreement/units.js";
import { quantile, type BootstrapOptions } from "./bootstrap.js";
import { drawMultinomial } from "./draws.js";
import { checkLevel } from "./checks.js";
import { createRandom } from "../util/random.js";
import type { Interval } from "./wilson.js";

/** A statistic of a table of counts; `repeats` says how many items each row stands for. */
export type CountStatistic = (
  counts: readonly (readonly number[])[],
  options: { repeats: readonly number[] },
) => number | null;

/**
 * Percentile bootstrap over items of a table of counts. Equal rows are drawn together (multinomial), so a million items with a
 * dozen different rows cost no more than a dozen; the distribution is that of `bootstrapInterval` over single items. Rows without
 * a label are left out. Resamples where the statistic is undefined are left out; null when all are, or without items.
 */
export function bootstrapCounts(
  counts: readonly (readonly number[])[],
  statistic: CountStatistic,
  options: BootstrapOptions & CountOptions = {},
): Interval | null {
  return bootstrapAll(counts, { statistic }, options).statistic;
}

/** Intervals of several statistics from the same resamples, which cost more than most statistics. Each is that of `bootstrapCounts`. */
export function bootstrapAll<Name extends string>(
  counts: readonly (readonly number[])[],
  statistics: Readonly<Record<Name, CountStatistic>>,
  options: BootstrapOptions & CountOptions = {},
): Record<Name, Interval | null> {
  const { level = 0.95, resamples = 2000, seed = 0 } = options;
  checkLevel("bootstrapCounts", level);
  if (!Number.isSafeInteger(resamples) || resamples < 1) {
    throw new AttuneError("usage", {
      where: "bootstrapCounts",
      expected: "resamples >= 1",
      got: String(resamples),
    });
  }
  const grouped = dropEmpty(groupCounts(counts, options));
  const items = grouped.repeats.reduce((a, b) => a + b, 0);
  const named = Object.entries(statistics) as [Name, CountStatistic][];
  const values = named.map((): number[] => []);
  if (items > 0) {
    const random = createRandom(seed, { stream: "bootstrap-counts" });
    const shares = grouped.repeats.map((count) => count / items);
    for (let round = 0; round < resamples; round++) {
      const repeats = drawMultinomial(random, items, shares);
      for (const [k, [, statistic]] of named.entries()) {
        const value = statistic(grouped.counts, { repeats });
        if (value !== null && Number.isFinite(value)) values[k]!.push(value);
      }
    }
  }
  const interval = (found: number[]): Interval | null => {
    if (found.length === 0) return null;
    found.sort((a, b) => a - b);
    return { low: quantile(found, (1 - level) / 2), high: quantile(found, (1 + level) / 2) };
  };
  return Object.fromEntries(named.map(([name], k) => [name, interval(values[k]!)])) as Record<
    Name,
    Interval | null
  >;
}

/**
 * Delete-one jackknife over items (Efron and Stein 1981): √((n-1)/n Σ (θ_(i) - θ̄)²). Null for fewer than two items, or where leaving
 * one out makes the statistic undefined.
 */
export function jackknifeError(
  counts: readonly (readonly number[])[],
  statistic: CountStatistic,
  options: CountOptions = {},
): number | null {
  const { counts: rows, repeats } = dropEmpty(groupCounts(counts, options));
  const n = repeats.reduce((a, b) => a + b, 0);
  if (n < 2) return null;
  const without: number[] = [];
  for (const place of rows.keys()) {
    const left = repeats.map((count, other) => (other === place ? count - 1 : count));
    const value = statistic(rows, { repeats: left });
    if (value === null || !Number.isFinite(value)) return null;
    without.push(value);
  }
  const mean = without.reduce((total, value, place) => total + value * repeats[place]!, 0) / n;
  const squares = without.reduce((total, value, place) => total + (value - mean) ** 2 * repeats[place]!, 0);
  return Math.sqrt(((n - 1) / n) * squares);
}

function dropEmpty({ counts, repeats }: { counts: number[][]; repeats: number[] }) {
  const kept = counts.map((row, place) => repeats[place]! > 0 && row.some((count) => count > 0));
  return {
    counts: counts.filter((_, place) => kept[place]),
    repeats: repeats.filter((_, place) => kept[place]),
  };
}
