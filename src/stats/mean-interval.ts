/** A mean with Student's interval. Knows numbers only, and that they are independent. */
import { AttuneError } from "../errors.js";
import { checkFinite, checkLevel } from "./checks.js";
import { studentQuantile } from "./special-functions.js";

export interface MeanInterval {
  mean: number;
  /** Sample standard deviation (n - 1); null for a single value, as are the bounds. */
  deviation: number | null;
  low: number | null;
  high: number | null;
  count: number;
}

/** mean ± t_{(1+level)/2, n-1} s / √n (Student 1908). `level` default 0.95. Refuses an empty list. */
export function meanInterval(
  values: readonly number[],
  { level = 0.95 }: { level?: number } = {},
): MeanInterval {
  checkLevel("meanInterval", level);
  checkFinite("meanInterval", values);
  const count = values.length;
  if (count === 0)
    throw new AttuneError("usage", { where: "meanInterval", expected: "at least one value", got: "none" });
  const mean = values.reduce((a, b) => a + b, 0) / count;
  if (count === 1) return { mean, deviation: null, low: null, high: null, count };
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1));
  const half = (studentQuantile((1 + level) / 2, count - 1) * deviation) / Math.sqrt(count);
  return { mean, deviation, low: mean - half, high: mean + half, count };
}
