/** Duplicates and lengths of a data set, gathered while it streams by. Knows records, not tokenizers. */
import type { AnyRecord } from "./convert-kind.js";
import { createHashTable, shortHash } from "./short-hash.js";
import { promptHash } from "./split.js";

export interface DuplicateReport {
  records: number;
  /** Records whose content (ids and sources aside) was there before. */
  duplicates: number;
  /** Records whose prompt was there before. */
  repeatedPrompts: number;
  /** Pairs that contradict an earlier one: same prompt, chosen and rejected swapped. */
  swapped: number;
  /** The first duplicates: id and the id it repeats. */
  examples: { id: string; of: string }[];
}

/** Ids that are kept to name what a duplicate repeats; later records are named by their number. */
const namedRecords = 100_000;

/** Counts duplicates of the records that are added. Holds some 40 bytes a record, not the records. */
export function createDuplicateCounter(): { add: (record: AnyRecord) => void; report: DuplicateReport } {
  const contents = createHashTable();
  const prompts = createHashTable();
  const ids: string[] = [];
  const report: DuplicateReport = { records: 0, duplicates: 0, repeatedPrompts: 0, swapped: 0, examples: [] };
  return {
    report,
    add(record) {
      const { id, source: _source, extra: _extra, ...content } = record;
      const place = report.records;
      report.records += 1;
      if (ids.length < namedRecords) ids.push(id);
      const earlier = contents.add(shortHash(JSON.stringify(content)), place);
      if (earlier !== undefined) {
        report.duplicates += 1;
        if (report.examples.length < 5)
          report.examples.push({ id, of: ids[earlier] ?? `record ${earlier + 1}` });
      }
      if ("chosen" in content) {
        const swapped = { ...content, chosen: content.rejected, rejected: content.chosen };
        if (contents.has(shortHash(JSON.stringify(swapped)))) report.swapped += 1;
      }
      if (prompts.add(promptHash(record), place) !== undefined) report.repeatedPrompts += 1;
    },
  };
}

export interface LengthSummary {
  count: number;
  mean: number;
  min: number;
  p50: number;
  p90: number;
  p99: number;
  max: number;
}

/** Mean, extremes and quantiles (nearest rank) of lengths; all 0 for none. */
export function summariseLengths(lengths: ArrayLike<number>): LengthSummary {
  const sorted = Float64Array.from(lengths).sort();
  const count = sorted.length;
  if (count === 0) return { count, mean: 0, min: 0, p50: 0, p90: 0, p99: 0, max: 0 };
  const rank = (share: number): number => sorted[Math.max(0, Math.ceil(share * count) - 1)] as number;
  return {
    count,
    mean: sorted.reduce((sum, length) => sum + length, 0) / count,
    min: rank(0),
    p50: rank(0.5),
    p90: rank(0.9),
    p99: rank(0.99),
    max: rank(1),
  };
}
