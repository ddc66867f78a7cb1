/** What a format is: how its rows look, and how one becomes records. Knows no particular format. */
import type { z } from "zod";

import type {
  Demonstration,
  Item,
  Judgement,
  Preference,
  PromptOnly,
  Stepwise,
  Trajectory,
  Unpaired,
} from "../../records/index.js";

/** The records by kind. */
export interface RecordKinds {
  preference: Preference;
  demonstration: Demonstration;
  unpaired: Unpaired;
  stepwise: Stepwise;
  prompt: PromptOnly;
  trajectory: Trajectory;
}
export type RecordKind = keyof RecordKinds;

export type Row = Readonly<Record<string, unknown>>;

/** Where a row comes from, for the ids of its records. */
export interface RowPlace {
  /** `train.jsonl:17`. */
  id: string;
  /** Path and line. */
  source: string;
}

/** A reason why a row cannot be used; `data` reports and quarantines it. */
export class RowProblem extends Error {
  override readonly name = "RowProblem";
}

/** A row that is well formed but gives no record, with the reason, e.g. a tie. Reported, not an error. */
export class RowSetAside extends Error {
  override readonly name = "RowSetAside";
}

/** A decision of a reviewer on an item: it counts alone. */
export interface Decision {
  item: string;
  annotator: string;
  answer: Pick<Judgement, "outcome" | "strength" | "tie" | "attributes" | "reasons" | "comment" | "skipped">;
  reason?: string;
}

/** What one row gives: an item, judgements of it (or, without an item, of ones that are known already), a decision. */
export interface Judged {
  item?: Item;
  judgements: Judgement[];
  decision?: Decision;
  /** What a dump says of the project itself: settings, guidelines from first to last. */
  project?: { settings: Record<string, unknown>; guidelines: string[] };
}

export interface Format<K extends RecordKind = RecordKind> {
  /** In words, with who writes it. */
  title: string;
  /** What its rows become; undefined where they are recognised only. */
  kind: K | undefined;
  /** What is done to a row, for the report; a fix where `kind` is undefined. */
  conversion: string;
  /** Whether a row looks like this format. Cheap: it is tried on the first rows only. */
  matches: (row: Row) => boolean;
  /** One row's records. Throws RowProblem or RowSetAside. */
  convert?: (row: Row, place: RowPlace) => RecordKinds[K][];
  /** What a row gives to judge, and what it says was judged; without it the row's records are taken. Throws as `convert`. */
  judge?: (row: Row, place: RowPlace) => Judged;
}

/** Keeps the kind's type while it goes into the table. */
export function defineFormat<K extends RecordKind>(format: Format<K>): Format<K> {
  return format;
}

export function isObject(value: unknown): value is Row {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export const has = (row: Row, ...names: string[]): boolean => names.every((name) => row[name] !== undefined);
export const lacks = (row: Row, ...names: string[]): boolean =>
  names.every((name) => row[name] === undefined);
export const isText = (value: unknown): value is string => typeof value === "string";

/** A value in a few words, for messages. */
export function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (value === "") return "an empty text";
  if (typeof value === "string") return "a text";
  if (Array.isArray(value)) {
    if (value.length === 0) return "an empty list";
    if (value.every(isObject)) return "a list of objects";
    return value.every(isText) ? "a list of texts" : "a list";
  }
  return typeof value === "object" ? "an object" : `a ${typeof value} (${String(value)})`;
}

/** The column's value. Throws RowProblem when it is missing. */
export function need(row: Row, name: string): unknown {
  const value = row[name];
  if (value === undefined) {
    throw new RowProblem(
      `column \`${name}\` is missing; the row has ${Object.keys(row).join(", ") || "no columns"}`,
    );
  }
  return value;
}

export function needText(row: Row, name: string): string {
  const value = need(row, name);
  if (!isText(value)) throw new RowProblem(`column \`${name}\`: expected a text, got ${describe(value)}`);
  return value;
}

export function needNumber(row: Row, name: string): number {
  const value = need(row, name);
  if (typeof value !== "number")
    throw new RowProblem(`column \`${name}\`: expected a number, got ${describe(value)}`);
  return value;
}

export function needList(row: Row, name: string): readonly unknown[] {
  const value = need(row, name);
  if (!Array.isArray(value))
    throw new RowProblem(`column \`${name}\`: expected a list, got ${describe(value)}`);
  return value;
}

export function needObject(row: Row, name: string): Row {
  const value = need(row, name);
  if (!isObject(value))
    throw new RowProblem(`column \`${name}\`: expected an object, got ${describe(value)}`);
  return value;
}

/** The text of a column that may be absent or null; then undefined. */
export function optionalText(row: Row, name: string): string | undefined {
  return row[name] === undefined || row[name] === null ? undefined : needText(row, name);
}

/** The columns not named, as `extra`; undefined when none is left. */
export function extraColumns(row: Row, used: readonly string[]): { extra?: Record<string, unknown> } {
  const rest = Object.entries(row).filter(
    ([name, value]) => !used.includes(name) && value !== undefined && value !== null,
  );
  return rest.length === 0 ? {} : { extra: Object.fromEntries(rest) };
}

/** Checks a record against its schema; what is wrong becomes the row's problem. */
export function checked<S extends z.ZodType>(schema: S, value: unknown): z.infer<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const reasons = result.error.issues.map((issue) => {
    const path = issue.path.join(".");
    return path === "" ? issue.message : `${path}: ${issue.message}`;
  });
  throw new RowProblem([...new Set(reasons)].join("; "));
}
