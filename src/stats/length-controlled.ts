/**
 * The length-controlled win rate of AlpacaEval: what a model's win rate over a baseline would be if both wrote equally long.
 * Knows preferences and differences of length, no texts.
 *
 * Dubois, Galambosi, Liang and Hashimoto 2024 (arXiv 2404.04475): a logistic regression without intercept of the preference
 * on tanh(Δlength / sd(Δlength)), the instruction's difficulty, and 1 for the model's rows; an L1 penalty whose strength
 * 5-fold cross-validation chooses; then Δlength = 0 is put in, and the predictions are averaged.
 *
 * Where ours differs: 1. The difficulty of an instruction is what the caller gives; AlpacaEval has it from a fit to all the
 * models of its leaderboard, for its own 805 instructions. Without it the term is left out. 2. The baseline against versions
 * of itself that were told to be brief or verbose ("gamed") is the caller's to give; without it nothing stands against a model
 * that gains by length alone and always by the same. 3. The interval is a bootstrap over comparisons, given the chosen
 * strength; AlpacaEval reports none that takes the fit into account.
 */
import { AttuneError } from "../errors.js";
import { bootstrapInterval, type BootstrapOptions } from "./bootstrap.js";
import { checkFinite } from "./checks.js";
import { fitL1Logistic, logistic, logLoss, type WeightedRow } from "./l1-logistic.js";
import { dot, sum } from "./linear-algebra.js";
import type { Interval } from "./wilson.js";

/** A model's answer beside the baseline's, one an instruction. */
export interface LengthComparison {
  /** 1: the model's answer was preferred, 0: the baseline's, 0.5: neither. A judge's probability may stand here. */
  preference: number;
  /** Length of the model's answer minus the baseline's; AlpacaEval counts characters. */
  lengthDifference: number;
  /** Of the instruction, on any scale around 0; all comparisons have it, or none. */
  difficulty?: number;
}

export interface LengthControlledOptions extends BootstrapOptions {
  /** One list a version of the baseline that differs from it in length only, "the model" of its rows being that version. */
  gamed?: readonly (readonly LengthComparison[])[];
  /** λ: what a row of all versions together weighs beside 1 for the model's; default 0.2, the authors'. */
  gamedWeight?: number;
}

export interface RateWithInterval extends Interval {
  winRate: number;
}

export interface LengthControlledWinRate {
  raw: RateWithInterval;
  controlled: RateWithInterval;
  /** On the log-odds scale. `length`: per unit of tanh(Δ / sd); `model`: at equal length and difficulty 0. */
  coefficients: { length: number; difficulty: number | null; model: number };
  /** The C that cross-validation chose: larger penalises less. */
  strength: number;
  comparisons: number;
}

/** scikit-learn's ten, from 1e-4 to 1e4. */
const strengths = Array.from({ length: 10 }, (_, k) => 10 ** (-4 + (8 * k) / 9));
const folds = 5;

/** Refuses fewer than 10 comparisons, and lengths that never differ: their effect cannot be told from merit. */
export function lengthControlledWinRate(
  comparisons: readonly LengthComparison[],
  options: LengthControlledOptions = {},
): LengthControlledWinRate {
  const { gamed = [], gamedWeight = 0.2, resamples = 1000, ...bootstrap } = options;
  const withDifficulty = check(comparisons, gamed);
  const gamedRows = gamed.flatMap((version) =>
    rowsOf(version, { model: 0, weight: gamedWeight / gamed.length }),
  );
  const rowsWith = (sample: readonly LengthComparison[]) => [
    ...gamedRows,
    ...rowsOf(sample, { model: 1, weight: 1 }),
  ];
  const rows = rowsWith(comparisons);
  const strength = chooseStrength(rows);
  const coefficients = fitL1Logistic(rows, { strength });
  const raw = (sample: readonly LengthComparison[]) =>
    sum(sample.map(({ preference }) => preference)) / sample.length;
  const controlled = (sample: readonly LengthComparison[], fitted: readonly number[]) =>
    sum(sample.map(({ difficulty = 0 }) => logistic(dot(fitted, [0, difficulty, 1])))) / sample.length;
  const refitted = (sample: readonly LengthComparison[]) =>
    deviationOf(sample) > 0
      ? controlled(sample, fitL1Logistic(rowsWith(sample), { strength, start: coefficients }))
      : null;
  const interval = (statistic: (sample: readonly LengthComparison[]) => number | null) =>
    bootstrapInterval(comparisons, statistic, { ...bootstrap, resamples })!;
  const [length, difficulty, model] = coefficients;
  return {
    raw: { winRate: raw(comparisons), ...interval(raw) },
    controlled: { winRate: controlled(comparisons, coefficients), ...interval(refitted) },
    coefficients: { length: length!, difficulty: withDifficulty ? difficulty! : null, model: model! },
    strength,
    comparisons: comparisons.length,
  };
}

