/** Strengths, and how much each annotator attends and leans to the left, from comparisons by many people. Knows who said what. */
import { AttuneError } from "../../errors.js";
import { bradleyTerryModel } from "../ranking/outcome-models.js";
import { fitPairs } from "../ranking/fit-pairs.js";
import type { PairCount } from "../ranking/pairs.js";

/** Comparisons of one annotator and pair, as shown; equal ones may be counted together. */
export interface AnnotatedPair {
  annotator: number;
  /** Shown left and right. */
  left: number;
  right: number;
  leftWins: number;
  rightWins: number;
}

export interface NoisyBradleyTerry {
  /** θ, mean 0. [players] */
  strengths: number[];
  /** s: the share of judgements in which the annotator looked at the answers. [annotators] */
  skills: number[];
  /** b: how often the annotator says "left" when not looking. [annotators] */
  leftBiases: number[];
  /** Of the data, without the priors. */
  logLikelihood: number;
  iterations: number;
}

export interface NoisyOptions {
  players?: number;
  /** Precision of a Gaussian on every strength, > 0; default 0.1. Without one, three consistent votes send strengths to infinity. */
  prior?: number;
  /** Beta prior on skills as two pseudo-counts, attentive and not; default [4, 1]: people mostly look. */
  skillPrior?: readonly [number, number];
  /** Beta prior on left biases; default [2, 2]. */
  biasPrior?: readonly [number, number];
  /** Default 1e-9, of the log-posterior. */
  tolerance?: number;
  /** Default 500. */
  iterations?: number;
}

/**
 * P(left chosen) = s_w σ(θ_l - θ_r) + (1 - s_w) b_w (the model of crowd-kit's NoisyBradleyTerry), fitted by EM to the posterior: a vote
 * is attentive with chance r = s σ / (s σ + (1 - s) b); strengths are a Bradley-Terry fit of the votes weighted by r; s and b are
 * shares with pseudo-counts. A tie has no place here: leave it out or split it.
 */
export function noisyBradleyTerry(
  pairs: readonly AnnotatedPair[],
  options: NoisyOptions = {},
): NoisyBradleyTerry {
  const {
    prior = 0.1,
    skillPrior = [4, 1],
    biasPrior = [2, 2],
    tolerance = 1e-9,
    iterations: most = 500,
  } = options;
  if (!(prior > 0) || ![...skillPrior, ...biasPrior].every((count) => count > 0)) {
    throw new AttuneError("usage", {
      where: "noisyBradleyTerry",
      expected: "priors > 0",
      got: JSON.stringify({ prior, skillPrior, biasPrior }),
      fix: "without priors a perfectly consistent annotator has infinite strengths",
    });
  }
  const wrong = pairs.findIndex(({ annotator }) => !Number.isSafeInteger(annotator) || annotator < 0);
  if (wrong >= 0 || pairs.length === 0) {
    throw new AttuneError("usage", {
      where: `noisyBradleyTerry: pair ${Math.max(0, wrong)}`,
      expected: "at least one comparison, with an annotator from 0",
      got: JSON.stringify(pairs[wrong]) ?? "none",
    });
  }
  const annotators = Math.max(...pairs.map(({ annotator }) => annotator)) + 1;
  const skills = new Array<number>(annotators).fill(skillPrior[0] / (skillPrior[0] + skillPrior[1]));
  const biases = new Array<number>(annotators).fill(0.5);
  const fit = (weights: readonly (readonly [number, number])[]) => {
    const weighted: PairCount[] = pairs.map(({ left, right, leftWins, rightWins }, n) => ({
      first: left,
      second: right,
      firstWins: leftWins * weights[n]![0],
      secondWins: rightWins * weights[n]![1],
    }));
    const model = bradleyTerryModel;
    return fitPairs("noisyBradleyTerry", {
      pairs: weighted,
      model,
      options: { players: options.players, prior },
    }).strengths;
  };
  let strengths = fit(pairs.map(({ annotator }) => [skills[annotator]!, skills[annotator]!]));
  let reached = -Infinity;
  let logLikelihood = 0;
  let rounds = 0;
  while (rounds < most) {
    rounds++;
    logLikelihood = 0;
    const attentive = Array.from(
      { length: annotators },
      () => [skillPrior[0] - 1, skillPrior[1] - 1] as [number, number],
    );
    const blind = Array.from(
      { length: annotators },
      () => [biasPrior[0] - 1, biasPrior[1] - 1] as [number, number],
    );
    const weights = pairs.map(({ annotator, left, right, leftWins, rightWins }): [number, number] => {
      const p = 1 / (1 + Math.exp(strengths[right]! - strengths[left]!));
      const s = skills[annotator]!;
      const b = biases[annotator]!;
      const chance = [s * p + (1 - s) * b, s * (1 - p) + (1 - s) * (1 - b)] as const;
      const looked = [(s * p) / chance[0], (s * (1 - p)) / chance[1]] as const;
      if (leftWins > 0) logLikelihood += leftWins * Math.log(chance[0]);
      if (rightWins > 0) logLikelihood += rightWins * Math.log(chance[1]);
      attentive[annotator]![0] += leftWins * looked[0] + rightWins * looked[1];
      attentive[annotator]![1] += leftWins * (1 - looked[0]) + rightWins * (1 - looked[1]);
      blind[annotator]![0] += leftWins * (1 - looked[0]);
      blind[annotator]![1] += rightWins * (1 - looked[1]);
      return [looked[0], looked[1]];
    });
    const posterior = logLikelihood + logPriors({ skills, biases, strengths, skillPrior, biasPrior, prior });
    if (posterior - reached <= tolerance * Math.max(1, Math.abs(posterior))) break;
    reached = posterior;
    for (let k = 0; k < annotators; k++) {
      skills[k] = shareOf(attentive[k]!);
      biases[k] = shareOf(blind[k]!);
    }
    strengths = fit(weights);
  }
  return { strengths, skills, leftBiases: biases, logLikelihood, iterations: rounds };
}

/** Kept inside (0, 1), where the next step can still move it. */
function shareOf([yes, no]: readonly [number, number]): number {
  const total = Math.max(yes, 0) + Math.max(no, 0);
  return total > 0 ? Math.min(1 - 1e-9, Math.max(1e-9, Math.max(yes, 0) / total)) : 0.5;
}

function logPriors({
  skills,
  biases,
  strengths,
  skillPrior,
  biasPrior,
  prior,
}: {
  skills: readonly number[];
  biases: readonly number[];
  strengths: readonly number[];
  skillPrior: readonly [number, number];
  biasPrior: readonly [number, number];
  prior: number;
}): number {
  const beta = (values: readonly number[], [a, b]: readonly [number, number]) =>
    values.reduce((sum, value) => sum + (a - 1) * Math.log(value) + (b - 1) * Math.log1p(-value), 0);
  return (
    beta(skills, skillPrior) +
    beta(biases, biasPrior) -
    strengths.reduce((sum, value) => sum + (prior * value * value) / 2, 0)
  );
}
