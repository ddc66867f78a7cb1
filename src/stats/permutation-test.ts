/** Permutation tests of means, exact where that is affordable. Knows numbers and the symmetry that chance would have. */
import { AttuneError } from "../errors.js";
import { createRandom } from "../util/random.js";
import { checkFinite } from "./checks.js";

export interface PermutationTest {
  /** Two-sided: share of arrangements at least as extreme; with `exact: false` (hits + 1) / (resamples + 1). */
  p: number;
  /** Mean of the differences, or difference of the means. */
  estimate: number;
  /** Whether all arrangements were counted. */
  exact: boolean;
}

export interface PermutationOptions {
  /** Count all arrangements up to this many, else draw; default 2^20. */
  mostExact?: number;
  /** Random arrangements otherwise; default 20,000. */
  resamples?: number;
  /** Default 0. */
  seed?: number;
}

/** Sums that differ only by rounding are equal: extreme means within this share of the total size. */
const ROUNDING = 1e-12;

/**
 * Paired: were there no difference, each difference could as well have had the other sign (Fisher 1935). Counts the 2^n sign patterns, or
 * draws them. One difference a cluster (prompt), not a judgement.
 */
export function signFlipTest(
  differences: readonly number[],
  options: PermutationOptions = {},
): PermutationTest {
  const { mostExact = 2 ** 20, resamples = 20_000, seed = 0 } = options;
  checkNumbers("signFlipTest", differences, resamples);
  const total = differences.reduce((a, b) => a + b, 0);
  const size = differences.reduce((sum, value) => sum + Math.abs(value), 0);
  const extreme = Math.abs(total) - ROUNDING * size;
  const estimate = total / differences.length;
  // A zero has no sign.
  const signed = differences.filter((value) => value !== 0);
  if (2 ** signed.length <= Math.min(mostExact, 2 ** 30)) {
    const patterns = 2 ** signed.length;
    let hits = 0;
    let sum = size === 0 ? 0 : -signed.reduce((a, b) => a + b, 0);
    const signs = signed.map(() => -1);
    // Gray code: each pattern turns one sign.
    for (let pattern = 0; pattern < patterns; pattern++) {
      if (pattern > 0) {
        const turned = 31 - Math.clz32(pattern & -pattern);
        signs[turned] = -signs[turned]!;
        sum += 2 * signs[turned]! * signed[turned]!;
      }
      if (Math.abs(sum) >= extreme) hits++;
    }
    return { p: hits / patterns, estimate, exact: true };
  }
  const random = createRandom(seed, { stream: "sign-flip" });
  let hits = 0;
  for (let round = 0; round < resamples; round++) {
    let sum = 0;
    let bits = 0;
    for (const [n, value] of signed.entries()) {
      if (n % 32 === 0) bits = random.uint32();
      sum += bits & 1 ? value : -value;
      bits >>>= 1;
    }
    if (Math.abs(sum) >= extreme) hits++;
  }
  return { p: (hits + 1) / (resamples + 1), estimate, exact: false };
}

/**
 * Two groups: were there no difference, any split of all values into groups of these sizes would have been as likely (Pitman 1937).
 * Difference of means.
 */
export function permutationTest(
  first: readonly number[],
  second: readonly number[],
  options: PermutationOptions = {},
): PermutationTest {
  const { mostExact = 2 ** 20, resamples = 20_000, seed = 0 } = options;
  checkNumbers("permutationTest", first, resamples);
  checkNumbers("permutationTest", second, resamples);
  const all = [...first, ...second];
  const n = first.length;
  const m = second.length;
  const total = all.reduce((a, b) => a + b, 0);
  const size = all.reduce((sum, value) => sum + Math.abs(value), 0);
  const differenceOf = (sum: number) => sum / n - (total - sum) / m;
  const estimate = differenceOf(first.reduce((a, b) => a + b, 0));
  const extreme = Math.abs(estimate) - ROUNDING * size;
  if (choose(n + m, n) <= mostExact) {
    let hits = 0;
    let splits = 0;
    const walk = (start: number, left: number, sum: number): void => {
      if (left === 0) {
        splits++;
        if (Math.abs(differenceOf(sum)) >= extreme) hits++;
        return;
      }
      for (let k = start; k <= all.length - left; k++) walk(k + 1, left - 1, sum + all[k]!);
    };
    walk(0, n, 0);
    return { p: hits / splits, estimate, exact: true };
  }
  const random = createRandom(seed, { stream: "permutation" });
  const shuffled = Float64Array.from(all);
  let hits = 0;
  for (let round = 0; round < resamples; round++) {
    let sum = 0;
    for (let k = 0; k < n; k++) {
      const other = k + random.integer(all.length - k);
      const value = shuffled[other]!;
      shuffled[other] = shuffled[k]!;
      shuffled[k] = value;
      sum += value;
    }
    if (Math.abs(differenceOf(sum)) >= extreme) hits++;
  }
  return { p: (hits + 1) / (resamples + 1), estimate, exact: false };
}

function choose(n: number, k: number): number {
  let ways = 1;
  for (let i = 1; i <= Math.min(k, n - k); i++) ways = (ways * (n - i + 1)) / i;
  return ways;
}

function checkNumbers(where: string, values: readonly number[], resamples: number): void {
  checkFinite(where, values);
  if (values.length === 0 || !Number.isSafeInteger(resamples) || resamples < 1) {
    throw new AttuneError("usage", {
      where,
      expected: "at least one value and one resample",
      got: `${values.length} values, ${resamples} resamples`,
    });
  }
}
