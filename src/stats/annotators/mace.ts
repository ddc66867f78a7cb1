/** Who knows and who guesses: a model of annotators with one number each, after MACE. Knows judgements, no truth. */
import { createRandom } from "../../util/random.js";
import { normalizeLogRows, normalizeRows } from "./dawid-skene.js";
import { checkJudgements, type Judgements } from "./judgements.js";

export interface Mace {
  /** Chance of each true category. [items, categories] */
  posteriors: number[][];
  /** 1 - spamming: the share of an annotator's labels that come from knowing. [annotators] */
  competences: number[];
  /** What each annotator says when guessing. [annotators, categories] */
  guesses: number[][];
  /** Entropy of each item's posterior in nats: which items stay doubtful. */
  entropies: number[];
  logLikelihood: number;
}

export interface MaceOptions {
  /** Default: as many as are used. */
  categories?: number;
  /** Pseudo-count of knowing and guessing, and of every guess; default 0.01 / categories, the authors'. */
  smoothing?: number;
  /** EM runs from random starts, of which the likeliest is kept; default 10, the authors'. */
  restarts?: number;
  /** Steps a run; default 50, the authors'. */
  iterations?: number;
  /** Default 0. */
  seed?: number;
}

/**
 * MACE (Hovy, Berg-Kirkpatrick, Vaswani and Hovy 2013): an annotator knows the truth with chance c and else guesses from a private
 * distribution ξ: P(label a | truth t) = c [a = t] + (1 - c) ξ_a, all truths equally likely beforehand. Fewer parameters than
 * Dawid-Skene, so fewer labels a person are needed.
 *
 * Deviations: 1. EM with additive smoothing only, without the paper's variational Bayes. 2. The first run starts from
 * competence ½ and uniform guesses; the others from random ones.
 */
export function mace(judgements: Judgements, options: MaceOptions = {}): Mace {
  const sizes = checkJudgements("mace", judgements, { categories: options.categories });
  const q = sizes.categories;
  const { smoothing = 0.01 / q, restarts = 10, iterations = 50, seed = 0 } = options;
  const random = createRandom(seed, { stream: "mace" });
  let best: Run | undefined;
  for (let restart = 0; restart < Math.max(1, restarts); restart++) {
    const competence = Float64Array.from({ length: sizes.annotators }, () =>
      restart === 0 ? 0.5 : random.uniform(),
    );
    const guess = Float64Array.from({ length: sizes.annotators * q }, () =>
      restart === 0 ? 1 : random.uniform(),
    );
    normalizeRows(guess, q);
    const run = climb(judgements, { ...sizes, competence, guess, smoothing, iterations });
    if (best === undefined || run.logLikelihood > best.logLikelihood + 1e-9) best = run;
  }
  const { truth, competence, guess, logLikelihood } = best!;
  const rows = (list: Float64Array) =>
    Array.from({ length: list.length / q }, (_, i) => Array.from(list.subarray(i * q, (i + 1) * q)));
  const posteriors = rows(truth);
  return {
    posteriors,
    competences: Array.from(competence),
    guesses: rows(guess),
    entropies: posteriors.map((row) => row.reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0)),
    logLikelihood,
  };
}

interface Run {
  truth: Float64Array;
  competence: Float64Array;
  guess: Float64Array;
  logLikelihood: number;
}

function climb(
  { items: item, annotators: by, labels }: Judgements,
  {
    items,
    annotators,
    categories: q,
    competence,
    guess,
    smoothing,
    iterations,
  }: {
    items: number;
    annotators: number;
    categories: number;
    competence: Float64Array;
    guess: Float64Array;
    smoothing: number;
    iterations: number;
  },
): Run {
  const truth = new Float64Array(items * q);
  const count = item.length;
  const expect = (): number => {
    truth.fill(-Math.log(q));
    for (let n = 0; n < count; n++) {
      const c = competence[by[n]!]!;
      const guessed = (1 - c) * guess[by[n]! * q + labels[n]!]!;
      const wrong = Math.log(Math.max(guessed, 1e-300));
      const right = Math.log(Math.max(c + guessed, 1e-300));
      for (let j = 0; j < q; j++) truth[item[n]! * q + j]! += j === labels[n] ? right : wrong;
    }
    return normalizeLogRows(truth, q);
  };
  let logLikelihood = expect();
  const known = new Float64Array(annotators);
  const given = new Float64Array(annotators);
  const guessed = new Float64Array(annotators * q);
  for (let round = 0; round < iterations; round++) {
    known.fill(smoothing);
    given.fill(2 * smoothing);
    guessed.fill(smoothing);
    for (let n = 0; n < count; n++) {
      const k = by[n]!;
      const c = competence[k]!;
      const spam = (1 - c) * guess[k * q + labels[n]!]!;
      const knew = c + spam > 0 ? (truth[item[n]! * q + labels[n]!]! * c) / (c + spam) : 0;
      known[k]! += knew;
      given[k]! += 1;
      guessed[k * q + labels[n]!]! += 1 - knew;
    }
    for (let k = 0; k < annotators; k++) competence[k] = given[k]! > 0 ? known[k]! / given[k]! : 0.5;
    guess.set(guessed);
    normalizeRows(guess, q);
    logLikelihood = expect();
  }
  return { truth, competence, guess, logLikelihood };
}
