/**
 * Verdicts that were given already, in memory and, with a path, in a file of JSON lines: a run that is resumed, and a frontier
 * over the same answers, pays for each question once. Knows keys and JSON values only.
 */
import { appendFile, readFile } from "node:fs/promises";
import { ioError, sha256 } from "../../util/files.js";

export interface VerdictCache {
  /** The value of this question, made now where it is not known; asked for twice at once, it is made once. */
  get<T>(question: readonly unknown[], make: () => Promise<T>): Promise<T>;
  /** Values found and values made. */
  readonly counts: { hits: number; misses: number };
}

/** Without a path: memory only. Lines that cannot be read (a run was killed while it wrote) are asked for again. */
export async function openVerdictCache(path?: string): Promise<VerdictCache> {
  const known = new Map<string, Promise<unknown>>();
  if (path !== undefined) {
    for (const line of (await linesOf(path)).filter((each) => each !== "")) {
      const entry = readLine(line);
      if (entry) known.set(entry.key, Promise.resolve(entry.value));
    }
  }
  const counts = { hits: 0, misses: 0 };
  return {
    counts,
    async get<T>(question: readonly unknown[], make: () => Promise<T>): Promise<T> {
      const key = sha256(JSON.stringify(question));
      const found = known.get(key);
      if (found) {
        counts.hits++;
        return found as Promise<T>;
      }
      counts.misses++;
      const made = make();
      known.set(key, made);
      try {
        const value = await made;
        if (path !== undefined) await append(path, `\n${JSON.stringify({ key, value })}`);
        return value;
      } catch (error) {
        // What failed may be asked again.
        known.delete(key);
        throw error;
      }
    },
  };
}

async function linesOf(path: string): Promise<string[]> {
  try {
    return (await readFile(path, "utf8")).split("\n");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw ioError(cause, { path, expected: "a file of verdicts" });
  }
}

/** A line begins with its line break: half a line of a killed run spoils itself only. */
async function append(path: string, line: string): Promise<void> {
  try {
    await appendFile(path, line);
  } catch (cause) {
    throw ioError(cause, { path, expected: "to keep a verdict" });
  }
}

function readLine(line: string): { key: string; value: unknown } | undefined {
  try {
    const { key, value } = JSON.parse(line) as { key?: unknown; value?: unknown };
    return typeof key === "string" ? { key, value } : undefined;
  } catch {
    return undefined;
  }
}