/** Each version's lengths in units of their own deviation; a difficulty that is not given is 0, which leaves its term out. */
function rowsOf(
  comparisons: readonly LengthComparison[],
  { model, weight }: { model: 0 | 1; weight: number },
): WeightedRow[] {
  const deviation = deviationOf(comparisons);
  return comparisons.map(({ preference, lengthDifference, difficulty = 0 }) => ({
    features: [Math.tanh(lengthDifference / deviation), difficulty, model],
    outcome: preference,
    weight,
  }));
}

function deviationOf(comparisons: readonly LengthComparison[]): number {
  const values = comparisons.map(({ lengthDifference }) => lengthDifference);
  const mean = sum(values) / values.length;
  return Math.sqrt(sum(values.map((value) => (value - mean) ** 2)) / (values.length - 1));
}

/** The strength with the smallest weighted log-loss on the folds left out. */
function chooseStrength(rows: readonly WeightedRow[]): number {
  const losses = new Array<number>(strengths.length).fill(0);
  for (let fold = 0; fold < folds; fold++) {
    const train = rows.filter((_, k) => k % folds !== fold);
    const test = rows.filter((_, k) => k % folds === fold);
    let start: readonly number[] | undefined;
    for (const [k, strength] of strengths.entries()) {
      const fitted = fitL1Logistic(train, { strength, ...(start && { start }) });
      start = fitted;
      losses[k]! +=
        sum(test.map(({ features, outcome, weight }) => weight * logLoss(outcome, dot(fitted, features)))) /
        test.length;
    }
  }
  return strengths[losses.indexOf(Math.min(...losses))]!;
}

/** Whether difficulties are given. */
function check(
  comparisons: readonly LengthComparison[],
  gamed: readonly (readonly LengthComparison[])[],
): boolean {
  const where = "lengthControlledWinRate";
  const refuse = (expected: string, got: string, fix?: string): never => {
    throw new AttuneError("usage", { where, expected, got, ...(fix !== undefined && { fix }) });
  };
  const withDifficulty = comparisons[0]?.difficulty !== undefined;
  for (const list of [comparisons, ...gamed]) {
    if (list.length < 2 * folds) refuse(`at least ${2 * folds} comparisons`, String(list.length));
    checkFinite(
      `${where}: lengthDifference`,
      list.map(({ lengthDifference }) => lengthDifference),
    );
    checkFinite(
      `${where}: difficulty`,
      list.map(({ difficulty = 0 }) => difficulty),
    );
    const bad = list.findIndex(({ preference }) => !(preference >= 0 && preference <= 1));
    if (bad >= 0) refuse("preferences in [0, 1]", `${list[bad]!.preference} at ${bad}`);
    const odd = list.findIndex(({ difficulty }) => (difficulty !== undefined) !== withDifficulty);
    if (odd >= 0) refuse("a difficulty for all comparisons or for none", `another at ${odd}`);
    if (deviationOf(list) === 0)
      refuse(
        "answers that differ in length, some more than others",
        "the same difference everywhere",
        "take the raw win rate: here length cannot be told from merit",
      );
  }
  return withDifficulty;
}
