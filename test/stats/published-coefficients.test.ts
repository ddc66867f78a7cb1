/** Published agreement coefficients and worked examples, beyond the basic set of agreement.test.ts. */
import { describe, expect, it } from "vitest";
import {
  bootstrapCounts,
  brennanPrediger,
  codeRatings,
  cohenKappa,
  congerKappa,
  countRatings,
  countTable,
  crossTable,
  fleissKappa,
  fromDisagreement,
  gwetAC,
  intraclassCorrelation,
  jackknifeError,
  kendallTau,
  kendallW,
  krippendorffAlpha,
  meanPairwiseTau,
  percentAgreement,
  scottPi,
} from "../../src/stats/index.js";
import {
  anxiety,
  byUnit,
  dataCAsIrrCAC,
  dataCRaters,
  fleiss1971,
  ordered,
  twoRaterTables,
  wikipediaAlphaRaters,
  wikipediaFleiss,
} from "./examples.js";

const dataC = ordered("12345", ...dataCRaters);

describe("Krippendorff's alpha", () => {
  it.each([
    ["nominal", 0.7434210526],
    ["ordinal", 0.8153875038],
    ["interval", 0.8491071429],
    ["ratio", 0.7974027748],
  ] as const)("%s of data C", (metric, alpha) => {
    expect(krippendorffAlpha(dataC, { metric, values: [1, 2, 3, 4, 5] })).toBeCloseTo(alpha, 9);
  });
  it.each([
    ["nominal", 0.691358],
    ["ordinal", 0.806721],
    ["interval", 0.810845],
  ] as const)("%s of Wikipedia's example", (metric, alpha) => {
    const counts = ordered("1234", ...wikipediaAlphaRaters);
    expect(krippendorffAlpha(counts, { metric, values: [1, 2, 3, 4] })).toBeCloseTo(alpha, 6);
  });
  it("takes the order of categories from the columns, also where one is unused", () => {
    const spread = ordered("1x2345", ...dataCRaters);
    expect(krippendorffAlpha(spread, { metric: "ordinal" })).toBeCloseTo(0.8153875038, 9);
  });
  it("has a bootstrap interval over items near [.43, 1] and a jackknife error of the same size", () => {
    const interval = bootstrapCounts(dataC, krippendorffAlpha, { resamples: 4000 })!;
    expect(Math.abs(interval.low - 0.43)).toBeLessThan(0.05);
    expect(interval.high).toBeCloseTo(1, 2);
    expect(Math.abs(jackknifeError(dataC, krippendorffAlpha)! - 0.15)).toBeLessThan(0.03);
  });
});

describe("data C of Krippendorff 2011", () => {
  // Values from the R package irrCAC; standard errors from Gwet, Handbook of Inter-Rater Reliability (4th ed., 2014), data of 4 raters.
  it("gives Gwet's published coefficients and standard errors", () => {
    const { codes } = codeRatings(byUnit(...dataCAsIrrCAC), [..."12345"]);
    expect(percentAgreement(dataC).agreement).toBeCloseTo(0.8181818, 6);
    const fleiss = fleissKappa(dataC);
    expect(fleiss.value).toBeCloseTo(0.761169, 6);
    expect(fleiss.standardError).toBeCloseTo(0.15302, 4);
    const ac1 = gwetAC(dataC);
    expect(ac1.expected).toBeCloseTo(0.190321, 6);
    expect(ac1.value).toBeCloseTo(0.775444, 6);
    expect(ac1.standardError).toBeCloseTo(0.14295, 4);
    const bp = brennanPrediger(dataC);
    expect(bp.value).toBeCloseTo(0.773, 3);
    expect(bp.standardError).toBeCloseTo(0.14472, 4);
    const conger = congerKappa(codes, { categories: 5 });
    expect(conger.value).toBeCloseTo(0.76282, 5);
    expect(conger.standardError).toBeCloseTo(0.14917, 4);
  });
  it("gives irrCAC's values with quadratic weights", () => {
    const options = { weights: "quadratic" } as const;
    const { codes } = codeRatings(byUnit(...dataCAsIrrCAC), [..."12345"]);
    expect(fleissKappa(dataC, options)).toMatchObject({
      value: expect.closeTo(0.86494, 5),
      standardError: expect.closeTo(0.14603, 5),
    });
    expect(gwetAC(dataC, options)).toMatchObject({
      value: expect.closeTo(0.914, 5),
      standardError: expect.closeTo(0.10396, 5),
    });
    expect(brennanPrediger(dataC, options)).toMatchObject({
      value: expect.closeTo(0.90152, 5),
      standardError: expect.closeTo(0.11089, 5),
    });
    expect(congerKappa(codes, { ...options, categories: 5 })).toMatchObject({
      value: expect.closeTo(0.85771, 5),
      standardError: expect.closeTo(0.14367, 5),
    });
  });
});

