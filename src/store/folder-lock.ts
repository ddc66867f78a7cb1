/**
 * One process at a time on an embedded database's folder: a lock file that names its holder. A holder that died (also by
 * `kill -9`) is recognised by its process id and start time, so nothing has to be removed by hand. Knows no database.
 */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { AttuneError } from "../errors.js";

interface Holder {
  pid: number;
  host: string;
  started: string;
}

/** A process's start in clock ticks since boot (Linux): a number used again belongs to another process. Empty elsewhere. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
}

function isAlive(holder: Holder): boolean {
  // Another machine's processes cannot be seen: believe its lock.
  if (holder.host !== hostname()) return true;
  try {
    process.kill(holder.pid, 0);
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === "EPERM";
  }
  const started = startOf(holder.pid);
  return started === "" || holder.started === "" || started === holder.started;
}

function readHolder(path: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Holder;
  } catch {
    return undefined;
  }
}

/** Takes the lock; gives the function that lets it go. Throws `io` when somebody alive holds it. */
export function lockFolder(folder: string): () => void {
  const path = join(folder, "attune.lock");
  const own: Holder = { pid: process.pid, host: hostname(), started: startOf(process.pid) };
  const draft = `${path}.${process.pid}`;
  try {
    writeFileSync(draft, JSON.stringify(own));
    for (let attempt = 0; attempt < 5; attempt += 1) {
      try {
        // A link appears with its content, and fails when there is one: nobody reads half a lock.
        linkSync(draft, path);
        let taken = true;
        return () => {
          // Once: afterwards it may be somebody else's.
          if (taken) rmSync(path, { force: true });
          taken = false;
        };
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause;
      }
      const holder = readHolder(path);
      if (holder !== undefined && isAlive(holder)) throw held(folder, holder);
      discard(path);
    }
  } catch (cause) {
    if (cause instanceof AttuneError) throw cause;
    throw new AttuneError("io", {
      where: folder,
      expected: "a folder that can be written",
      got: String(cause),
      cause,
    });
  } finally {
    rmSync(draft, { force: true });
  }
  throw new AttuneError("io", {
    where: path,
    expected: "a lock that can be taken",
    got: "others that take it at the same moment",
    fix: "try again",
  });
}

/** Removes a dead holder's lock. Should somebody have taken it meanwhile, theirs is put back. */
function discard(path: string): void {
  const aside = `${path}.${process.pid}.old`;
  try {
    renameSync(path, aside);
    const holder = readHolder(aside);
    if (holder !== undefined && isAlive(holder)) linkSync(aside, path);
  } catch (cause) {
    // Gone already, or taken again: the next attempt sees which.
    if (!["ENOENT", "EEXIST"].includes((cause as NodeJS.ErrnoException).code ?? "")) throw cause;
  } finally {
    rmSync(aside, { force: true });
  }
}

const held = (folder: string, holder: Holder): AttuneError =>
  new AttuneError("io", {
    where: folder,
    expected: "a store that no other process has open",
    got: `process ${holder.pid} on ${holder.host}`,
    fix: "stop that one, choose another folder with --store, or set DATABASE_URL to share one PostgreSQL server",
  });
