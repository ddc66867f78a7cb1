/** What must hold of every coefficient: relabelling, order, who holds the gap, repeats, edges, a million judgements. */
import { describe, expect, it } from "vitest";
import {
  agreementSummary,
  bootstrapCounts,
  bootstrapInterval,
  brennanPrediger,
  codeRatings,
  congerKappa,
  cohenKappa,
  countRatings,
  crossTable,
  fleissKappa,
  fragility,
  groupCounts,
  gwetAC,
  intransitivity,
  jackknifeError,
  krippendorffAlpha,
  percentAgreement,
  raterAgreement,
  raterPairs,
  scottPi,
  twoWayBootstrap,
} from "../../src/stats/index.js";
import { createRandom } from "../../src/util/random.js";
import { byUnit, dataCRaters } from "./examples.js";

type Table = readonly (readonly number[])[];
type Options = { repeats?: readonly number[] };
const coefficients: [string, (counts: Table, options?: Options) => number | null][] = [
  ["percent agreement", (counts, options) => percentAgreement(counts, options).agreement],
  ["Fleiss' kappa", (counts, options) => fleissKappa(counts, options).value],
  ["AC1", (counts, options) => gwetAC(counts, options).value],
  ["AC2, quadratic", (counts, options) => gwetAC(counts, { ...options, weights: "quadratic" }).value],
  ["Brennan-Prediger", (counts, options) => brennanPrediger(counts, options).value],
  ["nominal alpha", (counts, options) => krippendorffAlpha(counts, options)],
  ["ordinal alpha", (counts, options) => krippendorffAlpha(counts, { ...options, metric: "ordinal" })],
  [
    "interval alpha",
    (counts, options) =>
      krippendorffAlpha(counts, {
        ...options,
        metric: "interval",
        values: [1, 2, 4, 7, 9].slice(0, counts[0]?.length ?? 0),
      }),
  ],
];
const ratings = byUnit(...dataCRaters);
const categories = [..."12345"];
const counts = countRatings(ratings, categories).counts;

describe.each(coefficients)("%s", (name, coefficient) => {
  const value = coefficient(counts)!;
  it("does not depend on the order of items or on who rated", () => {
    expect(coefficient([...counts].reverse())).toBeCloseTo(value, 12);
    expect(
      coefficient(
        countRatings(
          ratings.map((unit) => [...unit].reverse()),
          categories,
        ).counts,
      ),
    ).toBeCloseTo(value, 12);
  });
  it("does not depend on the names of categories, nor on their direction", () => {
    const turned = counts.map((row) => [...row].reverse());
    if (name !== "interval alpha") expect(coefficient(turned)).toBeCloseTo(value, 12);
    if (name.includes("alpha") && name !== "nominal alpha") return;
    if (name.startsWith("AC2")) return;
    expect(coefficient(counts.map((row) => [2, 0, 4, 1, 3].map((k) => row[k]!)))).toBeCloseTo(value, 12);
  });
  it("counts a repeated row as so many items, and an item without labels as none", () => {
    const doubled = coefficient([...counts, ...counts]);
    expect(coefficient(counts, { repeats: counts.map(() => 2) })).toBeCloseTo(doubled!, 12);
    expect(coefficient([...counts, [0, 0, 0, 0, 0]])).toBeCloseTo(value, 12);
    expect(coefficient([...counts, [9, 0, 0, 0, 0]], { repeats: [...counts.map(() => 1), 0] })).toBeCloseTo(
      value,
      12,
    );
    const grouped = groupCounts(counts);
    expect(coefficient(grouped.counts, grouped)).toBeCloseTo(value, 12);
  });
  it("is 1 where all agree, null where nothing was labelled twice or there is nothing", () => {
    expect(
      coefficient([
        [3, 0, 0],
        [0, 3, 0],
        [0, 0, 2],
      ]),
    ).toBeCloseTo(1, 12);
    expect(
      coefficient([
        [1, 0],
        [0, 1],
      ]),
    ).toBeNull();
    expect(coefficient([])).toBeNull();
    expect(coefficient([[0, 0]])).toBeNull();
  });
  it("refuses NaN, negative and ragged counts, and wrong repeats", () => {
    expect(() => coefficient([[NaN, 1]])).toThrow(/whole counts/);
    expect(() => coefficient([[1, -1]])).toThrow(/whole counts/);
    expect(() => coefficient([[1, 1], [1]])).toThrow(/row 1/);
    expect(() => coefficient([[1, 1]], { repeats: [1, 2] })).toThrow(/equal length/);
    expect(() => coefficient([[1, 1]], { repeats: [0.5] })).toThrow(/repeats\[0\]/);
  });
});

