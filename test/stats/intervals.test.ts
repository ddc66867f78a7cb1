import { describe, expect, it } from "vitest";
import {
  binomialTest,
  bootstrapInterval,
  brierScore,
  clopperPearsonInterval,
  compareScores,
  expectedCalibrationError,
  mcNemarTest,
  meanInterval,
  quantile,
  reliabilityCurve,
  signTest,
  wilsonInterval,
  winRate,
} from "../../src/stats/index.js";
import { createRandom } from "../../src/util/random.js";

describe("intervals of a proportion", () => {
  it.each([
    [57, 100, 0.472154, 0.662667],
    [18, 20, 0.698966, 0.972134],
    [10, 10, 0.722467, 1],
    [0, 10, 0, 0.277533],
    [263, 500, 0.482202, 0.569402],
  ])("Wilson's of %i of %i", (successes, trials, low, high) => {
    const interval = wilsonInterval(successes, trials);
    expect(interval.low).toBeCloseTo(low, 6);
    expect(interval.high).toBeCloseTo(high, 6);
  });

  it("Clopper and Pearson's bounds leave exactly 2.5% in each tail", () => {
    // 0 of n has the closed form 1 - 0.025^(1/n); others are checked against the binomial tail itself.
    expect(clopperPearsonInterval(0, 10).high).toBeCloseTo(1 - 0.025 ** 0.1, 10);
    expect(clopperPearsonInterval(10, 10)).toEqual({ low: expect.closeTo(0.025 ** 0.1, 10), high: 1 });
    const { low, high } = clopperPearsonInterval(7, 20);
    const term = (p: number, k: number) => {
      let choose = 1;
      for (let i = 0; i < k; i++) choose = (choose * (20 - i)) / (i + 1);
      return choose * p ** k * (1 - p) ** (20 - k);
    };
    const atMost = (p: number) => [0, 1, 2, 3, 4, 5, 6, 7].reduce((sum, k) => sum + term(p, k), 0);
    expect(atMost(high)).toBeCloseTo(0.025, 9);
    expect(1 - atMost(low) + term(low, 7)).toBeCloseTo(0.025, 9);
  });

  it("refuse what is no proportion", () => {
    expect(() => wilsonInterval(3, 2)).toThrow(/got 3 of 2/);
    expect(() => wilsonInterval(0, 0)).toThrow(/trials > 0/);
    expect(() => clopperPearsonInterval(1, 2, { level: 95 })).toThrow(/between 0 and 1, got 95/);
  });
});

describe("tests against one half", () => {
  it.each([
    [57, 100, 0.193348],
    [61, 100, 0.0352],
    [290, 500, 0.0004],
  ])("the binomial test of %i of %i", (successes, trials, p) => {
    expect(Math.abs(binomialTest(successes, trials) - p)).toBeLessThan(1e-6);
  });
  it("the sign test drops zeros, and McNemar's looks only at the discordant items", () => {
    expect(signTest([1, 2, 0, -1, 3, 0, 4])).toEqual({ p: binomialTest(4, 5), positive: 4, negative: 1 });
    expect(signTest([0, 0]).p).toBe(1);
    expect(mcNemarTest(61, 39)).toBe(binomialTest(61, 100));
    expect(mcNemarTest(0, 0)).toBe(1);
  });
});

