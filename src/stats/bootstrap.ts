/** The percentile bootstrap, of single items or of clusters of them. Knows nothing of the statistic it resamples. */
import { AttuneError } from "../errors.js";
import { createRandom } from "../util/random.js";
import { checkLevel } from "./checks.js";
import type { Interval } from "./wilson.js";

export interface BootstrapOptions {
  /** Default 0.95. */
  level?: number;
  /** Resamples, default 2000: enough for two stable digits of a 95% interval (Efron and Tibshirani 1993, ch. 13). */
  resamples?: number;
  /** Default 0. The same seed gives the same interval. */
  seed?: number;
}

/**
 * Percentile interval (Efron 1979): draw as many items as there are, with replacement; compute the statistic; take the
 * (1-level)/2 and (1+level)/2 quantiles of its values. Resamples whose statistic is not finite are left out, since a
 * coefficient can be undefined on a resample with one value; null when all of them are.
 *
 * To resample clusters (prompts, people) pass the clusters as `items`: `[[row, row], [row], ...]`.
 */
export function bootstrapInterval<T>(
  items: readonly T[],
  statistic: (sample: readonly T[]) => number | null,
  options: BootstrapOptions = {},
): Interval | null {
  const { level = 0.95, resamples = 2000, seed = 0 } = options;
  checkLevel("bootstrapInterval", level);
  if (items.length === 0 || !Number.isSafeInteger(resamples) || resamples < 1) {
    throw new AttuneError("usage", {
      where: "bootstrapInterval",
      expected: "at least one item and one resample",
      got: `${items.length} items, ${resamples} resamples`,
    });
  }
  const random = createRandom(seed, { stream: "bootstrap" });
  const values: number[] = [];
  for (let round = 0; round < resamples; round++) {
    const value = statistic(Array.from(items, () => items[random.integer(items.length)]!));
    if (value !== null && Number.isFinite(value)) values.push(value);
  }
  if (values.length === 0) return null;
  values.sort((a, b) => a - b);
  return { low: quantile(values, (1 - level) / 2), high: quantile(values, (1 + level) / 2) };
}

/** Linear between the neighbouring order statistics (R's type 7); `sorted` ascending, not empty. */
export function quantile(sorted: readonly number[], p: number): number {
  const place = (sorted.length - 1) * p;
  const below = Math.floor(place);
  const low = sorted[below]!;
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return low + (high - low) * (place - below);
}
