/**
 * Best of n from one large sample: the expected reward for every n at once, without drawing again, and the KL that it costs.
 * Knows rewards of a prompt's answers; neither models nor prompts.
 *
 *   E[max of n of N] = sum over sorted r_(i) of C(i-1, n-1) / C(N, n)          (unbiased; Nakano et al. 2021, 2112.09332, appendix I)
 *   KL <= log n - (n - 1) / n                                                  (Beirami et al. 2024, 2401.01879)
 */
import { AttuneError } from "../../errors.js";
import type { Measured } from "./point.js";

/** How likely the i-th lowest of N (from 0) is the best of n drawn without putting back. */
export function bestOfWeights(N: number, n: number): number[] {
  if (!(Number.isInteger(n) && Number.isInteger(N) && n >= 1 && n <= N)) {
    throw new AttuneError("usage", {
      where: "bestOfWeights",
      expected: "a whole n from 1 to the number of answers",
      got: `${n} of ${N}`,
    });
  }
  // C(i, n-1) / C(N, n) from the top: 1 is n / N, and each step down multiplies.
  const weights = Array.from<number>({ length: N }).fill(0);
  weights[N - 1] = n / N;
  for (let i = N - 2; i >= n - 1; i--) weights[i] = (weights[i + 1]! * (i + 1 - (n - 1))) / (i + 1);
  return weights;
}

/**
 * Mean over prompts of the expected best of n.
 * @param rewards a list for each prompt, all equally long, at least n
 */
export function bestOfReward(rewards: readonly (readonly number[])[], n: number): Measured {
  const values = rewards.map((list) => {
    const weights = bestOfWeights(list.length, n);
    return [...list].sort((a, b) => a - b).reduce((sum, r, i) => sum + weights[i]! * r, 0);
  });
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const squares = values.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  return { mean, standardError: Math.sqrt(squares / Math.max(1, values.length - 1) / values.length) };
}

/** One answer of a sample. */
export interface SampledReward {
  readonly text: string;
  readonly reward: number;
  /** Natural log of the answer's probability under the model. Absent: its share of the sample stands in. */
  readonly logProb?: number;
}

/**
 * KL of best of n against the model that wrote the answers, measured on N answers to one prompt:
 *
 *   mean, over what best of n picks, of log q(y) - log p(y),   q(y) = (F + p(y))^n - F^n,   F = share with less reward
 *
 * Answers of equal reward stand in the order of their text, so that one of them wins. Nats; n at most about N / 4, beyond
 * which the sample's top says little of F.
 */
export function measuredBestOfKl(answers: readonly SampledReward[], n: number): number {
  const N = answers.length;
  const sorted = [...answers].sort((a, b) => a.reward - b.reward || (a.text < b.text ? -1 : 1));
  let kl = 0;
  for (let first = 0; first < N;) {
    const { text, logProb } = sorted[first]!;
    let end = first + 1;
    while (end < N && sorted[end]!.text === text) end++;
    const F = first / N;
    const logP = logProb ?? Math.log((end - first) / N);
    const picked = (end / N) ** n - F ** n;
    if (picked > 0) kl += picked * logRatio(F, Math.min(logP, Math.log1p(-F)), n);
    first = end;
  }
  return kl;
}

/** log of ((F + p)^n - F^n) / p, without losing a small p beside F. */
function logRatio(F: number, logP: number, n: number): number {
  if (F === 0) return (n - 1) * logP;
  const power = n * Math.log1p(Math.exp(logP) / F);
  return n * Math.log(F) + Math.log(Math.expm1(power)) - logP;
}