describe("the mean with its interval", () => {
  it("uses Student's quantiles: 12.7062 at 1 degree of freedom, 2.262157 at 9", () => {
    const two = meanInterval([0, 2]);
    expect(two).toMatchObject({ mean: 1, count: 2 });
    expect(two.high! - 1).toBeCloseTo(12.7062047, 5);
    const ten = meanInterval([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(ten.high! - ten.mean).toBeCloseTo((2.2621571628 * 3.0276503541) / Math.sqrt(10), 8);
  });
  it("has no interval for one value and refuses none or infinity", () => {
    expect(meanInterval([3])).toEqual({ mean: 3, deviation: null, low: null, high: null, count: 1 });
    expect(() => meanInterval([])).toThrow(/at least one value/);
    expect(() => meanInterval([1, Infinity])).toThrow(/value 1: expected a finite number/);
  });
});

describe("the bootstrap", () => {
  const random = createRandom(5);
  const values = Array.from({ length: 400 }, () => random.normal());
  const mean = (sample: readonly number[]) => sample.reduce((a, b) => a + b, 0) / sample.length;

  it("agrees with Student's interval on a normal mean, and with itself for the same seed", () => {
    const student = meanInterval(values);
    const interval = bootstrapInterval(values, mean)!;
    expect(interval.low).toBeCloseTo(student.low!, 1);
    expect(interval.high).toBeCloseTo(student.high!, 1);
    expect(bootstrapInterval(values, mean)).toEqual(interval);
    expect(bootstrapInterval(values, mean, { seed: 1 })).not.toEqual(interval);
  });
  it("takes type 7 quantiles", () => {
    expect([0, 0.25, 0.5, 1].map((p) => quantile([1, 2, 3, 4], p))).toEqual([1, 1.75, 2.5, 4]);
  });
  it("is null when the statistic is never defined", () => {
    expect(bootstrapInterval([1], () => null)).toBeNull();
  });
});

describe("calibration", () => {
  // By hand: bins [.2, .4) with 2 at .25 (1 true), [.8, 1] with 2 at .8 and 1 (both true).
  const probabilities = [0.25, 0.25, 0.8, 1];
  const outcomes = [true, false, true, true];
  it("bins, averages and weighs", () => {
    const curve = reliabilityCurve(probabilities, outcomes, { bins: 5 });
    expect(curve.map(({ count }) => count)).toEqual([0, 2, 0, 0, 2]);
    expect(curve[1]).toMatchObject({ predicted: 0.25, observed: 0.5 });
    expect(curve[4]).toMatchObject({ predicted: 0.9, observed: 1 });
    expect(curve[0]).toMatchObject({ predicted: null, observed: null });
    expect(expectedCalibrationError(probabilities, outcomes, { bins: 5 })).toBeCloseTo(
      0.5 * 0.25 + 0.5 * 0.1,
      12,
    );
    expect(brierScore(probabilities, outcomes)).toBeCloseTo((0.5625 + 0.0625 + 0.04 + 0) / 4, 12);
  });
  it("refuses what is no probability", () => {
    expect(() => brierScore([1.5], [true])).toThrow(/probability 0.*got 1.5/);
    expect(() => brierScore([0.5], [])).toThrow(/1 and 0/);
  });
});

describe("the win rate", () => {
  it("counts ties as half", () => {
    const outcomes = [1, 1, 0.5, 0];
    const result = winRate(outcomes.map((outcome, index) => ({ outcome, cluster: String(index) })));
    expect(result).toMatchObject({ winRate: 0.625, wins: 2, losses: 1, ties: 1, clusters: 4 });
    expect(compareScores(2, 1)).toBe(1);
    expect(compareScores(1, 1.05, { tieWithin: 0.1 })).toBe(0.5);
  });
  it("does not grow more certain when each prompt is merely judged ten times the same", () => {
    const random = createRandom(6);
    const prompts = Array.from({ length: 100 }, (_, index) => ({
      cluster: String(index),
      outcome: random.integer(2),
    }));
    const once = winRate(prompts);
    const tenfold = winRate(prompts.flatMap((prompt) => Array.from({ length: 10 }, () => prompt)));
    expect(tenfold.low).toBeCloseTo(once.low, 10);
    expect(tenfold.high).toBeCloseTo(once.high, 10);
    const wilson = wilsonInterval(once.wins, 100);
    expect(Math.abs(once.low - wilson.low)).toBeLessThan(0.03);
  });
  it("refuses an outcome that is none", () => {
    expect(() => winRate([{ outcome: 2, cluster: "a" }])).toThrow(/outcome 0, 0.5 or 1, got 2/);
  });
});