describe("two-rater tables", () => {
  it.each(twoRaterTables)("of $source", ({ table, n, observed, expected, kappa, pi, s, ac1 }) => {
    const { counts, repeats } = countTable(table);
    const cohen = cohenKappa(table);
    expect(cohen.items).toBe(n);
    expect(cohen.observed).toBeCloseTo(observed, 6);
    expect(cohen.expected).toBeCloseTo(expected, 5);
    expect(cohen.value).toBeCloseTo(kappa, 6);
    if (pi !== undefined) expect(scottPi(table).value).toBeCloseTo(pi, 6);
    expect(brennanPrediger(counts, { repeats }).value).toBeCloseTo(s, 6);
    expect(gwetAC(counts, { repeats }).value).toBeCloseTo(ac1, ac1 === 0.7007 || ac1 === 0.808 ? 3 : 6);
  });

  it("weighted kappa of Cohen 1968 is .348 with his weights, .474 linear, .455 quadratic", () => {
    const { table } = twoRaterTables[0];
    const weights = fromDisagreement([
      [0, 1, 3],
      [1, 0, 6],
      [3, 6, 0],
    ]);
    expect(cohenKappa(table, { weights }).value).toBeCloseTo(0.347826, 6);
    expect(cohenKappa(table, { weights: "linear" }).value).toBeCloseTo(0.473684, 6);
    expect(cohenKappa(table, { weights: "quadratic" }).value).toBeCloseTo(0.454545, 6);
  });

  it("weighted kappa of irr's anxiety: .119497, linear .189189, quadratic .296765", () => {
    const { table } = crossTable(anxiety[0]!, anxiety[1]!, { categories: [1, 2, 3, 4, 5, 6] });
    expect(cohenKappa(table).value).toBeCloseTo(0.119497, 6);
    expect(cohenKappa(table, { weights: "linear" }).value).toBeCloseTo(0.189189, 6);
    expect(cohenKappa(table, { weights: "quadratic" }).value).toBeCloseTo(0.296765, 6);
  });
});

describe("Fleiss 1971 and Wikipedia's table", () => {
  it("have AC1 .447885 and .225614", () => {
    expect(gwetAC(fleiss1971).value).toBeCloseTo(0.447885, 6);
    expect(gwetAC(wikipediaFleiss).value).toBeCloseTo(0.225614, 6);
    expect(fleissKappa(wikipediaFleiss).observed).toBeCloseTo(0.378022, 6);
    expect(fleissKappa(wikipediaFleiss).expected).toBeCloseTo(0.212755, 6);
  });
});

describe("rankings", () => {
  it("Kendall's W of irr's anxiety is .539657, corrected for ties", () => {
    const { w, meanSpearman } = kendallW(anxiety);
    expect(w).toBeCloseTo(0.539657, 6);
    expect(meanSpearman).toBeCloseTo((3 * 0.539657 - 1) / 2, 5);
  });
  it("Kendall's tau-b and its p are scipy's", () => {
    // scipy 1.12 kendalltau(..., method="asymptotic") of anxiety's raters 1 and 2, and of [12,2,1,12,2] and [1,4,7,1,0].
    const raters = kendallTau(anxiety[0]!, anxiety[1]!);
    expect(raters.tau).toBeCloseTo(0.3380153, 6);
    expect(raters.p).toBeCloseTo(0.073472, 5);
    expect(kendallTau([12, 2, 1, 12, 2], [1, 4, 7, 1, 0]).tau).toBeCloseTo(-0.4714045, 6);
  });
  it("drop what one rater left out", () => {
    expect(kendallTau([1, 2, null, 3], [1, 2, 9, 3])).toMatchObject({ tau: 1, count: 3 });
    expect(
      meanPairwiseTau([
        [1, 2, 3],
        [1, 2, null],
        [3, 2, 1],
      ]),
    ).toEqual({ tau: expect.closeTo(-1 / 3, 12), pairs: 3 });
    expect(kendallTau([1, 1], [1, 2]).tau).toBeNull();
  });
});

describe("intraclass correlation", () => {
  // Shrout and Fleiss 1979, table 2: 6 targets, 4 judges; their values to two digits; the intervals are those of R's psych::ICC.
  const targets = ["9 2 5 8", "6 1 3 2", "8 4 6 8", "7 1 2 6", "10 5 6 9", "6 2 4 7"].map((row) =>
    row.split(" ").map(Number),
  );
  it("of Shrout and Fleiss 1979 is .17, .29, .71 and .44, .62, .91", () => {
    const icc = intraclassCorrelation(targets);
    expect([icc.oneWay, icc.agreement, icc.consistency].map(({ value }) => value!.toFixed(2))).toEqual([
      "0.17",
      "0.29",
      "0.71",
    ]);
    expect(
      [icc.oneWayMean, icc.agreementMean, icc.consistencyMean].map(({ value }) => value!.toFixed(2)),
    ).toEqual(["0.44", "0.62", "0.91"]);
    expect(icc.oneWay).toMatchObject({ low: expect.closeTo(-0.1329, 3), high: expect.closeTo(0.7226, 3) });
    expect(icc.agreement).toMatchObject({ low: expect.closeTo(0.0188, 3), high: expect.closeTo(0.7611, 3) });
    expect(icc.consistency).toMatchObject({
      low: expect.closeTo(0.3425, 3),
      high: expect.closeTo(0.9459, 3),
    });
  });
  it("is 1 where raters say the same, undefined where nothing varies, and refuses gaps", () => {
    expect(
      intraclassCorrelation([
        [1, 1],
        [2, 2],
      ]).agreement.value,
    ).toBe(1);
    expect(
      intraclassCorrelation([
        [1, 1],
        [1, 1],
      ]).agreement.value,
    ).toBeNull();
    expect(() => intraclassCorrelation([[1, 2], [1]])).toThrow(/same two or more/);
    expect(() =>
      intraclassCorrelation([
        [1, 2],
        [1, NaN],
      ]),
    ).toThrow(/finite/);
    expect(() => intraclassCorrelation([[1, 2]])).toThrow(/two items/);
  });
});

describe("labels", () => {
  it("outside the given categories are refused, not dropped", () => {
    expect(() => countRatings([["a", "b"]], ["a"])).toThrow(/item 0: expected a label among/);
    expect(() => countRatings([[NaN]])).toThrow(/got NaN/);
  });
});
