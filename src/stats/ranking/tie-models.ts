/** Strengths where a tie is an outcome of its own: Davidson, and Rao and Kupper. Knows counted comparisons. */
import { AttuneError } from "../../errors.js";
import { fitPairs, type FitOptions, type PairedFit } from "./fit-pairs.js";
import { davidsonModel, raoKupperModel } from "./outcome-models.js";
import { checkPairs, type PairCount } from "./pairs.js";

/**
 * P(i beats j) = γ_i / D, P(tie) = ν √(γ_i γ_j) / D, D = γ_i + γ_j + ν √(γ_i γ_j) (Davidson 1970). `tie.value` is ln ν; for equal
 * players P(tie) = ν / (2 + ν). Strengths are ln γ, mean 0. Refuses results without ties.
 */
export function davidson(pairs: readonly PairCount[], options: Omit<FitOptions, "ties"> = {}): PairedFit {
  return fitPairs("davidson", { pairs, model: davidsonModel, options });
}

/**
 * P(i beats j) = γ_i / (γ_i + θ γ_j), and a tie otherwise, θ >= 1 (Rao and Kupper 1967): a difference below a threshold is not seen.
 * `tie.value` is ln θ. Refuses results without ties.
 */
export function raoKupper(pairs: readonly PairCount[], options: Omit<FitOptions, "ties"> = {}): PairedFit {
  return fitPairs("raoKupper", { pairs, model: raoKupperModel, options });
}

/**
 * Rao and Kupper's model by Hunter's MM (2004, section 3): with s_ij = w_ij + t_ij, γ_i ← Σ_j s_ij / Σ_j [s_ij / (γ_i + θ γ_j) +
 * θ s_ji / (γ_j + θ γ_i)], then C = (1/T) Σ_{i≠j} s_ij γ_j / (γ_i + θ γ_j), θ ← 1/C + √(1 + 1/C²), T ties each counted once.
 * `likelihoods`, one a round, never falls; the last is that of the result.
 */
export function raoKupperMM(
  pairs: readonly PairCount[],
  {
    players: given,
    tolerance = 1e-13,
    iterations = 10_000,
  }: { players?: number; tolerance?: number; iterations?: number } = {},
): { strengths: number[]; theta: number; likelihoods: number[] } {
  const { players } = checkPairs("raoKupperMM", pairs, { players: given });
  const tied = pairs.reduce((sum, { ties = 0 }) => sum + ties, 0);
  if (!(tied > 0)) {
    throw new AttuneError("data", {
      where: "raoKupperMM",
      expected: "some ties",
      got: "none",
      fix: "use bradleyTerryMM",
    });
  }
  // Each pair as its two directed halves: who gained (won or tied) against whom.
  const gains = pairs.flatMap(({ first, second, firstWins, secondWins, ties = 0 }) => [
    { by: first, from: second, count: firstWins + ties },
    { by: second, from: first, count: secondWins + ties },
  ]);
  const won = new Array<number>(players).fill(0);
  for (const { by, count } of gains) won[by]! += count;
  let worths = new Array<number>(players).fill(1);
  let theta = 2;
  const likelihoods = [likelihoodOf(pairs, { worths, theta })];
  for (let round = 0; round < iterations; round++) {
    const below = new Array<number>(players).fill(0);
    for (const { by, from, count } of gains) {
      const each = count / (worths[by]! + theta * worths[from]!);
      below[by]! += each;
      below[from]! += theta * each;
    }
    const raw = won.map((count, k) => count / below[k]!);
    const scale = Math.exp(raw.reduce((sum, value) => sum + Math.log(value), 0) / players);
    const next = raw.map((value) => value / scale);
    const c =
      gains.reduce(
        (sum, { by, from, count }) => sum + (count * next[from]!) / (next[by]! + theta * next[from]!),
        0,
      ) / tied;
    const moved = Math.max(...next.map((value, k) => Math.abs(Math.log(value / worths[k]!))));
    const thetaMoved = Math.abs(1 / c + Math.sqrt(1 + 1 / (c * c)) - theta);
    theta = 1 / c + Math.sqrt(1 + 1 / (c * c));
    worths = next;
    likelihoods.push(likelihoodOf(pairs, { worths, theta }));
    if (!(moved >= tolerance || thetaMoved >= tolerance)) break;
  }
  return { strengths: worths.map(Math.log), theta, likelihoods };
}

function likelihoodOf(
  pairs: readonly PairCount[],
  { worths, theta }: { worths: readonly number[]; theta: number },
): number {
  return pairs.reduce((sum, { first, second, firstWins, secondWins, ties = 0 }) => {
    const { chance } = raoKupperModel.outcomes(Math.log(worths[first]! / worths[second]!), Math.log(theta));
    const part = (count: number, p: number) => (count > 0 ? count * Math.log(p) : 0);
    return sum + part(firstWins, chance[0]) + part(ties, chance[1]) + part(secondWins, chance[2]);
  }, 0);
}
