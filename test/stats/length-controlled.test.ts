/** The length-controlled win rate: known truths, scikit-learn's numbers, and what is refused. */
import { describe, expect, it } from "vitest";
import { type LengthComparison, lengthControlledWinRate } from "../../src/stats/index.js";
import { fitL1Logistic } from "../../src/stats/l1-logistic.js";
import { createRandom, type Random } from "../../src/util/random.js";

const chance = (x: number) => 1 / (1 + Math.exp(-x));

interface Truth {
  merit: number;
  /** Log-odds that a longer answer gains, at most. */
  lengthBias: number;
  difficultyEffect?: number;
  /** Of the differences of length, in standard deviations. */
  meanLonger: number;
  count?: number;
}

/** Preferences of a judge who likes length, and the model's true win rate at equal length. */
function simulate(random: Random, truth: Truth): { comparisons: LengthComparison[]; fair: number } {
  const { merit, lengthBias, difficultyEffect, meanLonger, count = 805 } = truth;
  let fair = 0;
  const comparisons = Array.from({ length: count }, (): LengthComparison => {
    const lengthDifference = Math.round(600 * (random.normal() + meanLonger));
    const difficulty = random.normal();
    const atEqualLength = merit + (difficultyEffect ?? 0) * difficulty;
    fair += chance(atEqualLength) / count;
    const preference =
      random.uniform() < chance(atEqualLength + lengthBias * Math.tanh(lengthDifference / 600)) ? 1 : 0;
    return { preference, lengthDifference, ...(difficultyEffect !== undefined && { difficulty }) };
  });
  return { comparisons, fair };
}

