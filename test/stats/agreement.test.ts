import { describe, expect, it } from "vitest";
import {
  bootstrapInterval,
  cohenKappa,
  countRatings,
  fleissKappa,
  krippendorffAlpha,
  percentAgreement,
} from "../../src/stats/index.js";
import {
  byUnit,
  dataCRaters,
  fleiss1971,
  twoRaterTables,
  wikipediaAlphaRaters,
  wikipediaFleiss,
} from "./examples.js";

const countsOf = (...raters: string[]) => countRatings(byUnit(...raters)).counts;
const dataC = countsOf(...dataCRaters);

describe("Krippendorff's alpha (nominal)", () => {
  it.each([
    ["data C of Krippendorff 2011 (.743)", dataC, 0.7434210526],
    ["data A (.095)", countsOf("0 1 0 0 0 0 0 0 1 0", "1 1 1 0 0 1 0 0 0 0"), 0.095238],
    ["data B (.692)", countsOf("a a b b d c c c e d d a", "b a b b b c c c e d d d"), 0.691964],
    ["Wikipedia (.691)", countsOf(...wikipediaAlphaRaters), 0.691358],
    ["nltk's tiny example", countRatings([["YES", "NO", "NO"], ["YES", "NO"], ["NO"]]).counts, -0.3333333],
    ["Fleiss 1971", fleiss1971, 0.43341],
    ["Wikipedia's Fleiss table", wikipediaFleiss, 0.215574],
  ])("of %s", (_, counts, alpha) => {
    expect(krippendorffAlpha(counts)).toBeCloseTo(alpha, 5);
  });

  it("does not care who holds the missing value", () => {
    const units = byUnit("1 2 3 3 2", "1 2 . 3 1", ". 2 3 1 2");
    const moved = units.map((unit) => [...unit].reverse());
    expect(krippendorffAlpha(countRatings(units).counts)).toBe(krippendorffAlpha(countRatings(moved).counts));
  });

  it("is undefined, not perfect, where only one value occurs or nothing was rated twice", () => {
    expect(krippendorffAlpha(countsOf("1 1 1", "1 1 1"))).toBeNull();
    expect(krippendorffAlpha(countsOf("1 2 .", ". . 1"))).toBeNull();
    expect(krippendorffAlpha([])).toBeNull();
  });

  it("has a bootstrap interval over units near [.43, 1] on data C", () => {
    const interval = bootstrapInterval(dataC, krippendorffAlpha, { resamples: 4000 })!;
    expect(Math.abs(interval.low - 0.43)).toBeLessThan(0.04);
    expect(interval.high).toBeCloseTo(1, 2);
  });
});

describe("percent agreement", () => {
  it("of data C is .8181818 over the 11 units rated twice", () => {
    const { agreement, items } = percentAgreement(dataC);
    expect(agreement).toBeCloseTo(0.8181818, 6);
    expect(items).toBe(11);
  });
  it("is null where nothing was rated twice", () => {
    expect(percentAgreement([[1, 0]])).toEqual({ agreement: null, items: 0, standardError: null });
  });
});

describe("Cohen's kappa", () => {
  it("has the standard error of Fleiss, Cohen and Everitt on Cohen's table, 0.051002, and psych's interval .39 to .59", () => {
    const { value, standardError } = cohenKappa(twoRaterTables[0].table);
    expect(standardError).toBeCloseTo(0.051002, 5);
    const [low, high] = [-1, 1].map((sign) => value! + sign * 1.959964 * standardError!);
    expect(low!.toFixed(2)).toBe("0.39");
    expect(high!.toFixed(2)).toBe("0.59");
  });

  it("is undefined where both used one category only", () => {
    expect(
      cohenKappa([
        [5, 0],
        [0, 0],
      ]).value,
    ).toBeNull();
    expect(() => cohenKappa([[1, 2]])).toThrow(/a square table/);
    expect(() =>
      cohenKappa([
        [1, -2],
        [0, 1],
      ]),
    ).toThrow(/whole counts/);
  });
});

describe("Fleiss' kappa", () => {
  it("of Fleiss 1971 is .430 (z 17.65)", () => {
    const result = fleissKappa(fleiss1971);
    expect(result.observed).toBeCloseTo(0.555556, 6);
    expect(result.expected).toBeCloseTo(0.219938, 6);
    expect(result.value).toBeCloseTo(0.430245, 6);
    expect(result.standardErrorAtZero).toBeCloseTo(0.024374, 5);
    expect(result.value! / result.standardErrorAtZero!).toBeCloseTo(17.652, 2);
  });
  it("of Wikipedia's table is .210", () => {
    expect(fleissKappa(wikipediaFleiss).value).toBeCloseTo(0.209931, 6);
  });
  it("of data C, with values missing, is Gwet's .761169, without a standard error", () => {
    const result = fleissKappa(dataC);
    expect(result.expected).toBeCloseTo(0.238715, 5);
    expect(result.value).toBeCloseTo(0.761169, 5);
    expect(result.standardErrorAtZero).toBeNull();
  });
});
