/** A file's bytes as a stream, unzipped where they are gzip. Knows nothing of rows. */
import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";

import { AttuneError } from "../errors.js";
import { ioError } from "../util/files.js";
import type { ReadOptions } from "./source-row.js";

/** The first `count` bytes of a file. Throws `io`. */
export async function firstBytes(file: string, count: number): Promise<Buffer> {
  let handle;
  try {
    handle = await open(file, "r");
    const buffer = Buffer.alloc(count);
    const { bytesRead } = await handle.read(buffer, 0, count, 0);
    return buffer.subarray(0, bytesRead);
  } catch (cause) {
    throw ioError(cause, { path: file, expected: "a file that can be read" });
  } finally {
    await handle?.close();
  }
}

export async function isGzip(file: string): Promise<boolean> {
  const [first, second] = await firstBytes(file, 2);
  return first === 0x1f && second === 0x8b;
}

/** The file's content in pieces, unzipped by content and not by name. A damaged gzip is a `data` error. */
export async function* readBytes(
  file: string,
  { onProgress }: Pick<ReadOptions, "onProgress"> = {},
): AsyncGenerator<Buffer> {
  const zipped = await isGzip(file);
  const bytesTotal = (await stat(file)).size;
  let bytesRead = 0;
  let unzipped = 0;
  const raw = createReadStream(file, { highWaterMark: 1 << 18 });
  raw.on("data", (piece) => {
    bytesRead += piece.length;
    onProgress?.({ file, bytesRead, bytesTotal });
  });
  // Errors of either stream reach the loop below; pipeline only ties their ends together.
  const stream = zipped ? pipeline(raw, createGunzip(), () => undefined) : raw;
  try {
    for await (const piece of stream) {
      unzipped += (piece as Buffer).length;
      yield piece as Buffer;
    }
  } catch (cause) {
    const code = (cause as { code?: unknown }).code;
    if (zipped && typeof code === "string" && (code.startsWith("Z_") || code.startsWith("ERR_"))) {
      throw new AttuneError("data", {
        where: file,
        expected: "a whole gzip file",
        got: `${code === "Z_BUF_ERROR" ? "a truncated one" : "a damaged one"}, readable for ${unzipped} unzipped bytes`,
        fix: "download or copy the file again; `gzip -t` checks it",
        cause,
      });
    }
    throw ioError(cause, { path: file, expected: "a file that can be read" });
  } finally {
    raw.destroy();
  }
}
