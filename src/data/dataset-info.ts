/** LLaMA-Factory's dataset_info.json beside a file: which format it has and what its columns are called. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

import { z } from "zod";

import { isObject, type Row } from "./formats/format.js";
import type { FormatName } from "./formats/table.js";

const Entry = z.looseObject({
  file_name: z.string().optional(),
  formatting: z.enum(["alpaca", "sharegpt"]).default("alpaca"),
  ranking: z.boolean().default(false),
  columns: z.record(z.string(), z.string()).default({}),
  tags: z.record(z.string(), z.string()).default({}),
});
type Entry = z.infer<typeof Entry>;

export interface InfoEntry {
  /** The entry's name in dataset_info.json. */
  name: string;
  format: FormatName;
  /** Gives a row the column names that its format expects. */
  rename: (row: Row) => Row;
}

/** The entry for a file in the dataset_info.json of its folder; undefined when there is none. */
export async function findInfoEntry(file: string): Promise<InfoEntry | undefined> {
  const path = join(dirname(file), "dataset_info.json");
  if (!existsSync(path) || basename(file) === "dataset_info.json") return undefined;
  let info: unknown;
  try {
    info = JSON.parse(await readFile(path, "utf8"));
  } catch {
    return undefined; // the datasets library keeps another file of this name
  }
  if (!isObject(info)) return undefined;
  for (const [name, raw] of Object.entries(info)) {
    const entry = Entry.safeParse(raw);
    if (
      !entry.success ||
      entry.data.file_name === undefined ||
      basename(entry.data.file_name) !== basename(file)
    )
      continue;
    const format = formatOf(entry.data);
    const rename = {
      "trl-text": (row: Row) => move(row, { [entry.data.columns["prompt"] ?? "text"]: "text" }),
      alpaca: renameAlpaca(entry.data),
      sharegpt: renameSharegpt(entry.data),
    };
    return { name, format, rename: rename[format === "trl-text" ? format : entry.data.formatting] };
  }
  return undefined;
}

function formatOf({ formatting, ranking, columns }: Entry): FormatName {
  // A text to continue: only the prompt is named, and holds it.
  if (formatting === "alpaca" && Object.keys(columns).join() === "prompt") return "trl-text";
  if (ranking) return `${formatting}-preference`;
  return columns["kto_tag"] === undefined ? formatting : `${formatting}-kto`;
}

/** LLaMA-Factory's own names of alpaca columns, and the ones our alpaca formats read. */
const alpacaNames: Readonly<Record<string, string>> = {
  prompt: "instruction",
  query: "input",
  response: "output",
  history: "history",
  system: "system",
  tools: "tools",
  chosen: "chosen",
  rejected: "rejected",
  kto_tag: "kto_tag",
};

/** The row with `names`' columns under their standard names; others stay. A standard name is its own default. */
function move(row: Row, names: Readonly<Record<string, string>>): Record<string, unknown> {
  const used = new Set(Object.keys(names));
  const moved: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(row)) if (!used.has(name)) moved[name] = value;
  for (const [from, to] of Object.entries(names)) if (row[from] !== undefined) moved[to] = row[from];
  return moved;
}

function renameAlpaca({ columns }: Entry): (row: Row) => Row {
  const names: Record<string, string> = {};
  for (const [theirs, column] of Object.entries(columns)) names[column] = alpacaNames[theirs] ?? theirs;
  return (row) => move(row, names);
}

function renameSharegpt({ columns, tags }: Entry): (row: Row) => Row {
  const names: Record<string, string> = {};
  for (const [theirs, column] of Object.entries(columns))
    names[column] = theirs === "messages" ? "conversations" : theirs;
  const roleTag = tags["role_tag"] ?? "from";
  const contentTag = tags["content_tag"] ?? "value";
  const spoken: Record<string, string> = {};
  for (const [tag, role] of [
    ["user_tag", "human"],
    ["assistant_tag", "gpt"],
    ["observation_tag", "observation"],
    ["function_tag", "function_call"],
    ["system_tag", "system"],
  ] as const) {
    const own = tags[tag];
    if (own !== undefined) spoken[own] = role;
  }
  const turn = (raw: unknown): unknown => {
    if (!isObject(raw)) return raw;
    const { [roleTag]: role, [contentTag]: content, ...rest } = raw;
    return { ...rest, from: typeof role === "string" ? (spoken[role] ?? role) : role, value: content };
  };
  return (row) => {
    const moved = move(row, names);
    for (const name of ["conversations", "chosen", "rejected"]) {
      const value = moved[name];
      if (Array.isArray(value)) moved[name] = value.map(turn);
      else if (isObject(value)) moved[name] = turn(value);
    }
    return moved;
  };
}