describe("the length-controlled win rate", () => {
  it.each([
    ["no better, and longer", { merit: 0, lengthBias: 1.2, meanLonger: 0.8 }],
    ["better, and shorter", { merit: 0.6, lengthBias: 1, meanLonger: -0.7 }],
    [
      "better on hard instructions only",
      { merit: 0.2, lengthBias: 1, difficultyEffect: 0.8, meanLonger: 0.7 },
    ],
  ] as const)("takes out what length bought a model that is %s", (_, truth) => {
    const { comparisons, fair } = simulate(createRandom(3), truth);
    const { raw, controlled, coefficients } = lengthControlledWinRate(comparisons, { resamples: 200 });
    expect(raw.low > fair || raw.high < fair).toBe(true);
    expect(controlled.low).toBeLessThan(fair);
    expect(controlled.high).toBeGreaterThan(fair);
    expect(Math.abs(controlled.winRate - fair)).toBeLessThan(0.035);
    expect(Math.abs(coefficients.length - truth.lengthBias)).toBeLessThan(0.35);
  });

  it("leaves a win rate alone that owes nothing to length", () => {
    const { comparisons } = simulate(createRandom(4), { merit: 0.8, lengthBias: 0, meanLonger: 0.5 });
    const { raw, controlled } = lengthControlledWinRate(comparisons, { resamples: 100 });
    expect(Math.abs(controlled.winRate - raw.winRate)).toBeLessThan(0.03);
  });

  it("has intervals that cover the truth about as often as they say", () => {
    const random = createRandom(5);
    let covered = 0;
    for (let run = 0; run < 30; run++) {
      const { comparisons, fair } = simulate(random, {
        merit: 0.3,
        lengthBias: 1,
        meanLonger: 0.6,
        count: 200,
      });
      const { controlled } = lengthControlledWinRate(comparisons, { resamples: 100 });
      if (controlled.low <= fair && fair <= controlled.high) covered++;
    }
    expect(covered).toBeGreaterThanOrEqual(25);
  });

  it("sees through a model that is the baseline made longer, given the baseline against versions of itself", () => {
    const random = createRandom(6);
    const version = (mean: number, count: number) =>
      Array.from({ length: count }, (): LengthComparison => {
        const lengthDifference = mean + 200 * random.normal();
        return {
          lengthDifference,
          preference: random.uniform() < chance(Math.tanh(lengthDifference / 200)) ? 1 : 0,
        };
      });
    const model = version(400, 600);
    const gamed = [version(400, 600), version(-400, 600)];
    const { raw, controlled } = lengthControlledWinRate(model, { gamed, resamples: 100 });
    expect(raw.low).toBeGreaterThan(0.6);
    expect(Math.abs(controlled.winRate - 0.5)).toBeLessThan(0.08);
  });

  it("is 1 minus itself with the sides changed, and the same for the same seed", () => {
    const { comparisons } = simulate(createRandom(7), { merit: 0.4, lengthBias: 1, meanLonger: 0.5 });
    const turned = comparisons.map(({ preference, lengthDifference }) => ({
      preference: 1 - preference,
      lengthDifference: -lengthDifference,
    }));
    const [there, back] = [comparisons, turned].map((list) =>
      lengthControlledWinRate(list, { resamples: 50 }),
    );
    expect(back!.controlled.winRate).toBeCloseTo(1 - there!.controlled.winRate, 6);
    expect(lengthControlledWinRate(comparisons, { resamples: 50 })).toEqual(there);
  });

  it("stays finite where the model always wins", () => {
    const { comparisons } = simulate(createRandom(8), { merit: 99, lengthBias: 0, meanLonger: 0, count: 40 });
    const { raw, controlled } = lengthControlledWinRate(comparisons, { resamples: 50 });
    expect(raw.winRate).toBe(1);
    expect(controlled.winRate).toBeGreaterThan(0.9);
    expect(controlled.high).toBeLessThanOrEqual(1);
  });

  it("refuses too few, lengths that say nothing, preferences and difficulties that are none", () => {
    const { comparisons } = simulate(createRandom(9), { merit: 0, lengthBias: 0, meanLonger: 0, count: 12 });
    expect(() => lengthControlledWinRate(comparisons.slice(0, 9))).toThrow(/at least 10/);
    expect(() =>
      lengthControlledWinRate(comparisons.map((each) => ({ ...each, lengthDifference: 5 }))),
    ).toThrow(/length cannot be told from merit/);
    expect(() => lengthControlledWinRate([{ ...comparisons[0]!, preference: 2 }, ...comparisons])).toThrow(
      /\[0, 1\]/,
    );
    expect(() => lengthControlledWinRate([...comparisons, { ...comparisons[0]!, difficulty: 1 }])).toThrow(
      /for all comparisons or for none/,
    );
    expect(() =>
      lengthControlledWinRate([{ ...comparisons[0]!, lengthDifference: NaN }, ...comparisons]),
    ).toThrow(/finite/);
  });
});

describe("the fit behind it", () => {
  it("is scikit-learn's, L1 by liblinear", () => {
    // scikit-learn 1.5.2, LogisticRegression(penalty="l1", solver="liblinear", fit_intercept=False, tol=1e-12) on every row
    // twice: labelled 1 with weight w y, labelled 0 with weight w (1 - y).
    const rows = [
      "0.9 -1 1 1 1",
      "0.5 0.5 1 0.8 1",
      "-0.3 1.5 1 0 1",
      "-0.8 -0.5 1 0.3 1",
      "0.2 0 1 1 1",
      "0.7 1 1 0.5 1",
      "-0.6 0.2 1 0 1",
      "0.1 -1.2 1 1 1",
      "-0.9 0.8 1 0.1 1",
      "0.4 -0.3 1 0.6 1",
      "0.8 0.5 0 0.9 0.1",
      "-0.7 -1 0 0.2 0.1",
    ].map((line) => {
      const [length, difficulty, model, outcome, weight] = line.split(" ").map(Number);
      return { features: [length!, difficulty!, model!], outcome: outcome!, weight: weight! };
    });
    const near = (values: readonly number[]) => values.map((value) => expect.closeTo(value, 5));
    expect(fitL1Logistic(rows, { strength: 0.2 })).toEqual([0, 0, 0]);
    expect(fitL1Logistic(rows, { strength: 1 })).toEqual(near([0.8000019, -0.5066771, 0]));
    expect(fitL1Logistic(rows, { strength: 100 })).toEqual(near([2.7558187, -1.9020418, 0.3280426]));
  });
});
