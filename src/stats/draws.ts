/** Seeded draws from the distributions that resampling needs. Knows a random generator and nothing of what is drawn for. */
import type { Random } from "../util/random.js";

/** Gamma(shape, 1), shape >= 1 (Marsaglia and Tsang 2000). */
export function drawGamma(random: Random, shape: number): number {
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = random.normal();
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - random.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}

/**
 * Binomial(trials, p), exact at any size: while there are many trials, the median of that many uniforms is drawn as a Beta variate
 * and splits them in two (Devroye 1986, X.4.4), so the work grows with log(trials).
 */
export function drawBinomial(random: Random, trials: number, p: number): number {
  if (p <= 0) return 0;
  if (p >= 1) return trials;
  let successes = 0;
  let left = trials;
  let chance = p;
  while (left > 24) {
    const below = Math.floor((left + 1) / 2);
    const a = drawGamma(random, below);
    const middle = a / (a + drawGamma(random, left + 1 - below));
    if (middle <= chance) {
      successes += below;
      left -= below;
      chance = (chance - middle) / (1 - middle);
    } else {
      left = below - 1;
      chance /= middle;
    }
  }
  for (; left > 0; left--) if (random.uniform() < chance) successes++;
  return successes;
}

/** How often each of the outcomes came in `trials`; `shares` sum to 1. */
export function drawMultinomial(random: Random, trials: number, shares: readonly number[]): number[] {
  let left = trials;
  let rest = 1;
  return shares.map((share, place) => {
    if (left === 0) return 0;
    const drawn = place === shares.length - 1 ? left : drawBinomial(random, left, Math.min(1, share / rest));
    left -= drawn;
    rest = Math.max(rest - share, Number.MIN_VALUE);
    return drawn;
  });
}
