/** Which comparison would teach most: information of a pair under a fitted ranking. Knows strengths and their covariance. */
import { AttuneError } from "../../errors.js";

export interface PairInformation {
  /** ½ ln(1 + p (1 - p) s²), p = σ(mean): what the comparison adds to the log-determinant of the precision. Nats. */
  dOptimal: number;
  /** H(E p) - E H(p), the mutual information of outcome and strengths (Houlsby et al. 2011, "BALD"). Nats, at most ln 2. */
  bald: number;
}

/**
 * For a difference of strengths that is Gaussian with `mean` and `variance` (Laplace: θ_i - θ_j and Σ_ii + Σ_jj - 2 Σ_ij). D-optimal
 * exaggerates wide posteriors: prefer BALD, keep the other as a cheap screen.
 */
export function pairInformation(mean: number, variance: number): PairInformation {
  if (!Number.isFinite(mean) || !(variance >= 0 && Number.isFinite(variance))) {
    throw new AttuneError("usage", {
      where: "pairInformation",
      expected: "a finite mean and a variance >= 0",
      got: `${mean} and ${variance}`,
    });
  }
  const p = 1 / (1 + Math.exp(-mean));
  const dOptimal = 0.5 * Math.log1p(p * (1 - p) * variance);
  // The trapezoid rule on a Gaussian converges faster than any power: 161 points over ±8 deviations are enough.
  const deviation = Math.sqrt(variance);
  let weights = 0;
  let chance = 0;
  let entropy = 0;
  for (let step = -80; step <= 80; step++) {
    const z = step / 10;
    const weight = Math.exp(-(z * z) / 2);
    const at = 1 / (1 + Math.exp(-(mean + deviation * z)));
    weights += weight;
    chance += weight * at;
    entropy += weight * binaryEntropy(at);
  }
  return { dOptimal, bald: Math.max(0, binaryEntropy(chance / weights) - entropy / weights) };
}

/** All pairs of a fit, most informative (BALD) first, at most `limit` (default 20). */
export function mostInformativePairs(
  { strengths, covariance }: { strengths: readonly number[]; covariance: readonly (readonly number[])[] },
  { limit = 20 }: { limit?: number } = {},
): (PairInformation & { first: number; second: number })[] {
  const pairs = strengths.flatMap((strength, first) =>
    strengths.slice(first + 1).map((other, offset) => {
      const second = first + 1 + offset;
      const variance =
        covariance[first]![first]! + covariance[second]![second]! - 2 * covariance[first]![second]!;
      return { first, second, ...pairInformation(strength - other, Math.max(0, variance)) };
    }),
  );
  return pairs.sort((a, b) => b.bald - a.bald).slice(0, limit);
}

/**
 * Chatbot Arena's rule (arXiv 2403.04132): a pair is drawn with a chance proportional to √(v/n) - √(v/(n+1)), v its sampling variance
 * and n its votes so far: by how much one more vote shortens the interval. A pair without votes counts as having one. Store the
 * chance with the vote, so that estimates can be weighted by its inverse.
 */
export function arenaChances(pairs: readonly { variance: number; votes: number }[]): number[] {
  const gains = pairs.map(({ variance, votes }, index) => {
    if (!(variance >= 0) || !(votes >= 0) || !Number.isFinite(variance + votes)) {
      throw new AttuneError("usage", {
        where: `arenaChances: pair ${index}`,
        expected: "variance >= 0 and votes >= 0",
        got: `${variance} and ${votes}`,
      });
    }
    const n = Math.max(1, votes);
    return Math.sqrt(variance / n) - Math.sqrt(variance / (n + 1));
  });
  const total = gains.reduce((a, b) => a + b, 0);
  return gains.map((gain) => (total > 0 ? gain / total : 1 / gains.length));
}

function binaryEntropy(p: number): number {
  return p <= 0 || p >= 1 ? 0 : -p * Math.log(p) - (1 - p) * Math.log1p(-p);
}
