/**
 * CSV and TSV with a header line, streaming. Cells stay text, but for columns whose type the field's formats fix
 * (messages as JSON, `label`, `margin`). Knows nothing of what the rows mean.
 */
import { Readable } from "node:stream";

import type { CsvError, Info } from "csv-parse";

import { AttuneError } from "../errors.js";
import { readBytes } from "./bytes.js";
import { decodeUtf8, reportBadRow, type ReadOptions, type SourceRow } from "./source-row.js";

const jsonColumns = new Set([
  "messages",
  "conversations",
  "prompt",
  "chosen",
  "rejected",
  "completion",
  "completions",
  "labels",
  "tools",
  "chat_template_kwargs",
  "context",
]);
const numberColumns = new Set([
  "margin",
  "score_chosen",
  "score_rejected",
  "preference",
  "overall_preference",
]);

/** A cell as the value it stands for, or undefined when it cannot be that. */
function readCell(name: string, text: string): unknown {
  if (name === "label" && /^(true|false|0|1)$/i.test(text)) return /^(true|1)$/i.test(text);
  if (numberColumns.has(name) && text.trim() !== "" && Number.isFinite(Number(text))) return Number(text);
  if (jsonColumns.has(name) && /^\s*[[{]/.test(text)) {
    try {
      const value: unknown = JSON.parse(text);
      // Only lists of objects, texts or truth values are structure; `[1, 2]` may well be somebody's answer.
      const structured = ["completions", "labels", "chat_template_kwargs"].includes(name);
      const objects =
        Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === "object");
      if (structured || objects || (name === "tools" && Array.isArray(value))) return value;
    } catch {
      return text;
    }
  }
  return text;
}

/** Every record of the file as an object by column name. A record of another width is a bad row. */
export async function* readCsv(
  file: string,
  { delimiter = ",", ...options }: ReadOptions & { delimiter?: string } = {},
): AsyncGenerator<SourceRow> {
  const { CsvError, parse } = await import("csv-parse");
  const bad: { line: number; reason: string; row?: unknown }[] = [];
  const parser = parse({
    bom: true,
    delimiter,
    // Bytes, so that invalid UTF-8 is seen and not replaced.
    encoding: null,
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
  });
  parser.on("skip", (error: CsvError) => {
    bad.push({ line: Number(error["lines"] ?? 0), reason: error.message });
  });
  let names: string[] | undefined;
  const source = Readable.from(readBytes(file, options));
  source.on("error", (error) => parser.destroy(error));
  source.pipe(parser);
  try {
    for await (const entry of parser) {
      while (bad.length > 0)
        reportBadRow({ file, ...(bad.shift() as { line: number; reason: string }) }, options.onBadRow);
      const { info, record } = entry as { info: Info; record: Buffer[] };
      const cells = record.map((cell) => decodeUtf8(cell));
      // `info.lines` is the line on which the record ends; texts may span lines.
      const newlines = record.reduce((sum, cell) => sum + countNewlines(cell), 0);
      const line = info.lines - newlines;
      if (cells.includes(undefined)) {
        const base64 = Buffer.concat(record).toString("base64");
        reportBadRow({ file, line, reason: "the record is not valid UTF-8", base64 }, options.onBadRow);
      } else if (names === undefined) {
        names = headerNames(cells as string[], file);
      } else if (cells.length !== names.length) {
        const reason = `${cells.length} cells, but the header has ${names.length} columns`;
        reportBadRow({ file, line, reason, row: cells }, options.onBadRow);
      } else {
        const row = Object.fromEntries(
          names.map((name, index) => [name, readCell(name, cells[index] as string)]),
        );
        yield { row, file, line };
      }
    }
  } catch (cause) {
    if (cause instanceof CsvError) {
      throw new AttuneError("data", {
        where: file,
        expected: "CSV with every quote closed",
        got: cause.message,
        fix: "export the file again; a JSONL file is safer",
        cause,
      });
    }
    throw cause;
  } finally {
    source.destroy();
  }
  for (const each of bad) reportBadRow({ file, ...each }, options.onBadRow);
}

function countNewlines(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(0x0a); at >= 0; at = bytes.indexOf(0x0a, at + 1)) count += 1;
  return count;
}

function headerNames(names: readonly string[], file: string): string[] {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new AttuneError("data", {
      where: `${file}:1`,
      expected: "column names that differ",
      got: `"${twice}" twice`,
    });
  }
  return [...names];
}
