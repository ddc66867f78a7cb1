/**
 * Rows from wherever they are: a file, a folder, or a data set id of the hub. Streaming: one row (or Parquet row
 * group) is in memory at a time. Knows nothing of what the rows mean.
 */
import { existsSync, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join, relative } from "node:path";

import { AttuneError } from "../errors.js";
import { requireRowFile, rowKindOfName, type RowFileKind } from "./file-kind.js";
import { fetchHubDataset, isHubId, type HubOptions } from "./hub.js";
import { readCsv } from "./read-csv.js";
import { readJson } from "./read-json.js";
import { readJsonLines, readTextLines } from "./read-lines.js";
import { readParquet } from "./read-parquet.js";
import type { ReadOptions, SourceRow } from "./source-row.js";
import { filesOfSplit } from "./splits-of-folder.js";

const readers: Readonly<
  Record<RowFileKind, (file: string, options: ReadOptions) => AsyncGenerator<SourceRow>>
> = {
  jsonl: readJsonLines,
  json: readJson,
  csv: (file, options) => readCsv(file, options),
  tsv: (file, options) => readCsv(file, { ...options, delimiter: "\t" }),
  parquet: readParquet,
  text: readTextLines,
};

/**
 * The files behind a path or data set id, in order: the file itself; the files of a folder's split; the
 * downloaded files of a hub data set. Throws `data`, `io` or `network` with what was there instead.
 */
export async function resolveSource(source: string, options: HubOptions = {}): Promise<string[]> {
  if (!existsSync(source)) {
    if (isHubId(source)) return fetchHubDataset(source, options);
    throw new AttuneError("io", {
      where: source,
      expected: "a file, a folder, or a data set id (owner/name)",
      got: "nothing of that name",
      fix: "check the spelling of the path",
    });
  }
  if (!statSync(source).isDirectory()) return [source];
  const names = await readdir(source, { recursive: true });
  const inside =
    options.subset === undefined
      ? names
      : names.filter((name) => name.split(/[\\/]/).includes(options.subset as string));
  const paths = inside
    .filter(
      (name) =>
        !name.split(/[\\/]/).some((part) => part.startsWith(".")) && rowKindOfName(name) !== undefined,
    )
    .map((name) => join(source, name))
    .filter((path) => statSync(path).isFile());
  // Only the part below the folder names a split: the folder itself may well be called `test-data`.
  const { files, splits } = filesOfSplit(
    paths.map((path) => relative(source, path)),
    options.split,
  );
  if (files.length > 0) return files.map((path) => join(source, path));
  const arrow = names.some((name) => name.endsWith(".arrow"));
  throw new AttuneError("data", {
    where: source,
    expected:
      paths.length > 0
        ? `a split named ${options.split}`
        : "a folder with .jsonl, .json, .csv, .tsv, .parquet or .txt files",
    got:
      paths.length > 0
        ? `splits ${splits.join(", ")}`
        : arrow
          ? "Arrow files of the datasets library"
          : "none",
    fix: arrow ? "in Python: load_from_disk(folder).to_parquet(file)" : "check the path",
  });
}

/** Every row of one file. Unreadable rows go to `onBadRow`; what is wrong with the whole file is thrown. */
export async function* readFileRows(file: string, options: ReadOptions = {}): AsyncGenerator<SourceRow> {
  const kind = await requireRowFile(file);
  yield* readers[kind](file, options);
}

/** Every row of a file, folder or hub data set, in a fixed order. */
export async function* readRows(
  source: string,
  options: ReadOptions & HubOptions = {},
): AsyncGenerator<SourceRow> {
  for (const file of await resolveSource(source, options)) yield* readFileRows(file, options);
}
