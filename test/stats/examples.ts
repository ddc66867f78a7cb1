/** The published tables that several tests of agreement use, each with its source. */
import { countRatings } from "../../src/stats/index.js";

/** One row a rater, one column a unit; `.` and `*` are missing. */
export function byUnit(...raters: string[]): (string | null)[][] {
  const rows = raters.map((row) => row.split(" "));
  return rows[0]!.map((_, unit) =>
    rows.map((row) => (row[unit] === "." || row[unit] === "*" ? null : row[unit]!)),
  );
}

/** Counts with the categories in order, for coefficients that take distances. */
export const ordered = (categories: string, ...raters: string[]): number[][] =>
  countRatings(byUnit(...raters), [...categories]).counts;

/** Krippendorff 2011, "Computing Krippendorff's alpha-reliability", data C: 4 observers, 12 units. */
export const dataCRaters = [
  "1 2 3 3 2 1 4 1 2 . . .",
  "1 2 3 3 2 2 4 1 2 5 . 3",
  ". 3 3 3 2 3 4 2 2 5 1 .",
  "1 2 3 3 2 4 4 1 2 5 1 .",
];
/** The same as irrCAC and nltk have it: the lone label of unit 12 is the third rater's. Only Conger's kappa can tell. */
export const dataCAsIrrCAC = [
  "1 2 3 3 2 1 4 1 2 . . .",
  "1 2 3 3 2 2 4 1 2 5 . .",
  ". 3 3 3 2 3 4 2 2 5 1 3",
  "1 2 3 3 2 4 4 1 2 5 1 .",
];
/** Wikipedia, "Krippendorff's alpha": 3 coders, 15 units, much missing. */
export const wikipediaAlphaRaters = [
  "* * * * * 3 4 1 2 1 1 3 3 * 3",
  "1 * 2 1 3 3 4 3 * * * * * * *",
  "* * 2 1 3 4 4 * 2 1 1 3 3 * 4",
];
/** Fleiss 1971, "Measuring nominal scale agreement among many raters": 30 patients, 6 psychiatrists, 5 diagnoses. */
export const fleiss1971 = `00060 03003 01401 00006 03030 20400 00402 20310 20040 00006
10050 11040 03300 10050 02031 00501 30012 51000 02040 10203
00006 01050 02013 20040 10041 05010 40002 02040 10500 00006`
  .split(/\s+/)
  .map((row) => [...row].map(Number));
/** Wikipedia, "Fleiss' kappa": 10 subjects, 14 raters. */
export const wikipediaFleiss =
  "0 0 0 0 14|0 2 6 4 2|0 0 3 5 6|0 3 9 2 0|2 2 8 1 1|7 7 0 0 0|3 2 6 3 0|2 5 3 2 2|6 5 2 1 0|0 2 2 3 7"
    .split("|")
    .map((row) => row.split(" ").map(Number));
/** irr's data set anxiety: 20 subjects, 3 raters, levels 1 to 6. */
export const anxiety = ["33345523522615221243", "36462424332333221334", "21443216111233113322"].map((row) =>
  [...row].map(Number),
);

const table = (text: string) => text.split("/").map((row) => row.trim().split(" ").map(Number));
/** Two-rater tables, rows rater 1: n, P_o, P_e, kappa, pi, S, AC1, source. */
export const twoRaterTables = [
  {
    source: "Cohen 1960",
    table: table("88 14 18/10 40 10/2 6 12"),
    n: 200,
    observed: 0.7,
    expected: 0.41,
    kappa: 0.491525,
    pi: 0.487179,
    s: 0.55,
    ac1: 0.575972,
  },
  {
    source: "Wikipedia, Cohen's kappa",
    table: table("20 5/10 15"),
    n: 50,
    observed: 0.7,
    expected: 0.5,
    kappa: 0.4,
    pi: 0.393939,
    s: 0.4,
    ac1: 0.405941,
  },
  {
    source: "Artstein and Poesio 2008",
    table: table("46 6 0/0 32 0/0 6 10"),
    n: 100,
    observed: 0.88,
    expected: 0.396,
    kappa: 0.801325,
    pi: 0.799532,
    s: 0.82,
    ac1: 0.828743,
  },
  {
    source: "Wikipedia, Scott's pi",
    table: table("1 2 3/4 5 6/7 8 9"),
    n: 45,
    observed: 1 / 3,
    expected: 0.36,
    kappa: -0.041667,
    pi: -0.056338,
    s: 0,
    ac1: 0.025974,
  },
  {
    source: "Gwet 2002, the kappa paradox",
    table: table("118 5/2 0"),
    n: 125,
    observed: 0.944,
    expected: 0.94528,
    kappa: -0.023392,
    pi: -0.028807,
    s: 0.888,
    ac1: 0.940776,
  },
  {
    source: "Feinstein and Cicchetti 1990, balanced",
    table: table("40 9/6 45"),
    n: 100,
    observed: 0.85,
    expected: 0.5008,
    kappa: 0.699519,
    pi: undefined,
    s: 0.7,
    ac1: 0.7007,
  },
  {
    source: "Feinstein and Cicchetti 1990, skewed",
    table: table("80 10/5 5"),
    n: 100,
    observed: 0.85,
    expected: 0.78,
    kappa: 0.318182,
    pi: undefined,
    s: 0.7,
    ac1: 0.808,
  },
] as const;
