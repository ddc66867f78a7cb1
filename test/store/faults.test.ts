/** A database that goes away, a disk that fills, a start that is killed, two processes on one folder, a clock that jumps. */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "drizzle-orm";
import { afterEach, describe, expect, it } from "vitest";
import { AttuneError } from "../../src/errors.js";
import { lockFolder } from "../../src/store/folder-lock.js";
import * as s from "../../src/store/index.js";
import { migrate } from "../../src/store/migrate.js";
import { repositoryRoot } from "../support/shared.js";
import { startPostgres, whyNoPostgres } from "./postgres.js";

const project = "p";
const answer = (shown: readonly string[]): s.StoredAnswer => ({
  outcome: { type: "pair", chosen: shown[0]!, rejected: shown[1]! },
});
const next: s.NextOptions = {
  project,
  annotator: "me",
  overlap: 1,
  leaseSeconds: 60,
  policy: "least-judged",
  goldEvery: 0,
  repeatEvery: 0,
  repeatGap: 1,
  practice: 0,
};

async function addItems(store: s.Store, { from = 0, count = 10, text = "x" } = {}): Promise<void> {
  const items = Array.from({ length: count }, (_, k) => ({
    id: `i${from + k}`,
    prompt: [{ role: "user" as const, content: "Which?" }],
    candidates: ["x", "y"].map((id) => ({ id, messages: [{ role: "assistant" as const, content: text }] })),
  }));
  await s.addItems(store, { project, items });
}
async function begin(store: s.Store): Promise<void> {
  await s.createProject(store, { id: project, name: project, settings: {} });
  await s.createAnnotator(store, { project, role: "annotator", id: "me" });
  await addItems(store);
}
async function judge(store: s.Store): Promise<s.Stored> {
  const lease = (await s.takeNext(store, next))!;
  const stored = await s.submit(store, {
    project,
    annotator: "me",
    lease: lease.id,
    key: `key-${lease.id}`,
    answer,
  });
  return stored as s.Stored;
}

let cleanUp: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const each of cleanUp.toReversed()) await each();
  cleanUp = [];
});
function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), "attune-faults-"));
  cleanUp.push(() => rmSync(folder, { recursive: true }));
  return folder;
}

const noServer = whyNoPostgres();
describe.skipIf(noServer !== undefined)("a PostgreSQL server that goes away", () => {
  it("makes calls fail by name, and work goes on when it is back, with nothing lost", async () => {
    const server = await startPostgres();
    cleanUp.push(() => server.stop());
    const store = await s.openStore({ url: server.url });
    cleanUp.push(() => store.close());
    await begin(store);
    const before = await judge(store);
    const lease = (await s.takeNext(store, next))!;
    await server.crash();
    const submission = { project, annotator: "me", lease: lease.id, key: "sent-twice", answer };
    const failure: unknown = await s.submit(store, submission).catch((cause: unknown) => cause);
    expect(failure).toBeInstanceOf(AttuneError);
    expect(failure).toMatchObject({ code: "network" });
    expect(String(failure)).toMatch(/postgres:\/\/…@127\.0\.0\.1.*expected a PostgreSQL server that answers/);
    expect(String(failure)).not.toContain("attune@");
    await expect(s.takeNext(store, next)).rejects.toMatchObject({ code: "network" });
    await server.start();
    expect(await s.submit(store, submission)).toMatchObject({ replayed: false, late: false });
    expect(await s.submit(store, submission)).toMatchObject({ replayed: true });
    const stored = await s.judgementsAfter(store, { project, after: "0", limit: 10 });
    expect(stored.map(({ id }) => id)).toContain(before.judgement);
    expect(stored).toHaveLength(2);
  });

  it("is told at the start, without the password", async () => {
    await expect(s.openStore({ url: "postgres://me:hush@127.0.0.1:1/none" })).rejects.toThrow(
      /postgres:\/\/…@127\.0\.0\.1:1\/none: expected a PostgreSQL server that answers, got connect ECONNREFUSED/,
    );
  });
});

/** A disk of so many megabytes, where the tests may make one. */
function smallDisk(megabytes: number): string {
  const folder = temporary();
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", folder], { stdio: "ignore" });
  cleanUp.push(() => void execFileSync("umount", ["-l", folder]));
  return folder;
}
function whyNoMount(): string | undefined {
  try {
    const folder = mkdtempSync(join(tmpdir(), "attune-mount-"));
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], { stdio: "ignore" });
    execFileSync("umount", [folder]);
    return undefined;
  } catch {
    return "only root may mount a small disk";
  }
}
const noMount = whyNoMount();
for (const why of [noServer, noMount]) if (why !== undefined) process.stderr.write(`skipped: ${why}\n`);