describe("one category", () => {
  it("leaves every coefficient but percent agreement undefined", () => {
    expect(percentAgreement([[2], [3]]).agreement).toBe(1);
    expect(fleissKappa([[2], [3]]).value).toBeNull();
    expect(gwetAC([[2], [3]]).value).toBeNull();
    expect(brennanPrediger([[2], [3]]).value).toBeNull();
    expect(krippendorffAlpha([[2], [3]])).toBeNull();
    expect(
      krippendorffAlpha(
        [
          [2, 0],
          [3, 0],
        ],
        { metric: "ordinal" },
      ),
    ).toBeNull();
    expect(congerKappa([[0, 0]], { categories: 1 }).value).toBeNull();
    expect(scottPi([[4]]).value).toBeNull();
  });
});

describe("Conger's kappa", () => {
  it("of two raters without gaps is Cohen's, and of one rater undefined", () => {
    const pairs = ratings.map(([, b, , d]) => [b!, d!]).filter(([b, d]) => b !== null && d !== null);
    const { codes } = codeRatings(pairs, categories);
    const { table } = crossTable(
      pairs.map(([b]) => b!),
      pairs.map(([, d]) => d!),
      { categories },
    );
    const cohen = cohenKappa(table);
    const conger = congerKappa(codes, { categories: 5 });
    expect(conger.value).toBeCloseTo(cohen.value!, 12);
    expect(conger.expected).toBeCloseTo(cohen.expected!, 12);
    expect(congerKappa([[0], [1]], { categories: 2 }).value).toBeNull();
    expect(congerKappa([], { categories: 2 }).value).toBeNull();
    expect(() => congerKappa([[0, 5]], { categories: 2 })).toThrow(/from 0 to 1/);
  });
});

describe("pairs of raters", () => {
  it("have the tables that GROUP BY gives, and add up to each rater's agreement with the rest", () => {
    const { codes } = codeRatings(ratings, categories);
    const pairs = raterPairs(codes, { categories: 5 });
    expect(pairs.map(({ first, second }) => `${first}${second}`)).toEqual([
      "01",
      "02",
      "03",
      "12",
      "13",
      "23",
    ]);
    expect(pairs[0]!.items).toBe(9);
    const agreement = raterAgreement(pairs, { raters: 5 });
    expect(agreement[4]).toEqual({ agreement: null, shared: 0 });
    expect(agreement[0]!.shared).toBe(9 + 8 + 9);
  });
});

describe("the two-way bootstrap", () => {
  const { codes } = codeRatings(ratings, categories);
  it("is wider than the one over items and covers the estimate", () => {
    const items = bootstrapCounts(counts, krippendorffAlpha)!;
    const both = twoWayBootstrap(codes, { categories: 5, coefficient: "alpha" })!;
    expect(both.high - both.low).toBeGreaterThan((items.high - items.low) * 0.95);
    expect(both.low).toBeLessThan(0.743);
    expect(both.high).toBeGreaterThan(0.743);
  });
  it("does not take a rater drawn twice for two who agree: the centre stays where the estimate is", () => {
    // Six raters who answer at random: a rater's pairs with itself would lift the mean far above chance.
    const random = createRandom(3);
    const noise = Array.from({ length: 200 }, () => Array.from({ length: 6 }, () => random.integer(2)));
    for (const coefficient of ["percent", "alpha", "fleiss", "ac"] as const) {
      const { low, high } = twoWayBootstrap(noise, { categories: 2, coefficient, resamples: 200 })!;
      expect(Math.abs((low + high) / 2 - (coefficient === "percent" ? 0.5 : 0))).toBeLessThan(0.05);
    }
  });
  it("is null for one rater, without overlap, or without items", () => {
    expect(twoWayBootstrap([[0], [1]], { categories: 2, coefficient: "alpha" })).toBeNull();
    expect(
      twoWayBootstrap(
        [
          [0, null],
          [null, 1],
        ],
        { categories: 2, coefficient: "percent" },
      ),
    ).toBeNull();
    expect(twoWayBootstrap([], { categories: 2, coefficient: "ac" })).toBeNull();
  });
});

describe("the bootstrap of counts", () => {
  it("has the distribution of the bootstrap of single items", () => {
    const single = bootstrapInterval(counts, krippendorffAlpha, { resamples: 3000 })!;
    const grouped = bootstrapCounts(counts, krippendorffAlpha, { resamples: 3000 })!;
    expect(Math.abs(single.low - grouped.low)).toBeLessThan(0.04);
    expect(Math.abs(single.high - grouped.high)).toBeLessThan(0.02);
  });
  it("agrees with the analytic and the jackknife error where items are many", () => {
    const random = createRandom(8);
    const many = Array.from({ length: 600 }, () => {
      const p = 0.2 + 0.6 * random.uniform();
      const left = Array.from({ length: 3 }, () => (random.uniform() < p ? 1 : 0)).reduce<number>(
        (a, b) => a + b,
        0,
      );
      return [left, 3 - left];
    });
    for (const coefficient of [fleissKappa, gwetAC, brennanPrediger]) {
      const { value, standardError } = coefficient(many);
      const { low, high } = bootstrapCounts(many, (rows, options) => coefficient(rows, options).value)!;
      expect((high - low) / 2 / 1.96 / standardError!).toBeCloseTo(1, 1);
      expect(
        jackknifeError(many, (rows, options) => coefficient(rows, options).value)! / standardError!,
      ).toBeCloseTo(1, 1);
      expect(low).toBeLessThan(value!);
      expect(high).toBeGreaterThan(value!);
    }
  });
  it("is null for nothing", () => {
    expect(bootstrapCounts([], krippendorffAlpha)).toBeNull();
    expect(bootstrapCounts([[0, 0]], krippendorffAlpha)).toBeNull();
    expect(jackknifeError([[2, 1]], krippendorffAlpha)).toBeNull();
  });
});

