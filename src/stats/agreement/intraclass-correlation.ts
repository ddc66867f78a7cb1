/** Intraclass correlation of numeric ratings, the six forms of Shrout and Fleiss. Knows a full table of numbers. */
import { AttuneError } from "../../errors.js";
import { checkFinite, checkLevel } from "../checks.js";
import { fQuantile, fTail } from "../special-functions.js";

export interface IntraclassForm {
  /** At most 1; may be negative. Null where the mean squares leave it undefined (all ratings equal). */
  value: number | null;
  low: number | null;
  high: number | null;
}

export interface IntraclassCorrelation {
  /** ICC(1): every item is rated by other raters, drawn at random. One rating. */
  oneWay: IntraclassForm;
  /** ICC(2), ICC(A,1): the same raters, drawn at random from many; absolute agreement of one rating. */
  agreement: IntraclassForm;
  /** ICC(3), ICC(C,1): the same raters, and only these; consistency, a rater's constant severity does not count. */
  consistency: IntraclassForm;
  /** The same three for the mean of all raters. */
  oneWayMean: IntraclassForm;
  agreementMean: IntraclassForm;
  consistencyMean: IntraclassForm;
  /** p-value of "items do not differ", two-way: F = MSR / MSE. */
  p: number | null;
  items: number;
  raters: number;
}

/**
 * `ratings[item][rater]`, finite numbers, none missing, at least two of each (Shrout and Fleiss 1979; intervals of McGraw and Wong
 * 1996, their approximation for absolute agreement; those of means by Spearman-Brown). With n items and k raters, from the
 * two-way table of squares: MSR of items, MSC of raters, MSE of the rest, MSW within items:
 *
 *   ICC(1) = (MSR - MSW) / (MSR + (k-1) MSW)          ICC(C,1) = (MSR - MSE) / (MSR + (k-1) MSE)
 *   ICC(A,1) = (MSR - MSE) / (MSR + (k-1) MSE + k (MSC - MSE) / n)
 *
 * Refuses a missing value: drop the item, or use Krippendorff's interval alpha, which is made for gaps.
 */
export function intraclassCorrelation(
  ratings: readonly (readonly number[])[],
  { level = 0.95 }: { level?: number } = {},
): IntraclassCorrelation {
  checkLevel("intraclassCorrelation", level);
  const n = ratings.length;
  const k = ratings[0]?.length ?? 0;
  if (n < 2 || k < 2 || ratings.some((row) => row.length !== k)) {
    throw new AttuneError("usage", {
      where: "intraclassCorrelation",
      expected: "at least two items, each with the same two or more ratings",
      got: `${n} items with ${[...new Set(ratings.map((row) => row.length))].join(", ") || "no"} ratings`,
    });
  }
  for (const row of ratings) checkFinite("intraclassCorrelation", row);
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const grand = mean(ratings.flat());
  const rowMeans = ratings.map(mean);
  const columnMeans = ratings[0]!.map((_, rater) => mean(ratings.map((row) => row[rater]!)));
  const squares = (values: readonly number[], around: number) =>
    values.reduce((total, value) => total + (value - around) ** 2, 0);
  const between = k * squares(rowMeans, grand);
  const raters = n * squares(columnMeans, grand);
  const within = ratings.reduce((total, row, item) => total + squares(row, rowMeans[item]!), 0);
  const msr = between / (n - 1);
  const msc = raters / (k - 1);
  const mse = Math.max(0, within - raters) / ((n - 1) * (k - 1));
  const msw = within / (n * (k - 1));
  const tail = (1 + level) / 2;

  const simple = (error: number, degrees: number): IntraclassForm => {
    if (msr + (k - 1) * error === 0) return { value: null, low: null, high: null };
    const value = (msr - error) / (msr + (k - 1) * error);
    if (error === 0) return { value, low: 1, high: 1 };
    const low = msr / error / fQuantile(tail, n - 1, degrees);
    const high = (msr / error) * fQuantile(tail, degrees, n - 1);
    return { value, low: (low - 1) / (low + k - 1), high: (high - 1) / (high + k - 1) };
  };
  const absolute = (): IntraclassForm => {
    const bottom = msr + (k - 1) * mse + (k * (msc - mse)) / n;
    if (bottom === 0) return { value: null, low: null, high: null };
    const value = (msr - mse) / bottom;
    if (value === 1) return { value, low: 1, high: 1 };
    const a = (k * value) / (n * (1 - value));
    const b = 1 + (k * value * (n - 1)) / (n * (1 - value));
    const degrees =
      (a * msc + b * mse) ** 2 / ((a * msc) ** 2 / (k - 1) + (b * mse) ** 2 / ((n - 1) * (k - 1)));
    if (!(degrees > 0)) return { value, low: null, high: null };
    const rest = k * msc + (k * n - k - n) * mse;
    const lower = fQuantile(tail, n - 1, degrees);
    const upper = fQuantile(tail, degrees, n - 1);
    return {
      value,
      low: (n * (msr - lower * mse)) / (lower * rest + n * msr),
      high: (n * (upper * msr - mse)) / (rest + n * upper * msr),
    };
  };
  const meanOf = ({ value, low, high }: IntraclassForm): IntraclassForm => {
    const up = (rho: number | null) => (rho === null ? null : (k * rho) / (1 + (k - 1) * rho));
    return { value: up(value), low: up(low), high: up(high) };
  };
  const oneWay = simple(msw, n * (k - 1));
  const agreement = absolute();
  const consistency = simple(mse, (n - 1) * (k - 1));
  return {
    oneWay,
    agreement,
    consistency,
    oneWayMean: meanOf(oneWay),
    agreementMean: meanOf(agreement),
    consistencyMean: meanOf(consistency),
    p: mse === 0 ? (msr === 0 ? null : 0) : fTail(msr / mse, n - 1, (n - 1) * (k - 1)),
    items: n,
    raters: k,
  };
}
