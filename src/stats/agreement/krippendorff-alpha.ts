/** Krippendorff's alpha: any number of raters, values missing or not, four metrics. Knows counts only. */
import { AttuneError } from "../../errors.js";
import { checkCounts } from "../checks.js";
import { checkRepeats, type CountOptions } from "./units.js";

/** How far apart two values are; the columns of `counts` are in order for all but `nominal`. */
export type AlphaMetric = "nominal" | "ordinal" | "interval" | "ratio";

export interface AlphaOptions extends CountOptions {
  /** Default `nominal`: values differ or not. */
  metric?: AlphaMetric;
  /** The numbers of the columns, ascending; required by `interval` and `ratio` (there >= 0), ignored by the others. */
  values?: readonly number[];
}

/**
 * α = 1 - (n - 1) Σ o_ck δ²_ck / Σ n_c n_k δ²_ck over items with at least two ratings, with the coincidences
 * o_ck = Σ_u (r_uc r_uk - [c=k] r_uc) / (m_u - 1), n_c = Σ_k o_ck, n = Σ n_c (Krippendorff 2011, "Computing
 * Krippendorff's alpha-reliability"). δ²: nominal [c≠k]; interval (c - k)²; ratio ((c - k) / (c + k))²; ordinal
 * (Σ_{g=c..k} n_g - (n_c + n_k) / 2)², which takes its distances from how often the values between were used.
 *
 * Works on counts per item, never on pairs of values: O(items · categories²). Null when no item has two ratings or only one value
 * occurs: agreement is then undefined, not perfect.
 *
 * `counts[item][category]`, from `countRatings`. Error: `jackknifeError`, `bootstrapCounts`.
 */
export function krippendorffAlpha(
  counts: readonly (readonly number[])[],
  options: AlphaOptions = {},
): number | null {
  return alphaOf(counts, options);
}

/** With `own`, Σ w² of weighted raters; see `readUnits`. */
export function alphaOf(
  counts: readonly (readonly number[])[],
  { metric = "nominal", values, repeats, own }: AlphaOptions & { own?: readonly (readonly number[])[] } = {},
): number | null {
  checkCounts("krippendorffAlpha", counts);
  const times = checkRepeats("krippendorffAlpha", counts, repeats);
  const categories = counts[0]?.length ?? 0;
  const coincidences = Array.from({ length: categories }, () => new Array<number>(categories).fill(0));
  for (const [index, row] of counts.entries()) {
    const selves = own?.[index] ?? row;
    const total = row.reduce((a, b) => a + b, 0);
    const pairs = total * total - selves.reduce((a, b) => a + b, 0);
    if (pairs <= 0) continue;
    const each = (times[index]! * total) / pairs;
    for (const [c, count] of row.entries()) {
      if (count === 0) continue;
      const line = coincidences[c]!;
      for (let k = 0; k < categories; k++) line[k]! += count * row[k]! * each;
      line[c]! -= selves[c]! * each;
    }
  }
  const totals = coincidences.map((line) => line.reduce((a, b) => a + b, 0));
  const n = totals.reduce((a, b) => a + b, 0);
  const distance = squaredDistance(metric, { totals, values });
  let disagreement = 0;
  let chance = 0;
  for (let c = 0; c < categories; c++) {
    for (let k = 0; k < categories; k++) {
      if (c === k || totals[c] === 0 || totals[k] === 0) continue;
      const squared = distance(c, k);
      disagreement += coincidences[c]![k]! * squared;
      chance += totals[c]! * totals[k]! * squared;
    }
  }
  return chance === 0 ? null : 1 - ((n - 1) * disagreement) / chance;
}

function squaredDistance(
  metric: AlphaMetric,
  { totals, values }: { totals: readonly number[]; values: readonly number[] | undefined },
): (c: number, k: number) => number {
  if (metric === "nominal") return () => 1;
  if (metric === "ordinal") {
    const before = [0];
    for (const total of totals) before.push(before.at(-1)! + total);
    return (c, k) => {
      const [low, high] = c < k ? [c, k] : [k, c];
      return (before[high + 1]! - before[low]! - (totals[low]! + totals[high]!) / 2) ** 2;
    };
  }
  const numbers = checkValues(metric, { values, categories: totals.length });
  return metric === "interval"
    ? (c, k) => (numbers[c]! - numbers[k]!) ** 2
    : (c, k) => ((numbers[c]! - numbers[k]!) / (numbers[c]! + numbers[k]!)) ** 2;
}

function checkValues(
  metric: AlphaMetric,
  { values, categories }: { values: readonly number[] | undefined; categories: number },
): readonly number[] {
  if (metric !== "interval" && metric !== "ratio") {
    throw new AttuneError("usage", {
      where: "krippendorffAlpha: metric",
      expected: "nominal, ordinal, interval or ratio",
      got: String(metric),
    });
  }
  const sound =
    values !== undefined &&
    values.length === categories &&
    values.every((value, k) => Number.isFinite(value) && (k === 0 || value > values[k - 1]!)) &&
    (metric === "interval" || values.every((value) => value >= 0));
  if (!sound) {
    throw new AttuneError("usage", {
      where: "krippendorffAlpha: values",
      expected: `${categories} ascending numbers${metric === "ratio" ? " >= 0" : ""}, one a column, for ${metric}`,
      got: JSON.stringify(values) ?? "none",
    });
  }
  return values;
}