describe.skipIf(noMount !== undefined)("a disk that is full", () => {
  it("refuses with what to do, and keeps what was acknowledged", async () => {
    const disk = smallDisk(72);
    const folder = join(disk, "store");
    const store = await s.openStore({ folder });
    await begin(store);
    const kept = [await judge(store), await judge(store)];
    // Somebody else fills the disk but for 2 MB; the items fill the rest.
    writeFileSync(
      join(disk, "ballast"),
      Buffer.alloc(200 * 1024 * 1024).subarray(0, freeOn(disk) - 2 * 1024 * 1024),
    );
    const filling = async (): Promise<void> => {
      for (let n = 0; n < 50; n += 1) {
        const text = Array.from({ length: 20_000 }, (_, k) => (k * 7919 + n).toString(36)).join("");
        await addItems(store, { from: 100 + n * 10, text });
      }
    };
    const failure: unknown = await filling().catch((cause: unknown) => cause);
    expect(failure).toMatchObject({ code: "io" });
    expect(String(failure)).toMatch(/fix: (free some disk space|check disk space)/);
    await store.close().catch(() => undefined);
    rmSync(join(disk, "ballast"));
    const again = await s.openStore({ folder });
    cleanUp.push(() => again.close());
    const stored = await s.judgementsAfter(again, { project, after: "0", limit: 10 });
    expect(stored.map(({ id }) => id)).toEqual(kept.map(({ judgement }) => judgement));
    expect(await judge(again)).toMatchObject({ replayed: false });
  });
});

const freeOn = (folder: string): number =>
  Number(execFileSync("df", ["--output=avail", "-B1", folder]).toString().split("\n")[1]);

const compiled = join(repositoryRoot, "dist", "store", "index.js");
describe.skipIf(!existsSync(compiled))("a folder and its processes", () => {
  const open = (folder: string) => `
    const { openStore } = await import(${JSON.stringify(compiled)});
    const store = await openStore({ folder: ${JSON.stringify(folder)} });
    process.stdout.write("open");
    await new Promise(() => setInterval(() => undefined, 1000));`;
  const start = (folder: string) => {
    const child = spawn(process.execPath, ["--input-type=module", "-e", open(folder)]);
    const opened = new Promise<void>((done) => child.stdout.once("data", () => done()));
    const ended = new Promise<void>((done) => child.once("close", () => done()));
    cleanUp.push(() => void child.kill("SIGKILL"));
    return { child, opened, ended };
  };

  it("the second process is refused by the first one's number; a killed one leaves the folder free", async () => {
    const folder = temporary();
    const { child, opened, ended } = start(folder);
    await opened;
    await expect(s.openStore({ folder })).rejects.toThrow(
      new RegExp(
        `expected a store that no other process has open, got process ${child.pid} on [^]*fix: stop that one`,
      ),
    );
    child.kill("SIGKILL");
    await ended;
    const store = await s.openStore({ folder });
    await begin(store);
    expect(await judge(store)).toMatchObject({ late: false });
    await store.close();
  });

  it("a first start killed at any moment, migrations included, leaves a folder that opens", async () => {
    const folder = temporary();
    for (const seen of ["unfinished", "data/PG_VERSION", "data/postgresql.conf", "data/pg_wal"]) {
      const { child, ended } = start(folder);
      for (let n = 0; n < 3000 && !existsSync(join(folder, seen)); n += 1) await sleep(5);
      await sleep(seen.length * 10);
      child.kill("SIGKILL");
      await ended;
    }
    const store = await s.openStore({ folder });
    cleanUp.push(() => store.close());
    await begin(store);
    expect(existsSync(join(folder, "unfinished"))).toBe(false);
  });

  it("takes over the lock of a process that is gone, and believes one of another machine", () => {
    const folder = temporary();
    const lock = join(folder, "attune.lock");
    writeFileSync(lock, JSON.stringify({ pid: 999_999_999, host: "elsewhere", started: "" }));
    expect(() => lockFolder(folder)).toThrow(/process 999999999 on elsewhere/);
    writeFileSync(lock, "");
    lockFolder(folder)();
    expect(existsSync(lock)).toBe(false);
  });
});

describe("steps of a migration", () => {
  it("are all there or none: one that is interrupted is run whole the next time", async () => {
    const database = await s.openDatabase({}, () => Promise.resolve());
    cleanUp.push(() => database.close());
    // A new database comes with its tables.
    await database.rows(sql`drop schema public cascade`);
    await database.rows(sql`create schema public`);
    const tables = async () =>
      (await database.rows(sql`select 1 from information_schema.tables where table_name = 'judgements'`))
        .length;
    // The connection breaks in the middle of the steps.
    let statements = 0;
    const breaking: s.Database = {
      ...database,
      transaction: (work) =>
        database.transaction((tx) =>
          work({
            rows: (query) => {
              statements += 1;
              if (statements === 20) throw new Error("the connection broke");
              return tx.rows(query);
            },
          }),
        ),
    };
    await expect(migrate(breaking)).rejects.toThrow("the connection broke");
    expect(await tables()).toBe(0);
    await migrate(database);
    expect(await tables()).toBe(1);
  });
});

describe("a clock that jumps", () => {
  it("forward ends leases, whose answers are kept and marked; back, it does not lock an item for ever", async () => {
    let ahead = 0;
    const store = await s.openStore({ now: () => new Date(Date.UTC(2026, 0, 1) + ahead) });
    cleanUp.push(() => store.close());
    await begin(store);
    const year = 365 * 86_400_000;
    const lease = (await s.takeNext(store, next))!;
    ahead = year;
    await s.expireLeases(store);
    const submission = { project, annotator: "me", lease: lease.id, key: "late-key", answer };
    expect(await s.submit(store, submission)).toMatchObject({ late: true });
    // Somebody is given an item while the clock is a year ahead, and is not seen again.
    await s.takeNext(store, next);
    ahead = 0;
    await s.expireLeases(store);
    expect(await s.progressOf(store, { project, overlap: 1 })).toMatchObject({ leases: 0, judgements: 1 });
  });
});
