/**
 * Names the format of a file from its first rows, or says what is missing. One format a file. Knows no records:
 * the table in `formats/` does.
 */
import { AttuneError } from "../errors.js";
import { findInfoEntry } from "./dataset-info.js";
import { fileKind, type RowFileKind } from "./file-kind.js";
import { describe, isObject, type Format, type RecordKind, type Row } from "./formats/format.js";
import { looksLikeMessages } from "./formats/messages.js";
import { formatNames, formats, type FormatName } from "./formats/table.js";
import { readFileRows } from "./read-rows.js";

/** How many rows are looked at. */
const sampleSize = 100;

export interface Detected {
  file: string;
  /** Undefined where the file is no data or of no format that we know. */
  format: FormatName | undefined;
  /** The format, or what else the file is, in words. */
  title: string;
  /** What its rows become; undefined where nothing can be learned from it. */
  kind: RecordKind | undefined;
  /** Whether its texts are plain or lists of messages, in the file itself. */
  form: "standard" | "conversational" | undefined;
  /** What is done to its rows, or how to mend it. */
  conversion: string;
  /** How the file is written; undefined where it holds no rows. */
  written: RowFileKind | undefined;
  columns: readonly string[];
  /** Rows looked at, and how many of them look like the format. */
  sampled: number;
  matching: number;
  /** Entry of LLaMA-Factory's dataset_info.json that names the columns. */
  info: string | undefined;
}

/** A row as an object: a bare text and a bare list of messages get a column. */
export function asRow(value: unknown): Row | undefined {
  if (isObject(value)) return value;
  if (typeof value === "string") return { "(text)": value };
  return looksLikeMessages(value) ? { messages: value } : undefined;
}

/** The first format in the table that more than half of the rows look like. */
export function detectRows(rows: readonly Row[]): { format: FormatName; matching: number } | undefined {
  for (const format of formatNames) {
    const { matches }: Format = formats[format];
    const matching = rows.filter((row) => matches(row)).length;
    if (matching * 2 > rows.length) return { format, matching };
  }
  return undefined;
}

/**
 * What a file is, or what it is said to be by `format`. Never throws for a file that is no data: that is an answer too.
 * Throws `io` and damaged files.
 */
export async function detectFile(
  file: string,
  o: { format?: FormatName | undefined } = {},
): Promise<Detected> {
  const found = await detectUntold(file);
  if (o.format === undefined) return found;
  const { title, kind, conversion }: Format = formats[o.format];
  return { ...found, format: o.format, title, kind, conversion };
}

async function detectUntold(file: string): Promise<Detected> {
  const none = {
    file,
    format: undefined,
    kind: undefined,
    form: undefined,
    columns: [],
    sampled: 0,
    matching: 0,
    info: undefined,
  };
  const written = await fileKind(file);
  if (typeof written !== "string")
    return { ...none, title: written.what, conversion: written.fix, written: undefined };
  const rows: Row[] = [];
  let unreadable = 0;
  for await (const { row } of readFileRows(file, { onBadRow: () => (unreadable += 1) })) {
    const object = asRow(row);
    if (object === undefined) unreadable += 1;
    else rows.push(object);
    if (rows.length >= sampleSize || unreadable >= 10 * sampleSize) break;
  }
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const seen = { ...none, written, columns, sampled: rows.length + unreadable };
  if (rows.length === 0) {
    const title = unreadable === 0 ? "an empty file" : "rows that cannot be read";
    return {
      ...seen,
      title,
      conversion: unreadable === 0 ? "give a file with rows" : "every row must be an object of named columns",
    };
  }
  const info = await findInfoEntry(file);
  const found = info === undefined ? detectRows(rows) : { format: info.format, matching: rows.length };
  if (found === undefined)
    return { ...seen, title: "rows of no known format", conversion: explain(rows, columns) };
  const format: Format = formats[found.format];
  return {
    ...seen,
    format: found.format,
    title: format.title,
    kind: format.kind,
    form: rows.some(hasMessages) ? "conversational" : "standard",
    conversion: format.conversion,
    matching: found.matching,
    info: info?.name,
  };
}

const hasMessages = (row: Row): boolean =>
  Object.values(row).some((value) => looksLikeMessages(value) || looksLikeMessages([value]));

/** Columns by which people name things, and what they should be called. */
const known: readonly (readonly [format: string, columns: readonly string[]])[] = [
  ["a preference pair", ["prompt", "chosen", "rejected"]],
  ["a prompt with its completion", ["prompt", "completion"]],
  ["a liked or disliked answer", ["prompt", "completion", "label"]],
  ["a conversation", ["messages"]],
  ["a text", ["text"]],
  ["an Alpaca row", ["instruction", "output"]],
];

/** The format that some rows look like, but too few, and what is wrong with the first of the others. */
function explainFew(rows: readonly Row[]): string | undefined {
  const counted = formatNames.map((name) => ({
    name,
    matching: rows.filter((row) => formats[name].matches(row)).length,
  }));
  const most = counted.reduce((a, b) => (b.matching > a.matching ? b : a));
  if (most.matching === 0) return undefined;
  const format: Format = formats[most.name];
  const odd = rows.findIndex((row) => !format.matches(row));
  return `only ${most.matching} of ${rows.length} rows look like ${format.title}; row ${odd + 1} does not (${typesOf(rows[odd]!)}): mend the others, or say --data-format ${most.name} and they are set aside`;
}

const typesOf = (row: Row): string =>
  Object.entries(row)
    .map(([name, value]) => `${name}: ${describe(value)}`)
    .join(", ") || "no columns";

/** The nearest format and what the rows lack of it. */
function explain(rows: readonly Row[], columns: readonly string[]): string {
  const few = explainFew(rows);
  if (few !== undefined) return few;
  let best: { format: string; missing: string[]; share: number } | undefined;
  for (const [format, needed] of known) {
    const missing = needed.filter((name) => !columns.includes(name));
    const share = 1 - missing.length / needed.length;
    if (share > 0 && (best === undefined || share > best.share)) best = { format, missing, share };
  }
  const plain =
    "rename the columns to prompt, chosen, rejected (pairs), prompt, completion (demonstrations), messages or text";
  if (best === undefined) return plain;
  if (best.missing.length > 0)
    return `for ${best.format}, \`${best.missing.join("`, `")}\` is missing; ${plain}`;
  const sample = rows.find((row) => known.some(([, needed]) => needed.every((name) => name in row)));
  return `the columns of ${best.format} are there, but not as texts or lists of {role, content}: ${typesOf(sample ?? rows[0]!)}`;
}

/** The format, or a `data` error that says what the file is instead and what to do. */
export function requireFormat(detected: Detected): { name: FormatName; format: Format; kind: RecordKind } {
  const { file, format, kind, title, conversion, columns } = detected;
  if (format !== undefined && kind !== undefined) return { name: format, format: formats[format], kind };
  throw new AttuneError("data", {
    where: file,
    expected: "data to learn from, in a known format",
    got: `${title}${format === undefined && columns.length > 0 ? ` (columns ${columns.slice(0, 12).join(", ")})` : ""}`,
    fix: conversion,
  });
}
