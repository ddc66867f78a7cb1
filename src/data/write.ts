/** Writes rows as JSON Lines (streaming) or Parquet (for export), whole or not at all. Knows no formats. */
import type { SchemaElement } from "hyparquet";
import type { ColumnSource } from "hyparquet-writer";

import { AttuneError } from "../errors.js";
import { openAtomic, writeFileAtomic } from "../util/files.js";

type ColumnKind = "STRING" | "BOOLEAN" | "DOUBLE" | "JSON" | "MESSAGES";
type Rows = AsyncIterable<object> | Iterable<object>;

/** One JSON object a line. The file appears when all rows are written; gives their number. Throws `io`. */
export async function writeJsonLines(path: string, rows: Rows): Promise<number> {
  const file = await openAtomic(path);
  let count = 0;
  let waiting: string[] = [];
  try {
    for await (const row of rows) {
      waiting.push(`${JSON.stringify(row)}\n`);
      count += 1;
      if (waiting.length >= 256) {
        await file.write(waiting.join(""));
        waiting = [];
      }
    }
    await file.write(waiting.join(""));
    await file.commit();
  } finally {
    await file.abort();
  }
  return count;
}

/**
 * A Parquet file with a column for each name that occurs. Texts, numbers and truth values are columns of their type;
 * plain messages are lists of {role, content}, as the datasets library reads them; other lists and objects are JSON
 * columns (what TRL accepts for `tools`). All rows are held in memory: for exports, not for 5 GB. Gives their number.
 * Throws `data` for a column of mixed types, `io` when it cannot be written.
 */
export async function writeParquet(path: string, rows: Rows): Promise<number> {
  const { parquetWriteBuffer, schemaFromColumnData } = await import("hyparquet-writer");
  const all: Record<string, unknown>[] = [];
  for await (const row of rows) all.push({ ...row });
  const names = [...new Set(all.flatMap((row) => Object.keys(row)))];
  const columns = names.map((name) => {
    const data = all.map((row) => row[name] ?? null);
    return { name, data, type: columnType(name, { data, path }) };
  });
  const schema: SchemaElement[] = [{ name: "root", num_children: columns.length }];
  for (const { name, data, type } of columns) {
    if (type === "MESSAGES") schema.push(...messageSchema(name));
    // The library's own choice for plain types; its root is ours.
    else
      schema.push(...schemaFromColumnData({ columnData: [{ name, data, type, nullable: true }] }).slice(1));
  }
  const columnData = columns.map(({ name, data }): ColumnSource => ({ name, data }));
  await writeFileAtomic(path, new Uint8Array(parquetWriteBuffer({ columnData, schema })));
  return all.length;
}

function messageSchema(name: string): SchemaElement[] {
  const text = (field: string): SchemaElement => ({
    name: field,
    type: "BYTE_ARRAY",
    converted_type: "UTF8",
    repetition_type: "OPTIONAL",
  });
  return [
    { name, repetition_type: "OPTIONAL", num_children: 1, converted_type: "LIST" },
    { name: "list", repetition_type: "REPEATED", num_children: 1 },
    { name: "element", repetition_type: "OPTIONAL", num_children: 2 },
    text("role"),
    text("content"),
  ];
}

/** Messages with nothing but a role and a content. */
function isPlainMessages(value: unknown): boolean {
  if (value === null) return true;
  if (!Array.isArray(value)) return false;
  return value.every((turn: unknown) => {
    if (typeof turn !== "object" || turn === null) return false;
    const { role, content, ...rest } = turn as Record<string, unknown>;
    return (
      typeof role === "string" &&
      (typeof content === "string" || content === null) &&
      Object.keys(rest).length === 0
    );
  });
}

function columnType(name: string, { data, path }: { data: readonly unknown[]; path: string }): ColumnKind {
  const types = new Set(data.filter((value) => value !== null).map((value) => typeof value));
  if (types.size === 0) return "STRING";
  if (types.size > 1) {
    throw new AttuneError("data", {
      where: `${path}: column ${name}`,
      expected: "values of one type",
      got: [...types].join(" and "),
      fix: "write JSON Lines instead, or make the column uniform",
    });
  }
  if (types.has("string")) return "STRING";
  if (types.has("boolean")) return "BOOLEAN";
  if (types.has("number")) return "DOUBLE";
  return data.every(isPlainMessages) ? "MESSAGES" : "JSON";
}