describe("a million judgements", () => {
  it("are a few rows: the whole summary with intervals of a thousandth", () => {
    // 333,334 items by three people on a seven-point scale, as the store's GROUP BY gives them.
    const random = createRandom(1);
    const rows: number[][] = [];
    for (let a = 0; a < 7; a++) {
      for (let b = a; b < 7; b++) {
        for (let c = b; c < 7; c++) {
          const row = new Array<number>(7).fill(0);
          for (const label of [a, b, c]) row[label]!++;
          rows.push(row);
        }
      }
    }
    const closeness = rows.map(
      (row) => 1 / (1 + row.filter((count) => count > 0).length ** 3) + random.uniform() / 50,
    );
    const total = closeness.reduce((a, b) => a + b, 0);
    const repeats = closeness.map((weight) => Math.round((333_334 * weight) / total));
    const summary = agreementSummary(rows, { repeats, ordered: true, resamples: 200 });
    expect(rows).toHaveLength(84);
    expect(Math.abs(summary.judgements - 1_000_002)).toBeLessThan(200);
    for (const { value, interval } of [
      summary.percent,
      summary.alphaNominal,
      summary.alphaOrdinal!,
      summary.kappa,
      summary.ac1,
    ]) {
      expect(interval!.low).toBeLessThan(value!);
      expect(interval!.high).toBeGreaterThan(value!);
      expect(interval!.high - interval!.low).toBeLessThan(0.01);
    }
  });
});

describe("cycles of preference", () => {
  const beats = (text: string, times = 9) =>
    text
      .split(" ")
      .map((pair) => ({ first: Number(pair[0]), second: Number(pair[1]), firstWins: times, secondWins: 1 }));
  it("are found, with how sure their closest step is", () => {
    const { triples, circular, cycles, groups, consistency, share } = intransitivity(beats("01 12 20"));
    expect({ triples, circular, consistency, share }).toEqual({
      triples: 1,
      circular: 1,
      consistency: 0,
      share: 1,
    });
    expect(cycles).toEqual([{ players: [0, 1, 2], weakest: 0.9, p: expect.closeTo(0.021484, 6) }]);
    expect(groups).toEqual([[0, 1, 2]]);
  });
  it("are none in an order, and only as many as there can be", () => {
    const order = intransitivity(beats("01 02 03 12 13 23"));
    expect(order).toMatchObject({ triples: 4, circular: 0, consistency: 1, groups: [[0], [1], [2], [3]] });
    // The regular tournament of 5 has the most: (125 - 5) / 24 = 5.
    expect(intransitivity(beats("01 02 12 13 23 24 34 30 40 41"))).toMatchObject({
      circular: 5,
      consistency: 0,
      triples: 10,
    });
  });
  it("leave undecided pairs out", () => {
    const tied = [...beats("01 12"), { first: 2, second: 0, firstWins: 3, secondWins: 3, ties: 2 }];
    expect(intransitivity(tied)).toMatchObject({ triples: 0, share: null, consistency: null });
  });
});

describe("the fragility of first place", () => {
  it("is how few votes hold it up", () => {
    const close = [
      { first: 0, second: 1, firstWins: 52, secondWins: 48 },
      { first: 1, second: 2, firstWins: 70, secondWins: 30 },
      { first: 0, second: 2, firstWins: 70, secondWins: 30 },
    ];
    const result = fragility(close);
    expect(result).toMatchObject({ leader: 0, rival: 1 });
    expect(result.votes).toBeLessThanOrEqual(5);
    expect(result.dropped.reduce((sum, { count }) => sum + count, 0)).toBe(result.votes);
  });
  it("is nobody's where the lead is large", () => {
    expect(
      fragility([
        { first: 0, second: 1, firstWins: 900, secondWins: 100 },
        { first: 1, second: 2, firstWins: 60, secondWins: 40 },
        { first: 0, second: 2, firstWins: 900, secondWins: 100 },
      ]),
    ).toMatchObject({ leader: 0, rival: null, votes: null });
  });
});
