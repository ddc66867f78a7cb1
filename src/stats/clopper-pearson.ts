/** Clopper and Pearson's exact interval of a proportion. Knows counts only. */
import { checkLevel, checkProportion } from "./checks.js";
import { betaQuantile } from "./special-functions.js";
import type { Interval } from "./wilson.js";

/**
 * The p not rejected by either one-sided exact binomial test at (1 - level)/2 (Clopper and Pearson 1934, Biometrika 26):
 * low = Beta quantile((1-level)/2; k, n-k+1), high = Beta quantile((1+level)/2; k+1, n-k); 0 and 1 at the ends.
 * Covers at least `level`, usually more; Wilson's is closer to it. Whole counts only.
 */
export function clopperPearsonInterval(
  successes: number,
  trials: number,
  { level = 0.95 }: { level?: number } = {},
): Interval {
  checkProportion("clopperPearsonInterval", successes, trials);
  checkLevel("clopperPearsonInterval", level);
  const tail = (1 - level) / 2;
  return {
    low: successes === 0 ? 0 : betaQuantile(tail, successes, trials - successes + 1),
    high: successes === trials ? 1 : betaQuantile(1 - tail, successes + 1, trials - successes),
  };
}
