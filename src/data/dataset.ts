/**
 * From a path or id to records: finds the files, names their format, converts row by row, and keeps account of
 * every row that was not used. Streaming; knows no tokens.
 */
import { basename, relative } from "node:path";
import { statSync } from "node:fs";

import { AttuneError } from "../errors.js";
import { findInfoEntry } from "./dataset-info.js";
import { asRow, detectFile, requireFormat, type Detected } from "./detect.js";
import { kindConversion, reachableKinds, type AnyRecord } from "./convert-kind.js";
import {
  RowProblem,
  RowSetAside,
  type RecordKind,
  type RecordKinds,
  type Row,
  type RowPlace,
} from "./formats/format.js";
import type { FormatName } from "./formats/table.js";
import type { HubOptions } from "./hub.js";
import { checkReport, emptyReport, openQuarantine, type DataReport } from "./quarantine.js";
import { readFileRows, resolveSource } from "./read-rows.js";
import type { Progress } from "./source-row.js";

export interface DatasetOptions<K extends RecordKind = RecordKind> extends HubOptions {
  /** The kind of record wanted; others are converted where nothing has to be invented. Default: as found. */
  kind?: K;
  /** Read every file in this format instead of the one detected. */
  format?: FormatName;
  /** JSON Lines file for rows that were not used. Without it they are only counted in `report`. */
  quarantine?: string;
  /** More bad rows than this share is an error after the last row; default 0.5. None good is always one. */
  maxBadShare?: number;
  /** Stop after so many records. */
  limit?: number;
  onProgress?: (progress: Progress) => void;
}

export interface Dataset<K extends RecordKind = RecordKind> {
  source: string;
  kind: K;
  /** What was found, file by file. */
  files: readonly Detected[];
  /** What is done to the rows, in words. */
  conversions: readonly string[];
  /** The records, read anew at each call; `report` starts again with it. */
  records: () => AsyncGenerator<RecordKinds[K]>;
  /** What became of the rows of the last `records()`, complete when it has ended. */
  report: DataReport;
}

/**
 * Opens a file, a folder or a hub data set. Throws `data` when a file is no data, in no known format, or cannot give
 * the kind asked for; `io` and `network` as `resolveSource`.
 */
export async function openDataset<K extends RecordKind = RecordKind>(
  source: string,
  options: DatasetOptions<K> = {},
): Promise<Dataset<K>> {
  const paths = await resolveSource(source, options);
  const files: Detected[] = [];
  const plans: RowPlan<AnyRecord>[] = [];
  const notes = new Set<string>();
  let kind: RecordKind | undefined = options.kind;
  for (const path of paths) {
    const detected = await detectFile(path, { format: options.format });
    const { format, kind: own } = requireFormat(detected);
    kind ??= own;
    const conversion = kindConversion(own, kind);
    if (conversion === undefined) {
      throw new AttuneError("data", {
        where: path,
        expected: wanted[kind],
        got: `${wanted[own]} (${detected.title})`,
        fix: `use data of that kind; this file can serve as ${reachableKinds(own)
          .map((each) => wanted[each])
          .join(", or ")}`,
      });
    }
    files.push(detected);
    notes.add(format.conversion);
    if (own !== kind) notes.add(conversion.note);
    plans.push({
      file: path,
      read: (row, place) => (format.convert?.(row, place) ?? []).flatMap(conversion.convert),
    });
  }
  const dataset: Dataset<K> = {
    source,
    kind: kind as K,
    files,
    conversions: [...notes],
    report: emptyReport(),
    records: () => {
      dataset.report = emptyReport();
      return convertAll(plans, { source, report: dataset.report, options }) as AsyncGenerator<RecordKinds[K]>;
    },
  };
  return dataset;
}

/** The kinds in words. */
const wanted: Readonly<Record<RecordKind, string>> = {
  preference: "preference pairs",
  demonstration: "demonstrations",
  unpaired: "answers marked good or bad",
  stepwise: "solutions with judged steps",
  prompt: "prompts",
  trajectory: "trajectories",
};

/** A file and what becomes of its rows. */
export interface RowPlan<T> {
  file: string;
  /** Throws RowProblem or RowSetAside. */
  read: (row: Row, place: RowPlace) => T[];
}

/** Reads files row by row, with account of every row that gives nothing. */
export async function* convertAll<T>(
  plans: readonly RowPlan<T>[],
  { source, report, options }: { source: string; report: DataReport; options: DatasetOptions },
): AsyncGenerator<T> {
  const { limit = Infinity, maxBadShare = 0.5, onProgress } = options;
  const quarantine = openQuarantine(options.quarantine, report);
  const inFolder = plans.length > 1 && statSync(source, { throwIfNoEntry: false })?.isDirectory() === true;
  try {
    for (const { file, read } of plans) {
      const info = options.format === undefined ? await findInfoEntry(file) : undefined;
      const name = inFolder ? relative(source, file) : basename(file);
      const onBadRow: typeof quarantine.add = (bad) => {
        report.rows += 1;
        quarantine.add(bad);
      };
      for await (const { row, line } of readFileRows(file, { onBadRow, onProgress })) {
        report.rows += 1;
        const place = { id: `${name}:${line}`, source: `${file}:${line}` };
        let records: T[] = [];
        try {
          const object = asRow(row);
          if (object === undefined) throw new RowProblem("expected an object of named columns");
          records = read(info === undefined ? object : info.rename(object), place);
        } catch (cause) {
          if (!(cause instanceof RowProblem || cause instanceof RowSetAside)) throw cause;
          quarantine.add(
            { file, line, reason: cause.message, row },
            { setAside: cause instanceof RowSetAside },
          );
        }
        await quarantine.flush();
        for (const record of records) {
          report.records += 1;
          yield record;
          if (report.records >= limit) return;
        }
      }
    }
  } finally {
    await quarantine.close();
  }
  checkReport(report, {
    where: source,
    maxBadShare,
    ...(options.quarantine && { quarantine: options.quarantine }),
  });
}
