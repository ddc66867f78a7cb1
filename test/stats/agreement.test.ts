import { describe, expect, it } from "vitest";
import {
  bootstrapInterval,
  cohenKappa,
  countRatings,
  crossTable,
  fleissKappa,
  krippendorffAlpha,
  percentAgreement,
} from "../../src/stats/index.js";

/** One row a rater, one column a unit; `.` and `*` are missing. */
function byUnit(...raters: string[]): (string | null)[][] {
  const rows = raters.map((row) => row.split(" "));
  return rows[0]!.map((_, unit) =>
    rows.map((row) => (row[unit] === "." || row[unit] === "*" ? null : row[unit]!)),
  );
}
const countsOf = (...raters: string[]) => countRatings(byUnit(...raters)).counts;

// Krippendorff 2011, "Computing Krippendorff's alpha-reliability", data C.
const dataC = countsOf(
  "1 2 3 3 2 1 4 1 2 . . .",
  "1 2 3 3 2 2 4 1 2 5 . 3",
  ". 3 3 3 2 3 4 2 2 5 1 .",
  "1 2 3 3 2 4 4 1 2 5 1 .",
);
// Fleiss 1971, "Measuring nominal scale agreement among many raters": 30 patients, 6 psychiatrists, 5 diagnoses.
const fleiss1971 = `00060 03003 01401 00006 03030 20400 00402 20310 20040 00006
10050 11040 03300 10050 02031 00501 30012 51000 02040 10203
00006 01050 02013 20040 10041 05010 40002 02040 10500 00006`
  .split(/\s+/)
  .map((row) => [...row].map(Number));
// Wikipedia, "Fleiss' kappa": 10 subjects, 14 raters.
const wikipediaFleiss =
  "0 0 0 0 14|0 2 6 4 2|0 0 3 5 6|0 3 9 2 0|2 2 8 1 1|7 7 0 0 0|3 2 6 3 0|2 5 3 2 2|6 5 2 1 0|0 2 2 3 7"
    .split("|")
    .map((row) => row.split(" ").map(Number));

describe("Krippendorff's alpha (nominal)", () => {
  it.each([
    ["data C of Krippendorff 2011 (.743)", dataC, 0.7434210526],
    ["data A (.095)", countsOf("0 1 0 0 0 0 0 0 1 0", "1 1 1 0 0 1 0 0 0 0"), 0.095238],
    ["data B (.692)", countsOf("a a b b d c c c e d d a", "b a b b b c c c e d d d"), 0.691964],
    [
      "Wikipedia (.691)",
      countsOf(
        "* * * * * 3 4 1 2 1 1 3 3 * 3",
        "1 * 2 1 3 3 4 3 * * * * * * *",
        "* * 2 1 3 4 4 * 2 1 1 3 3 * 4",
      ),
      0.691358,
    ],
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
  it.each([
    [
      "Cohen 1960 (.492)",
      [
        [88, 14, 18],
        [10, 40, 10],
        [2, 6, 12],
      ],
      0.7,
      0.41,
      0.491525,
    ],
    [
      "Wikipedia",
      [
        [20, 5],
        [10, 15],
      ],
      0.7,
      0.5,
      0.4,
    ],
    [
      "Artstein and Poesio",
      [
        [46, 6, 0],
        [0, 32, 0],
        [0, 6, 10],
      ],
      0.88,
      0.396,
      0.801325,
    ],
    [
      "Wikipedia, Scott's pi",
      [
        [1, 2, 3],
        [4, 5, 6],
        [7, 8, 9],
      ],
      1 / 3,
      0.36,
      -0.041667,
    ],
    [
      "Gwet 2002, the paradox",
      [
        [118, 5],
        [2, 0],
      ],
      0.944,
      0.94528,
      -0.023392,
    ],
    [
      "Feinstein and Cicchetti 1990, balanced",
      [
        [40, 9],
        [6, 45],
      ],
      0.85,
      0.5008,
      0.699519,
    ],
    [
      "Feinstein and Cicchetti 1990, skewed",
      [
        [80, 10],
        [5, 5],
      ],
      0.85,
      0.78,
      0.318182,
    ],
  ])("of %s", (_, table, observed, expected, kappa) => {
    const result = cohenKappa(table);
    expect(result.observed).toBeCloseTo(observed, 6);
    expect(result.expected).toBeCloseTo(expected, 5);
    expect(result.value).toBeCloseTo(kappa, 6);
  });

  it("has the standard error of Fleiss, Cohen and Everitt: 0.051002 on Cohen's table", () => {
    expect(
      cohenKappa([
        [88, 14, 18],
        [10, 40, 10],
        [2, 6, 12],
      ]).standardError,
    ).toBeCloseTo(0.051002, 5);
  });

  it("of irr::anxiety's raters 1 and 2 is .119497", () => {
    const first = [..."33345523522615221243"];
    const second = [..."36462424332333221334"];
    expect(cohenKappa(crossTable(first, second).table).value).toBeCloseTo(0.119497, 6);
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
