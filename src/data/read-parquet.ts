/** Parquet as rows, one row group in memory at a time. Knows nothing of what the rows mean. */
import { createReadStream, createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";

import type { FileMetaData } from "hyparquet";

import { AttuneError } from "../errors.js";
import { ioError } from "../util/files.js";
import { isGzip } from "./bytes.js";
import { decodeUtf8, reportBadRow, type ReadOptions, type SourceRow } from "./source-row.js";

/** Stands in for a text whose bytes are not UTF-8, so that its row can be reported and not altered. */
class InvalidText {
  constructor(readonly base64: string) {}
}

/** Plain JSON values: whole numbers that fit, times as ISO text; undefined fields as null. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint")
    return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  if (value instanceof Date) return value.toISOString();
  if (value instanceof InvalidText || value === null || typeof value !== "object") return value ?? null;
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (Array.isArray(value)) return value.map(plain);
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]));
}

function findInvalid(value: unknown): InvalidText | undefined {
  if (value instanceof InvalidText) return value;
  if (value === null || typeof value !== "object") return undefined;
  for (const each of Object.values(value)) {
    const found = findInvalid(each);
    if (found !== undefined) return found;
  }
  return undefined;
}

function damaged(file: string, cause: unknown): AttuneError {
  if (cause instanceof AttuneError) return cause;
  if (typeof (cause as { code?: unknown })?.code === "string") {
    return ioError(cause, { path: file, expected: "a file that can be read" });
  }
  return new AttuneError("data", {
    where: file,
    expected: "a whole Parquet file",
    got: cause instanceof Error ? cause.message : String(cause),
    fix: "download or export the file again",
    cause,
  });
}

/** Every row of a Parquet file; `line` is the row's number from 1. A damaged file is a `data` error. */
export async function* readParquet(path: string, options: ReadOptions = {}): AsyncGenerator<SourceRow> {
  if (!(await isGzip(path))) {
    yield* readPlainParquet(path, { ...options, name: path });
    return;
  }
  // Parquet is read from its end, so a zipped one is unzipped to a temporary file first.
  const folder = await mkdtemp(join(tmpdir(), "attune-parquet-"));
  try {
    const unzipped = join(folder, basename(path));
    await pipeline(createReadStream(path), createGunzip(), createWriteStream(unzipped)).catch(
      (cause: unknown) => {
        throw damaged(path, cause);
      },
    );
    yield* readPlainParquet(unzipped, { ...options, name: path });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function* readPlainParquet(
  path: string,
  { name, ...options }: ReadOptions & { name: string },
): AsyncGenerator<SourceRow> {
  const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } = await import("hyparquet");
  const { compressors } = await import("hyparquet-compressors");
  let metadata: FileMetaData;
  const file = await asyncBufferFromFile(path).catch((cause: unknown) => {
    throw damaged(name, cause);
  });
  try {
    metadata = await parquetMetadataAsync(file);
  } catch (cause) {
    throw damaged(name, cause);
  }
  const stringFromBytes = (bytes: Uint8Array | undefined): unknown =>
    bytes && (decodeUtf8(bytes) ?? new InvalidText(Buffer.from(bytes).toString("base64")));
  let done = 0;
  let bytesRead = 0;
  for (const group of metadata.row_groups) {
    const count = Number(group.num_rows);
    let rows: Record<string, unknown>[];
    try {
      rows = await parquetReadObjects({
        file,
        metadata,
        compressors,
        parsers: { stringFromBytes },
        rowStart: done,
        rowEnd: done + count,
      });
    } catch (cause) {
      throw damaged(name, cause);
    }
    for (const [index, raw] of rows.entries()) {
      const line = done + index + 1;
      const row = plain(raw);
      const invalid = findInvalid(row);
      if (invalid === undefined) yield { row, file: name, line };
      else
        reportBadRow(
          { file: name, line, reason: "a text is not valid UTF-8", base64: invalid.base64 },
          options.onBadRow,
        );
    }
    done += count;
    bytesRead += group.columns.reduce(
      (sum, column) => sum + Number(column.meta_data?.total_compressed_size ?? 0),
      0,
    );
    options.onProgress?.({
      file: name,
      bytesRead: Math.min(bytesRead, file.byteLength),
      bytesTotal: file.byteLength,
    });
  }
}
