/**
 * The folder of a run: refused when it holds another run, its log, its record (`run.json`, `config.json`), and where to
 * go on from. Knows no method.
 */
import { appendFileSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { rename, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { AttuneError } from "../../errors.js";
import {
  ensureFolder,
  ioError,
  temporarySibling,
  writeFileAtomic,
  writeJsonAtomic,
} from "../../util/files.js";
import { checkpointName, listCheckpoints } from "../checkpoint.js";

export interface RunFolder {
  readonly path: string;
  /** Checkpoint to go on from; undefined: from the start. */
  readonly resume: string | undefined;
  /** Steps that the checkpoint has done. */
  readonly resumedStep: number;
  /** What the log holds up to that step. */
  readonly logged: readonly LogLine[];
  /** Adds a line to `log.jsonl`. */
  log(line: Readonly<Record<string, unknown>>): void;
  write(name: "run.json" | "config.json", value: unknown): Promise<void>;
  /** Removes the folder if it was made for this run and nothing but tokenised examples is in it. */
  abandon(): Promise<void>;
}

export type LogLine = Readonly<Record<string, number>>;

const logName = "log.jsonl";
/** Folder of the tokenised examples. */
export const examplesName = "examples";

/**
 * Makes or opens the folder and tries that it can be written.
 * @throws AttuneError `usage` when it holds a run and `resume` is off, `checkpoint` when there is nothing to resume, `io`.
 */
export async function openRunFolder(
  path: string,
  { resume }: { resume: boolean | string },
): Promise<RunFolder> {
  const isNew = !existsSync(path);
  await ensureFolder(path);
  await tryWriting(path);
  const from = resumeFrom(path, resume);
  if (resume === false && (listCheckpoints(path).length > 0 || existsSync(join(path, logName)))) {
    throw new AttuneError("usage", {
      where: path,
      expected: "a folder without a run",
      got: "one with checkpoints or a log",
      fix: "--resume goes on with it; another --output starts anew",
    });
  }
  await removeLeftovers(path);
  if (existsSync(join(path, examplesName))) await removeLeftovers(join(path, examplesName));
  const resumedStep = from === undefined ? 0 : stepOf(from);
  const logged = await shortenLog<LogLine>(join(path, logName), (step) => step <= resumedStep);
  return {
    path,
    resume: from,
    resumedStep,
    logged,
    log: (line) => appendLine(join(path, logName), line),
    write: (name, value) => writeJsonAtomic(join(path, name), value),
    abandon: async () => {
      if (!isNew) return;
      // Tokens alone are no run.
      if (readdirSync(path).join() === examplesName) await rm(join(path, examplesName), { recursive: true });
      await rmdir(path).catch(() => undefined);
    },
  };
}

/** A read-only folder is found now, not after hours. */
async function tryWriting(path: string): Promise<void> {
  const probe = join(path, ".attune-probe");
  await writeFileAtomic(probe, "");
  await rm(probe, { force: true });
}

function resumeFrom(path: string, resume: boolean | string): string | undefined {
  if (resume === false) return undefined;
  if (typeof resume === "string") {
    if (existsSync(join(resume, "manifest.json"))) return resume;
    throw new AttuneError("checkpoint", {
      where: resume,
      expected: "a checkpoint folder with its manifest.json",
      got: existsSync(resume) ? "a folder without one" : "nothing there",
      fix: `checkpoints of this run: ${listCheckpoints(path).map(checkpointName).join(", ") || "none"}`,
    });
  }
  // A checkpoint appears whole or not at all, so that the newest is good.
  const newest = listCheckpoints(path).at(-1);
  return newest === undefined ? undefined : join(path, checkpointName(newest));
}

function stepOf(checkpoint: string): number {
  try {
    return (JSON.parse(readFileSync(join(checkpoint, "state.json"), "utf8")) as { step: number }).step;
  } catch (cause) {
    throw new AttuneError("checkpoint", {
      where: join(checkpoint, "state.json"),
      expected: "a complete checkpoint",
      got: "one that cannot be read",
      fix: "resume from an earlier checkpoint",
      cause,
    });
  }
}

/** What a killed process was writing. */
async function removeLeftovers(path: string): Promise<void> {
  const mark = /^\..*\.partial-(\d+)-[0-9a-f]{8}$/;
  for (const name of readdirSync(path)) {
    const pid = mark.exec(name)?.[1];
    if (pid !== undefined && !isRunning(Number(pid)))
      await rm(join(path, name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Drops lines of steps that are not wanted, and a last line that was cut off; returns the lines that stay. */
export async function shortenLog<T>(file: string, wanted: (step: number) => boolean): Promise<T[]> {
  if (!existsSync(file)) return [];
  const kept = readFileSync(file, "utf8")
    .split("\n")
    .flatMap((text) => {
      try {
        const line = JSON.parse(text) as T & { step: number };
        return wanted(line.step) ? [{ text, line }] : [];
      } catch {
        return [];
      }
    });
  await writeFileAtomic(file, kept.map(({ text }) => `${text}\n`).join(""));
  return kept.map(({ line }) => line);
}

/** Adds a line to a log. */
export function appendLine(file: string, line: unknown): void {
  try {
    appendFileSync(file, `${JSON.stringify(line)}\n`);
  } catch (cause) {
    throw ioError(cause, { path: file, expected: "a file that can be written" });
  }
}

/** Replaces a folder by one that `fill` makes: the old one is there until the new one is complete. */
export async function replaceFolder(path: string, fill: (folder: string) => Promise<void>): Promise<void> {
  const next = temporarySibling(path);
  try {
    await fill(next);
    await rm(path, { recursive: true, force: true });
    await rename(next, path);
  } catch (cause) {
    await rm(next, { recursive: true, force: true });
    throw cause instanceof AttuneError
      ? cause
      : ioError(cause, { path, expected: "a folder that can be written" });
  }
}
