/** The measures of models and judgements against numbers worked out by hand. */
import { describe, expect, it } from "vitest";
import {
  clusteredMean,
  pairAgreement,
  pairedWinRate,
  rewardAccuracy,
  sampledKl,
} from "../../src/evaluate/index.js";

describe("the mean of clustered values", () => {
  it("has the standard error of the cluster means where clusters are equally large", () => {
    const values = [
      { value: 1, cluster: "a" },
      { value: 3, cluster: "a" },
      { value: 4, cluster: "b" },
      { value: 6, cluster: "b" },
      { value: 6, cluster: "c" },
      { value: 10, cluster: "c" },
    ];
    const { mean, standardError, low, high, clusters } = clusteredMean(values);
    // Cluster means 2, 5, 8: mean 5, deviation 3, error 3 / sqrt 3; t with 2 degrees of freedom is 4.302653.
    expect(mean).toBeCloseTo(5, 12);
    expect(standardError).toBeCloseTo(Math.sqrt(3), 12);
    expect(high - mean).toBeCloseTo(4.302653 * Math.sqrt(3), 5);
    expect(mean - low).toBeCloseTo(high - mean, 12);
    expect(clusters).toBe(3);
  });

  it("weighs clusters by their size", () => {
    const values = [
      { value: 0, cluster: "a" },
      { value: 3, cluster: "b" },
      { value: 3, cluster: "b" },
    ];
    // Mean 2, residuals 0 - 2 and 6 - 4 over the average size 1.5: -4/3 and 4/3, deviation 4/3 sqrt 2, error 4/3.
    const { mean, standardError } = clusteredMean(values);
    expect(mean).toBeCloseTo(2, 12);
    expect(standardError).toBeCloseTo(4 / 3, 12);
  });

  it("is surer of many answers to different prompts than of as many to the same two", () => {
    const value = (i: number): number => Math.sin(i);
    const apart = Array.from({ length: 40 }, (_, i) => ({ value: value(i), cluster: String(i) }));
    const together = apart.map((item, i) => ({ value: i < 20 ? 1 : -1, cluster: i < 20 ? "a" : "b" }));
    expect(clusteredMean(together).standardError).toBeGreaterThan(clusteredMean(apart).standardError);
  });

  it("refuses a single cluster, of which no error can be told", () => {
    expect(() => clusteredMean([{ value: 1, cluster: "a" }])).toThrow(/at least two clusters, got 1/);
  });
});

describe("sampled KL", () => {
  it("is the mean difference of log-probabilities", () => {
    const answers = [
      { logProb: -1, referenceLogProb: -2, cluster: "a" },
      { logProb: -2, referenceLogProb: -5, cluster: "b" },
    ];
    expect(sampledKl(answers).mean).toBeCloseTo(2, 12);
  });

  it("is nothing for a policy that equals its reference", () => {
    const answers = ["a", "b", "c"].map((cluster, i) => ({ logProb: -i, referenceLogProb: -i, cluster }));
    expect(sampledKl(answers)).toMatchObject({ mean: 0, standardError: 0, low: 0, high: 0 });
  });
});

describe("reward accuracy", () => {
  it("counts a tie as half, and has Wilson's interval", () => {
    const pairs = [
      { chosen: 2, rejected: 1 },
      { chosen: 1, rejected: 1 },
      { chosen: 0, rejected: 1 },
      { chosen: 3, rejected: -1 },
    ];
    const { accuracy, margin, low, high } = rewardAccuracy(pairs);
    expect(accuracy).toBe(2.5 / 4);
    expect(margin).toBe(1);
    // (p + z²/2n ± z sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n) with p = 0.625, n = 4, z = 1.959964
    expect(low).toBeCloseTo(0.219427, 5);
    expect(high).toBeCloseTo(0.908101, 5);
  });

  it("refuses scores that are no numbers, and an empty list", () => {
    expect(() => rewardAccuracy([{ chosen: Number.NaN, rejected: 0 }])).toThrow(/pair 0: .*NaN/);
    expect(() => rewardAccuracy([])).toThrow(/at least one pair/);
  });
});

describe("agreement on pairs", () => {
  it("counts every two people who saw the same pair", () => {
    const { agreement, items, judgements, alpha, alphaInterval } = pairAgreement([
      ["a", "a", "b"],
      ["b", "b", "b"],
      ["a"],
    ]);
    expect(agreement).toBeCloseTo((1 / 3 + 1) / 2, 12);
    expect([items, judgements]).toEqual([2, 7]);
    // Coincidences of two items with 3 ratings: disagreement 2, values a 2 and b 4: 1 - 5 * 2 / (2 * 2 * 4).
    expect(alpha).toBeCloseTo(1 - (5 * 2) / 16, 12);
    expect(alphaInterval).not.toBeNull();
  });

  it("is undefined, and not perfect, where nobody shared a pair", () => {
    expect(pairAgreement([["a"], ["b"]])).toMatchObject({ agreement: null, alpha: null });
    expect(pairAgreement([])).toMatchObject({ agreement: null, alpha: null, alphaInterval: null });
  });
});

describe("the paired win rate", () => {
  const of = (scores: readonly number[], clusters = "abcdefgh") =>
    scores.map((score, i) => ({ score, cluster: clusters[i]! }));

  it("counts wins, losses and ties of answers to the same prompts", () => {
    const rate = pairedWinRate({ ours: of([1, 2, 3, 4]), theirs: of([0, 2, 5, 1]) });
    expect(rate).toMatchObject({ winRate: 0.625, wins: 2, losses: 1, ties: 1, clusters: 4 });
  });

  it("takes a tiny difference for a tie when told to", () => {
    const rate = pairedWinRate({ ours: of([1.1, 2]), theirs: of([1, 0]) }, { tieWithin: 0.2 });
    expect(rate).toMatchObject({ wins: 1, ties: 1 });
  });

  it("refuses answers to different prompts", () => {
    expect(() => pairedWinRate({ ours: of([1, 2]), theirs: of([1, 2], "ba") })).toThrow(/a and b at 0/);
    expect(() => pairedWinRate({ ours: of([1]), theirs: of([1, 2]) })).toThrow(/1 and 2 answers/);
  });
});
