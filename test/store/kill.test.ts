/**
 * `kill -9` at any moment, under load: every acknowledged judgement is there once, what was sent and not acknowledged is there
 * once after it is sent again, and the sums are those of the judgements. ATTUNE_KILLS sets how often; the suite does 4.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import * as s from "../../src/store/index.js";
import { createRandom } from "../../src/util/random.js";
import { repositoryRoot } from "../support/shared.js";
import { startPostgres, whyNoPostgres, type PrivatePostgres } from "./postgres.js";

const kills = Number(process.env["ATTUNE_KILLS"] ?? 4);
const script = join(repositoryRoot, "test", "store", "writer.mjs");
const notBuilt = existsSync(join(repositoryRoot, "dist", "store", "index.js"))
  ? undefined
  : "dist is not built";
const people = Array.from({ length: 8 }, (_, k) => `person-${k}`);

type Sent = [key: string, lease: string, person: string];
interface Log {
  sent: Map<string, Sent>;
  acknowledged: Map<string, string>;
}

/** Runs the writer and kills it: a little after so many acknowledgements, or (`early`) so many milliseconds after its start. */
async function runAndKill(
  where: { folder: string } | { url: string },
  o: { log: Log; project: string; after: number; early: boolean },
): Promise<void> {
  const { sent, acknowledged } = o.log;
  const resend = [...sent.values()].filter(([key]) => !acknowledged.has(key));
  const child = spawn(process.execPath, [
    script,
    JSON.stringify({ ...where, project: o.project, people, resend }),
  ]);
  let errors = "";
  child.stderr.on("data", (text: Buffer) => (errors += text.toString()));
  const kill = (ms: number): void => void sleep(ms).then(() => child.kill("SIGKILL"));
  let left = o.early ? Infinity : o.after;
  if (o.early) kill(o.after);
  const lines = createInterface({ input: child.stdout });
  lines.on("line", (line) => {
    const [what, key = "", value = "", person = ""] = line.split(" ");
    if (what === "send") sent.set(key, [key, value, person]);
    if (what === "ack") {
      // The same receipt each time, were it acknowledged twice.
      expect(acknowledged.get(key) ?? value).toBe(value);
      acknowledged.set(key, value);
      left -= 1;
      if (left === 0) kill(acknowledged.size % 20);
    }
  });
  const ended = new Promise<NodeJS.Signals | null>((done) =>
    child.once("close", (_, signal) => done(signal)),
  );
  const signal = await ended;
  if (signal !== "SIGKILL") throw new Error(`the writer ended by itself: ${errors}`);
}

/** Sends again what is open, then compares what is stored with what was said. */
async function check(store: s.Store, { log, project }: { log: Log; project: string }): Promise<void> {
  for (const [key, lease, annotator] of log.sent.values()) {
    if (log.acknowledged.has(key)) continue;
    const answer = (shown: readonly string[]): s.StoredAnswer => ({
      outcome: { type: "pair", chosen: shown[0]!, rejected: shown[1]! },
    });
    const stored = await s.submit(store, { project, annotator, lease, key, answer });
    if (typeof stored === "string") throw new Error(`submit of ${key}: ${stored}`);
    log.acknowledged.set(key, stored.judgement);
  }
  const stored = await s.judgementsAfter(store, { project, after: "0", limit: 1_000_000 });
  expect(new Set(stored.map(({ id }) => id))).toEqual(new Set(log.acknowledged.values()));
  expect(stored).toHaveLength(log.sent.size);
  const once = new Set(stored.map(({ item, annotator }) => `${item} ${annotator}`));
  expect(once.size).toBe(stored.length);
  const most = Math.max(
    ...(await s.patterns(store, project)).map(({ tally }) => Object.values(tally).reduce((a, b) => a + b)),
  );
  expect(most).toBeLessThanOrEqual(3);
  const sums = async () => ({
    progress: await s.progressOf(store, { project, overlap: 3 }),
    patterns: await s.patterns(store, project),
    people: await s.peopleSums(store, project),
    pairings: await s.pairings(store, project),
  });
  const kept = await sums();
  await s.recount(store);
  expect(await sums()).toEqual(kept);
}

async function prepare(store: s.Store, project: string): Promise<void> {
  await s.createProject(store, { id: project, name: project, settings: {} });
  for (let from = 0; from < kills * 400; from += 1000) {
    const items = Array.from({ length: 1000 }, (_, k) => ({
      id: `i${from + k}`,
      prompt: [{ role: "user" as const, content: `Question ${from + k}` }],
      candidates: ["x", "y"].map((id) => ({ id, messages: [{ role: "assistant" as const, content: id }] })),
    }));
    await s.addItems(store, { project, items });
  }
  for (const id of people) await s.createAnnotator(store, { project, role: "annotator", id });
}

let cleanUp: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const each of cleanUp.toReversed()) await each();
  cleanUp = [];
});
const limit = 60_000 + kills * 20_000;

describe.skipIf(notBuilt !== undefined)(`a writer killed ${kills} times`, () => {
  it("loses and doubles nothing in an embedded store", { timeout: limit }, async () => {
    const folder = mkdtempSync(join(tmpdir(), "attune-kill-"));
    cleanUp.push(() => rmSync(folder, { recursive: true }));
    const project = "killed";
    const first = await s.openStore({ folder });
    await prepare(first, project);
    await first.close();
    const log: Log = { sent: new Map(), acknowledged: new Map() };
    const random = createRandom(1, { stream: "kills" });
    for (let n = 0; n < kills; n += 1) {
      // One in four is killed while it starts, which is while it recovers from the last time.
      const early = n % 4 === 3;
      await runAndKill({ folder }, { log, project, early, after: 1 + random.integer(early ? 2000 : 40) });
    }
    const store = await s.openStore({ folder });
    cleanUp.push(() => store.close());
    await check(store, { log, project });
    expect(log.acknowledged.size).toBeGreaterThan(kills);
  });

  const why = whyNoPostgres();
  if (why !== undefined) process.stderr.write(`killed on postgres is skipped: ${why}\n`);
  it.skipIf(why !== undefined)(
    "loses and doubles nothing on PostgreSQL, which crashes too",
    { timeout: limit },
    async () => {
      const server: PrivatePostgres = await startPostgres();
      cleanUp.push(() => server.stop());
      const where = { url: server.url };
      const project = "killed";
      const store = await s.openStore(where);
      cleanUp.push(() => store.close());
      await prepare(store, project);
      const log: Log = { sent: new Map(), acknowledged: new Map() };
      const random = createRandom(2, { stream: "kills" });
      for (let n = 0; n < kills; n += 1) {
        const early = n % 4 === 3;
        await runAndKill(where, { log, project, early, after: 1 + random.integer(early ? 1000 : 200) });
        if (n % 3 === 2) {
          await server.crash();
          await server.start();
        }
      }
      await check(store, { log, project });
      expect(log.acknowledged.size).toBeGreaterThan(kills);
    },
  );
});
