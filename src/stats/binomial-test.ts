/** The exact two-sided binomial test, and its two everyday uses. Knows counts only. */
import { AttuneError } from "../errors.js";
import { checkProportion } from "./checks.js";
import { logGamma } from "./special-functions.js";

/**
 * p-value of `successes` of `trials` under a chance of ½ each: 2 P(X >= max(k, n-k)), at most 1. The distribution is
 * symmetric, so all definitions of "two-sided" agree. Whole counts only.
 *
 * Position bias: trials = decided comparisons, successes = those that the left answer won.
 */
export function binomialTest(successes: number, trials: number): number {
  checkProportion("binomialTest", successes, trials);
  if (!Number.isSafeInteger(successes) || !Number.isSafeInteger(trials)) {
    throw new AttuneError("usage", {
      where: "binomialTest",
      expected: "whole counts",
      got: `${successes} of ${trials}`,
    });
  }
  const extreme = Math.max(successes, trials - successes);
  let tail = 0;
  for (let k = trials; k >= extreme; k--) {
    tail += Math.exp(logGamma(trials + 1) - logGamma(k + 1) - logGamma(trials - k + 1) - trials * Math.LN2);
  }
  return Math.min(1, 2 * tail);
}

/** Sign test of paired differences: zeros are dropped (Dixon and Mood 1946). `p` is 1 when nothing is left. */
export function signTest(differences: readonly number[]): { p: number; positive: number; negative: number } {
  const positive = differences.filter((difference) => difference > 0).length;
  const negative = differences.filter((difference) => difference < 0).length;
  return {
    p: positive + negative === 0 ? 1 : binomialTest(positive, positive + negative),
    positive,
    negative,
  };
}

/**
 * McNemar's test (1947), exact: of the items that only one of two systems got right, is either side favoured? The items
 * that both or neither got right say nothing. Counts: only the first right, only the second right.
 */
export function mcNemarTest(onlyFirst: number, onlySecond: number): number {
  return onlyFirst + onlySecond === 0 ? 1 : binomialTest(onlyFirst, onlyFirst + onlySecond);
}
