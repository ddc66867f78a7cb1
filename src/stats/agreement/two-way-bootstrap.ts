/** Intervals of agreement when the raters are a sample too: bootstrap over items and raters at once. Knows coded ratings. */
import { AttuneError } from "../../errors.js";
import { createRandom } from "../../util/random.js";
import { quantile, type BootstrapOptions } from "../bootstrap.js";
import { checkLevel } from "../checks.js";
import type { Interval } from "../wilson.js";
import type { CategoryWeights } from "./category-weights.js";
import { checkCodes } from "./conger-kappa.js";
import { expectedFromShares } from "./corrected.js";
import { alphaOf, type AlphaMetric } from "./krippendorff-alpha.js";
import { readUnits } from "./units.js";

export interface TwoWayOptions extends BootstrapOptions {
  /** Number of categories; `codes` hold places below it. */
  categories: number;
  /** Which coefficient: percent agreement, Krippendorff's alpha, Fleiss' kappa or Gwet's AC. */
  coefficient: "percent" | "alpha" | "fleiss" | "ac";
  /** For alpha; default `nominal`. */
  metric?: AlphaMetric;
  /** For alpha with `interval` or `ratio`. */
  values?: readonly number[];
  /** For the others; default `identity`. */
  weights?: CategoryWeights;
}

/**
 * Draws items and raters with replacement, independently (the pigeonhole bootstrap, Owen 2007), and takes percentiles: what the
 * coefficient might have been with other prompts *and* other people. Wider than `bootstrapCounts`, rightly so below some ten raters.
 * A rater drawn twice weighs twice, but the pair that it forms with itself is never counted: such pairs always agree and would
 * push the coefficient up.
 *
 * `codes[item][rater]` from `codeRatings`. Null where the coefficient is never defined (one rater, no overlap). Costs a pass over all
 * ratings a resample: `resamples` default 1000.
 */
export function twoWayBootstrap(
  codes: readonly (readonly (number | null)[])[],
  options: TwoWayOptions,
): Interval | null {
  const { categories, level = 0.95, resamples = 1000, seed = 0 } = options;
  checkLevel("twoWayBootstrap", level);
  checkCodes("twoWayBootstrap", codes, { categories });
  if (!Number.isSafeInteger(resamples) || resamples < 1) {
    throw new AttuneError("usage", {
      where: "twoWayBootstrap",
      expected: "resamples >= 1",
      got: String(resamples),
    });
  }
  const raters = codes[0]?.length ?? 0;
  if (codes.length === 0 || raters < 2) return null;
  const random = createRandom(seed, { stream: "two-way" });
  const draw = (count: number): number[] => {
    const times = new Array<number>(count).fill(0);
    for (let n = 0; n < count; n++) times[random.integer(count)]!++;
    return times;
  };
  const values: number[] = [];
  for (let round = 0; round < resamples; round++) {
    const raterTimes = draw(raters);
    const itemTimes = draw(codes.length);
    const counts: number[][] = [];
    const own: number[][] = [];
    const repeats: number[] = [];
    for (const [item, times] of itemTimes.entries()) {
      if (times === 0) continue;
      const row = new Array<number>(categories).fill(0);
      const selves = new Array<number>(categories).fill(0);
      for (const [rater, code] of codes[item]!.entries()) {
        const weight = raterTimes[rater]!;
        if (code === null || weight === 0) continue;
        row[code]! += weight;
        selves[code]! += weight * weight;
      }
      counts.push(row);
      own.push(selves);
      repeats.push(times);
    }
    const value = coefficientOf({ counts, own, repeats }, options);
    if (value !== null && Number.isFinite(value)) values.push(value);
  }
  if (values.length === 0) return null;
  values.sort((a, b) => a - b);
  return { low: quantile(values, (1 - level) / 2), high: quantile(values, (1 + level) / 2) };
}

function coefficientOf(
  { counts, own, repeats }: { counts: number[][]; own: number[][]; repeats: number[] },
  { coefficient, metric, values, weights }: TwoWayOptions,
): number | null {
  if (coefficient === "alpha") return alphaOf(counts, { metric, values, repeats, own });
  const units = readUnits("twoWayBootstrap", counts, { repeats, weights, own });
  if (units.observed === null || coefficient === "percent") return units.observed;
  const q = units.shares.length;
  const expected =
    coefficient === "fleiss"
      ? expectedFromShares(units)
      : (units.weights.flat().reduce((a, b) => a + b, 0) / (q * (q - 1))) *
        units.shares.reduce((sum, share) => sum + share * (1 - share), 0);
  return 1 - expected < 1e-12 ? null : (units.observed - expected) / (1 - expected);
}
