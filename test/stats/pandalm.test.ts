/** Real judgements: the PandaLM test set, 999 pairs of answers, three people each. */
import { describe, expect, it } from "vitest";
import {
  accuracyFromAgreement,
  agreementSummary,
  bradleyTerry,
  brennanPrediger,
  codeRatings,
  comparisonGroups,
  congerKappa,
  countRatings,
  davidson,
  dawidSkene,
  fleissKappa,
  gwetAC,
  krippendorffAlpha,
  mostLikely,
  noiseCeiling,
  percentAgreement,
  raterPairs,
  twoWayBootstrap,
  type PairCount,
} from "../../src/stats/index.js";
import { data, missing, readJson } from "../support/shared.js";

interface Row {
  cmp_key: string;
  annotator1: number;
  annotator2: number;
  annotator3: number;
}

const path = data("pandalm", "testset-v1.json");
const absent = missing(path);

describe.skipIf(absent !== undefined)(
  `the PandaLM test set${absent === undefined ? "" : ` (skipped: ${absent})`}`,
  () => {
    const rows = absent ? [] : readJson<Row[]>(path);
    const labels = rows.map(({ annotator1, annotator2, annotator3 }) => [annotator1, annotator2, annotator3]);
    // 1 is better, tie, 2 is better: in order, for ordinal alpha.
    const order = [1, 0, 2];
    const { codes } = codeRatings(labels, order);
    const { counts } = countRatings(labels, order);

    it("has the published Cohen kappas of annotators 1 and 2, 1 and 3, 2 and 3: 0.85, 0.88, 0.86", () => {
      const kappas = raterPairs(codes, { categories: 3 }).map(({ value }) => value!.toFixed(2));
      expect(kappas).toEqual(["0.85", "0.88", "0.86"]);
    });
    it("has coefficients for all three together that lie among the pairs'", () => {
      const values = [
        fleissKappa(counts).value!,
        krippendorffAlpha(counts)!,
        congerKappa(codes, { categories: 3 }).value!,
        gwetAC(counts).value!,
        brennanPrediger(counts).value!,
      ];
      for (const value of values) {
        expect(value).toBeGreaterThan(0.84);
        expect(value).toBeLessThan(0.9);
      }
      // Conger's kappa without gaps is made of the pairs' observed and expected agreement.
      const pairs = raterPairs(codes, { categories: 3 });
      const mean = (of: (pair: (typeof pairs)[number]) => number) =>
        pairs.reduce((sum, pair) => sum + of(pair), 0) / 3;
      const expected = mean((pair) => pair.expected!);
      expect(values[2]).toBeCloseTo((mean((pair) => pair.observed!) - expected) / (1 - expected), 12);
    });
    it("has a summary with intervals that cover their values, two-way wider than by item", () => {
      const summary = agreementSummary(counts, { ordered: true, resamples: 300 });
      expect(summary).toMatchObject({ items: 999, paired: 999, judgements: 2997 });
      expect(summary.percent.value).toBeCloseTo(percentAgreement(counts).agreement!, 12);
      for (const { value, interval } of [
        summary.alphaNominal,
        summary.alphaOrdinal!,
        summary.kappa,
        summary.ac1,
      ]) {
        expect(interval!.low).toBeLessThan(value!);
        expect(interval!.high).toBeGreaterThan(value!);
      }
      const both = twoWayBootstrap(codes, { categories: 3, coefficient: "alpha", resamples: 200 })!;
      const items = summary.alphaNominal.interval!;
      expect(both.high - both.low).toBeGreaterThan(items.high - items.low);
    });
    it("ranks its models the same with ties as half and as an outcome", () => {
      const models = [...new Set(rows.flatMap(({ cmp_key: key }) => key.split("_")))].sort();
      const cells = new Map<string, PairCount & { ties: number }>();
      for (const [index, { cmp_key: key }] of rows.entries()) {
        const [left, right] = key.split("_");
        const cell = cells.get(key) ?? {
          first: models.indexOf(left!),
          second: models.indexOf(right!),
          firstWins: 0,
          secondWins: 0,
          ties: 0,
        };
        for (const label of labels[index]!) {
          if (label === 1) cell.firstWins++;
          else if (label === 2) cell.secondWins++;
          else cell.ties++;
        }
        cells.set(key, cell);
      }
      const pairs = [...cells.values()];
      expect(comparisonGroups(pairs).groups).toHaveLength(1);
      const rank = (strengths: readonly number[]) =>
        strengths.map((_, k) => k).sort((a, b) => strengths[b]! - strengths[a]!);
      expect(rank(davidson(pairs).strengths)).toEqual(rank(bradleyTerry(pairs).strengths));
    });
    it("has annotators whom Dawid and Skene find good, and a noise ceiling to match", () => {
      const items = codes.flatMap((row, item) => row.map(() => item));
      const annotators = codes.flatMap((row) => row.map((_, annotator) => annotator));
      const fit = dawidSkene({ items, annotators, labels: codes.flat() as number[] });
      for (const accuracy of fit.accuracies) expect(accuracy).toBeGreaterThan(0.9);
      const unanimous = codes.flatMap((row, item) => (new Set(row).size === 1 ? [item] : []));
      const likely = mostLikely(fit.posteriors);
      for (const item of unanimous) expect(likely[item]).toBe(codes[item]![0]);
      const decided = counts.map(([first, , second]) => [first!, second!]);
      const ceiling = noiseCeiling(decided, { resamples: 300 });
      expect(ceiling.highest).toBe(accuracyFromAgreement(ceiling.agreement!));
      expect(ceiling.highest).toBeGreaterThan(0.95);
    });
  },
);
