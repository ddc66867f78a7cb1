/** Noise ceilings, sample sizes, permutation tests, calibration beyond the basic set. */
import { describe, expect, it } from "vitest";
import {
  accuracyFromAgreement,
  brierDecomposition,
  brierScore,
  comparisonsForGap,
  designEffect,
  detectableWinRate,
  itemsForAgreement,
  itemsForMcNemar,
  leaveOneOutAccuracy,
  majorityAccuracy,
  noiseCeiling,
  pairsForHalfWidth,
  pairsForWinRate,
  permutationTest,
  powerForWinRate,
  reliabilityCurve,
  signFlipTest,
} from "../../src/stats/index.js";
import { createRandom } from "../../src/util/random.js";

describe("the noise ceiling", () => {
  it.each([
    [0.63, 0.755, 0.849],
    [0.726, 0.836, 0.928],
    [0.773, 0.87, 0.953],
    [0.81, 0.894, 0.969],
  ])("of %d agreement", (agreement, accuracy, majority) => {
    // The published figures are rounded, .8695 to .870.
    expect(Math.abs(accuracyFromAgreement(agreement)! - accuracy)).toBeLessThan(6e-4);
    expect(Math.abs(majorityAccuracy(accuracyFromAgreement(agreement)!, 3) - majority)).toBeLessThan(1.1e-3);
  });
  it("brackets what an oracle reaches against single labels", () => {
    const random = createRandom(2);
    const counts: number[][] = [];
    let right = 0;
    for (let item = 0; item < 4000; item++) {
      const p = random.uniform();
      const votes = Array.from({ length: 3 }, () => (random.uniform() < p ? 0 : 1));
      counts.push([votes.filter((vote) => vote === 0).length, votes.filter((vote) => vote === 1).length]);
      right += votes.filter((vote) => (vote === 0) === p > 0.5).length / 3 / 4000;
    }
    const ceiling = noiseCeiling(counts);
    expect(ceiling.lowestInterval!.low).toBeLessThan(right);
    expect(ceiling.highestInterval!.high).toBeGreaterThan(right);
    expect(ceiling.lowest!).toBeCloseTo(2 / 3, 1);
    expect(leaveOneOutAccuracy(counts)!).toBeLessThan(right);
  });
  it("is undefined without overlap and below one half, and refuses three answers", () => {
    expect(noiseCeiling([[1, 0]])).toMatchObject({ agreement: null, highest: null, lowestInterval: null });
    expect(noiseCeiling([[1, 1]])).toMatchObject({ agreement: 0, highest: null, majorityOf3: null });
    expect(() => noiseCeiling([[1, 0, 2]])).toThrow(/two counts/);
    expect(noiseCeiling([])).toMatchObject({ items: 0, agreement: null });
    expect(leaveOneOutAccuracy([[1, 0]])).toBeNull();
    expect(leaveOneOutAccuracy([[2, 1]])).toBeCloseTo(1 / 3, 12);
    expect(majorityAccuracy(0.7, 2)).toBeCloseTo(0.7, 12);
    expect(majorityAccuracy(1, 3)).toBe(1);
  });
});

