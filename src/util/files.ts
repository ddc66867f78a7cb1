/**
 * Files that are either whole or not there: atomic writes (temporary sibling, fsync, rename), hashes, and
 * operating-system errors put into words. Knows nothing of what the files hold.
 */
import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

import { AttuneError } from "../errors.js";

const fixes: Readonly<Record<string, readonly [got: string, fix: string]>> = {
  ENOSPC: ["no space left on the disk", "free some space or choose another folder"],
  EDQUOT: ["the disk quota is used up", "free some space or choose another folder"],
  EROFS: ["a read-only file system", "choose a folder that can be written"],
  EACCES: ["permission denied", "check the owner and mode of the path"],
  EPERM: ["operation not permitted", "check the owner and mode of the path"],
  ENOENT: ["no such file or folder", "check the spelling of the path"],
  ENOTDIR: ["a part of the path is a file, not a folder", "check the path"],
  EISDIR: ["a folder where a file was expected", "name a file"],
  EEXIST: ["something of that name is already there", "choose another name"],
  ENOTEMPTY: ["a folder that is not empty", "choose another name"],
  EMFILE: ["too many open files", "raise the limit (ulimit -n)"],
};

/** An `io` error for what the operating system said about `path`; errors of our own pass through unchanged. */
export function ioError(cause: unknown, { path, expected }: { path: string; expected: string }): AttuneError {
  if (cause instanceof AttuneError) return cause;
  const code = (cause as { code?: unknown } | null)?.code;
  const known = typeof code === "string" ? fixes[code] : undefined;
  const got = known?.[0] ?? (cause instanceof Error ? cause.message : String(cause));
  return new AttuneError("io", { where: path, expected, got, fix: known?.[1], cause });
}

/** Makes `path` and its parents; nothing happens when it is there. */
export async function ensureFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (cause) {
    throw ioError(cause, { path, expected: "a folder that can be made" });
  }
}

/** Flushes a folder's own entries, so that a rename inside it survives a power cut. */
export async function syncFolder(path: string): Promise<void> {
  let handle;
  try {
    handle = await open(path, "r");
    await handle.sync();
  } catch {
    // Some systems (Windows, network drives) cannot sync a folder; the rename itself is still atomic.
  } finally {
    await handle?.close();
  }
}

/** A name beside `path` that nobody else uses; a leftover is recognisable by `.partial-`. */
export function temporarySibling(path: string): string {
  return join(dirname(path), `.${basename(path)}.partial-${process.pid}-${randomBytes(4).toString("hex")}`);
}

/** A file being written; it appears under its name only at `commit`. */
export interface AtomicFile {
  write(data: string | Uint8Array): Promise<void>;
  /** Flushes, renames into place. */
  commit(): Promise<void>;
  /** Removes what was written; harmless after `commit`. */
  abort(): Promise<void>;
}

/** Opens a file that appears under `path` only when committed. Parents are made. Throws `io`. */
export async function openAtomic(path: string): Promise<AtomicFile> {
  const partial = temporarySibling(path);
  const expected = "a file that can be written";
  await ensureFolder(dirname(path));
  let handle;
  try {
    handle = await open(partial, "wx");
  } catch (cause) {
    throw ioError(cause, { path, expected });
  }
  const file = handle;
  let open_ = true;

  async function abort(): Promise<void> {
    if (!open_) return;
    open_ = false;
    await file.close().catch(() => undefined);
    await rm(partial, { force: true });
  }

  return {
    abort,
    async write(data) {
      try {
        const bytes = typeof data === "string" ? Buffer.from(data, "utf8") : data;
        let done = 0;
        while (done < bytes.length) done += (await file.write(bytes, done, bytes.length - done)).bytesWritten;
      } catch (cause) {
        await abort();
        throw ioError(cause, { path, expected });
      }
    },
    async commit() {
      try {
        await file.sync();
        await file.close();
        await rename(partial, path);
        open_ = false;
      } catch (cause) {
        await abort();
        throw ioError(cause, { path, expected });
      }
      await syncFolder(dirname(path));
    },
  };
}

/** Writes `data` to `path` atomically: readers see the old file or the new one, never half. Throws `io`. */
export async function writeFileAtomic(path: string, data: string | Uint8Array): Promise<void> {
  const file = await openAtomic(path);
  await file.write(data);
  await file.commit();
}

/** Writes `value` as indented JSON, atomically. */
export async function writeJsonAtomic(path: string, value: unknown): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(value, null, 2)}\n`);
}

/**
 * Fills a temporary folder through `fill` and renames it to `path`, its files flushed. With `replace`
 * (default false) an existing folder is first moved aside and then removed; otherwise it is an `io` error.
 */
export async function writeFolderAtomic(
  path: string,
  fill: (folder: string) => Promise<void>,
  { replace = false } = {},
): Promise<void> {
  const partial = temporarySibling(path);
  await ensureFolder(partial);
  try {
    await fill(partial);
    await syncTree(partial);
    const old = temporarySibling(path);
    const there = await stat(path).catch(() => undefined);
    if (there !== undefined && !replace) throw Object.assign(new Error("exists"), { code: "EEXIST" });
    if (there !== undefined) await rename(path, old);
    try {
      await rename(partial, path);
    } catch (cause) {
      if (there !== undefined) await rename(old, path);
      throw cause;
    }
    if (there !== undefined) await rm(old, { recursive: true, force: true });
  } catch (cause) {
    await rm(partial, { recursive: true, force: true });
    // What `fill` itself threw is not the disk's fault.
    if (typeof (cause as { code?: unknown } | null)?.code !== "string") throw cause;
    throw ioError(cause, { path, expected: "a folder that can be written" });
  }
  await syncFolder(dirname(path));
}

async function syncTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      await syncTree(path);
    } else if (entry.isFile()) {
      const handle = await open(path, "r");
      await handle.sync().finally(() => handle.close());
    }
  }
  await syncFolder(folder);
}

/** SHA-256 of text (as UTF-8) or bytes, in hex. */
export function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

/** SHA-256 of a file, in hex, read in pieces. Throws `io`. */
export async function sha256File(path: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 }))
      hash.update(piece as Buffer);
  } catch (cause) {
    throw ioError(cause, { path, expected: "a file that can be read" });
  }
  return hash.digest("hex");
}
