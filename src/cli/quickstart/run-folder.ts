/** The folder of a quick start: where it lies, and the small files in it. Knows no stage. */
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { AttuneError } from "../../errors.js";
import { ensureFolder, ioError, sha256File, writeFileAtomic } from "../../util/files.js";

/** Makes the folder. Without a name: `attune-runs/quickstart-N` with the first free N. Throws `io`, `usage` when it is there. */
export async function makeRunFolder(output: string | undefined): Promise<string> {
  if (output !== undefined) {
    const path = resolve(output);
    await claim(path);
    return path;
  }
  for (let n = 1; ; n++) {
    const path = resolve("attune-runs", `quickstart-${n}`);
    if (existsSync(path)) continue;
    await claim(path);
    return path;
  }
}

/** Throws `usage` when the folder that was asked for is there. */
export function refuseExisting(output: string | undefined): void {
  if (output === undefined || !existsSync(output)) return;
  throw new AttuneError("usage", {
    where: `output: ${output}`,
    expected: "a folder that is not there yet",
    got: "one that is",
    fix: "name another folder, or leave --output out for the next free one",
  });
}

async function claim(path: string): Promise<void> {
  refuseExisting(path);
  await ensureFolder(resolve(path, ".."));
  try {
    await mkdir(path);
  } catch (cause) {
    throw ioError(cause, { path, expected: "a folder that can be made" });
  }
}

/** A data file of the run, as run.json lists it. */
export interface WrittenFile {
  path: string;
  rows: number;
  sha256: string;
}

/** One JSON object a line, atomically. Keys keep their order, so the same rows give the same bytes. */
export async function writeRows(folder: string, name: string, rows: readonly object[]): Promise<WrittenFile> {
  const path = join(folder, name);
  await writeFileAtomic(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return { path: name, rows: rows.length, sha256: await sha256File(path) };
}