describe("how many pairs", () => {
  it.each([
    [0.52, 4904],
    [0.55, 783],
    [0.6, 194],
    [0.65, 85],
    [0.7, 47],
  ])("a win rate of %d needs", (rate, pairs) => {
    expect(pairsForWinRate(rate)).toBe(pairs);
    expect(pairsForWinRate(1 - rate)).toBe(pairs);
    expect(powerForWinRate(rate, { pairs })).toBeGreaterThanOrEqual(0.8);
    expect(powerForWinRate(rate, { pairs: pairs - 1 })).toBeLessThan(0.8);
    expect(detectableWinRate(pairs)!).toBeCloseTo(rate, 2);
  });
  it("ties and clusters cost", () => {
    expect(pairsForWinRate(0.6, { tieShare: 0.5 })).toBe(388);
    expect(designEffect(3, 0.5)).toBe(2);
    expect(pairsForWinRate(0.6, { design: 2 })).toBe(388);
    expect(detectableWinRate(2)).toBeNull();
  });
  it("for a width, for McNemar's test, for an agreement, for a leaderboard", () => {
    expect(pairsForHalfWidth(0.05)).toBe(385);
    // Connor 1987's formula for .25 against .15: (1.959964 √.4 + .841621 √.39)² / .01.
    expect(itemsForMcNemar({ onlyFirst: 0.25, onlySecond: 0.15 })).toBe(312);
    expect(itemsForAgreement(0.05, { pilot: { standardError: 0.1, items: 50 } })).toBe(769);
    const { perPair, total } = comparisonsForGap(Math.LN10 / 4, { players: 10 });
    expect(perPair).toBe(Math.ceil((8 * (1.959963985 + 0.841621234) ** 2) / (10 * (Math.LN10 / 4) ** 2)));
    expect(total).toBe(perPair * 45);
  });
  it("refuses what cannot be planned", () => {
    expect(() => pairsForWinRate(0.5)).toThrow(/smallest difference that would matter/);
    expect(() => pairsForWinRate(0.6, { power: 1 })).toThrow(/alpha and power/);
    expect(() => itemsForMcNemar({ onlyFirst: 0.2, onlySecond: 0.2 })).toThrow(/different shares/);
    expect(() => comparisonsForGap(0, { players: 3 })).toThrow(/gap other than 0/);
  });
});

describe("permutation tests", () => {
  it("count every pattern of signs: Fisher's Darwin plants, p .05267", () => {
    // Fisher 1935, The Design of Experiments, section 21: 15 pairs of plants, eighths of an inch; 1,726 of 32,768 patterns.
    const differences = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48];
    const test = signFlipTest(differences);
    expect(test.exact).toBe(true);
    expect(test.p).toBeCloseTo(1726 / 32768, 12);
    const drawn = signFlipTest(differences, { mostExact: 1 });
    expect(drawn.exact).toBe(false);
    expect(Math.abs(drawn.p - test.p)).toBeLessThan(0.006);
  });
  it("count every split of two groups", () => {
    // 3 of 20 splits are as extreme on one side only at the very end: {4,5,6} against {1,2,3} is the most extreme, both ways.
    expect(permutationTest([4, 5, 6], [1, 2, 3])).toEqual({ p: 2 / 20, estimate: 3, exact: true });
    const drawn = permutationTest([4, 5, 6], [1, 2, 3], { mostExact: 1 });
    expect(Math.abs(drawn.p - 0.1)).toBeLessThan(0.01);
  });
  it("are 1 without a difference and refuse nothing or NaN", () => {
    expect(signFlipTest([0, 0]).p).toBe(1);
    expect(permutationTest([1, 1], [1]).p).toBe(1);
    expect(() => signFlipTest([])).toThrow(/at least one value/);
    expect(() => permutationTest([1], [NaN])).toThrow(/finite/);
  });
});

describe("calibration", () => {
  const random = createRandom(9);
  const probabilities = Array.from({ length: 2000 }, () => Math.round(random.uniform() * 20) / 20);
  const outcomes = probabilities.map((p) => random.uniform() < p);
  it("splits the Brier score into reliability, resolution and uncertainty", () => {
    const { reliability, resolution, uncertainty } = brierDecomposition(probabilities, outcomes);
    expect(reliability - resolution + uncertainty).toBeCloseTo(brierScore(probabilities, outcomes), 12);
    expect(reliability).toBeLessThan(0.005);
    expect(resolution).toBeGreaterThan(0.05);
  });
  it("bins by equal counts too, with an interval each that mostly covers what is predicted", () => {
    const curve = reliabilityCurve(probabilities, outcomes, { bins: 10, equal: "count" });
    expect(curve.map(({ count }) => count)).toEqual(new Array(10).fill(200));
    const covered = curve.filter(
      ({ interval, predicted }) => interval!.low <= predicted! && predicted! <= interval!.high,
    );
    expect(covered.length).toBeGreaterThanOrEqual(8);
    expect(reliabilityCurve([0.5], [true], { equal: "count" })).toHaveLength(1);
  });
});
