/** Backups: the same store gives the same bytes on either database, and what comes back is what went in, or nothing. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run as runBackup } from "../../src/cli/backup.js";
import { run as runRestore } from "../../src/cli/restore.js";
import * as s from "../../src/store/index.js";
import { sha256 } from "../../src/util/files.js";
import { createRandom } from "../../src/util/random.js";
import { startPostgres, whyNoPostgres, type PrivatePostgres } from "./postgres.js";

const folder = mkdtempSync(join(tmpdir(), "attune-backup-"));
const to = (name: string): string => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true }));

/** A little of everything, with what is hard to carry: line separators, NUL, long numbers, no model, revisions. */
async function fill(store: s.Store): Promise<void> {
  const project = "p";
  await s.createProject(store, {
    id: project,
    name: "Ünïcode \u2028 project",
    settings: { overlap: 2, big: 2 ** 53 - 1 },
  });
  await s.addGuideline(store, { project, markdown: "# Be fair\n\nReally." });
  const random = createRandom(3, { stream: "texts" });
  const items: s.ItemInput[] = Array.from({ length: 40 }, (_, k) => ({
    id: `item ${k} é`,
    prompt: [{ role: "user", content: `a\u2028b\n\u0000"${random.uniform()}` }],
    candidates: [
      { id: "x", messages: [{ role: "assistant", content: "x".repeat(random.integer(3000)) }] },
      { id: "y", source: { model: "m", params: { t: 0.1, seed: 12345678901234 } }, messages: [] },
    ],
    ...(k % 5 === 0 && { group: "g", uncertainty: random.uniform() }),
  }));
  await s.addItems(store, { project, items });
  const people = ["b-person", "A-person"];
  for (const id of people) {
    await s.createAnnotator(store, { project, role: "annotator", id });
    await s.createSession(store, { annotator: id });
  }
  await s.createInvitation(store, { project, role: "annotator", uses: 2, hours: 1 });
  for (let n = 0; n < 30; n += 1) {
    const annotator = people[n % 2]!;
    const lease = (await s.takeNext(store, {
      project,
      annotator,
      overlap: 2,
      leaseSeconds: 60,
      policy: "active",
      goldEvery: 0,
      repeatEvery: 4,
      repeatGap: 1,
      practice: 0,
    }))!;
    if (n > 27) continue;
    const answer = (chosen: string) => (): s.StoredAnswer => ({
      outcome: { type: "pair", chosen, rejected: chosen === "x" ? "y" : "x" },
      comment: "für \u2028 später",
    });
    const stored = await s.submit(store, {
      project,
      annotator,
      lease: lease.id,
      key: `key-${n}`,
      answer: answer("x"),
    });
    if (n % 6 === 0 && typeof stored !== "string")
      await s.revise(store, {
        project,
        annotator,
        judgement: stored.judgement,
        key: `again-${n}`,
        answer: answer("y"),
      });
  }
  await s.adjudicate(store, {
    project,
    item: items[3]!.id,
    annotator: "b-person",
    answer: { skipped: { reason: "x" } },
  });
}

const textOf = async (store: { database: s.Database }): Promise<string> => {
  let text = "";
  await s.backup(store.database, async (lines) => void (text += lines));
  return text;
};

async function* linesOf(text: string): AsyncGenerator<string> {
  yield* text.split("\n").slice(0, -1);
}

const why = whyNoPostgres();
if (why !== undefined) process.stderr.write(`backups between databases are skipped: ${why}\n`);

describe("a backup", () => {
  let server: PrivatePostgres | undefined;
  let embedded: Awaited<ReturnType<typeof s.openStore>>;
  let text: string;
  beforeAll(async () => {
    if (why === undefined) server = await startPostgres();
    embedded = await s.openStore({ seed: 1 });
    await fill(embedded);
    text = await textOf(embedded);
  });
  afterAll(async () => {
    await embedded?.close();
    await server?.stop();
  });

  it.skipIf(why !== undefined)(
    "of an embedded store is, after a turn through PostgreSQL, the same bytes",
    async () => {
      const store = await s.openStore({ url: server!.url });
      const summary = await s.restore(store.database, linesOf(text), { where: "test" });
      expect(summary.rows).toMatchObject({
        projects: 1,
        items: 40,
        candidates: 80,
        judgements: 33,
        adjudications: 1,
      });
      expect(await textOf(store)).toBe(text);
      // Work goes on in the copy: numbers are not given twice.
      const lease = await s.takeNext(store, {
        project: "p",
        annotator: "b-person",
        overlap: 2,
        leaseSeconds: 60,
        policy: "active",
        goldEvery: 0,
        repeatEvery: 0,
        repeatGap: 1,
        practice: 0,
      });
      const answer = (): s.StoredAnswer => ({ skipped: { reason: "later" } });
      const submission = { project: "p", annotator: "b-person", lease: lease!.id, key: "key-new", answer };
      expect(await s.submit(store, submission)).toMatchObject({ category: "skip" });
      await store.close();
    },
  );

  it("that was cut off, changed or not made here is refused, and the store stays as it was", async () => {
    const store = await s.openStore({});
    await s.createProject(store, { id: "mine", name: "mine", settings: {} });
    const refused = (damage: (text: string) => string) =>
      expect(s.restore(store.database, linesOf(damage(text)), { where: "file", replace: true })).rejects;
    await refused((all) => all.slice(0, all.lastIndexOf("\n", all.length - 2) + 1)).toThrow(
      /file:\d+: expected a last line with counts, got a file that was cut off/,
    );
    await refused((all) => all.replace("Really", "Hardly")).toThrow(
      /expected the rows that its last line counts, got others\n {2}fix: take another backup; nothing was changed/,
    );
    await refused(() => '{"prompt":"a"}\n').toThrow(/file:1: expected a backup made by attune backup/);
    await refused(() => "PK\u0003\n").toThrow(/file:1: expected a line of JSON/);
    await refused((all) => all.replace('"0001-first"', '"9999-later"')).toThrow(/fix: update attune/);
    await expect(s.restore(store.database, linesOf(text), { where: "file" })).rejects.toThrow(
      /an empty store, got one with 1 projects/,
    );
    expect(await s.findProject(store, "mine")).toBeDefined();
    await s.restore(store.database, linesOf(text), { where: "file", replace: true });
    expect(await s.findProject(store, "mine")).toBeUndefined();
    expect(await textOf(store)).toBe(text);
    await store.close();
  });

  it("of an older store is brought up to date", async () => {
    const project = text.split("\n").find((line) => line.startsWith('["projects"'))!;
    const head = JSON.stringify({ format: "attune-backup-1", steps: ["0001-first"] });
    const body = `${head}\n${project.replace(/, "task_version": \d+/, "")}\n`;
    const { rows } = JSON.parse(text.trimEnd().split("\n").at(-1)!) as s.BackupSummary;
    const {
      patterns: _,
      pairings: __,
      ...then
    } = Object.fromEntries(Object.keys(rows).map((name) => [name, name === "projects" ? 1 : 0]));
    const end = JSON.stringify({ end: "attune-backup-1", rows: then, sha256: sha256(body) });
    const store = await s.openStore({});
    await s.restore(store.database, linesOf(`${body}${end}\n`), { where: "older" });
    expect(await s.findProject(store, "p")).toMatchObject({ task_version: 1 });
    expect(await s.patterns(store, "p")).toEqual([]);
    await store.close();
  });

  it("is one command, and so is its way back", async () => {
    const [out, io] = capture();
    const first = await s.openStore({ folder: to("first") });
    await s.restore(first.database, linesOf(text), { where: "test" });
    await first.close();
    expect(await runBackup([to("all.jsonl.gz"), "--store", to("first")], io)).toBe(0);
    expect(out.join("")).toMatch(/1 project, 40 items, 33 judgements, SHA-256 [0-9a-f]{16}/);
    expect(statSync(to("all.jsonl.gz")).mode & 0o777).toBe(0o600);
    expect(gunzipSync(readFileSync(to("all.jsonl.gz"))).toString()).toBe(text);
    expect(await runRestore([to("all.jsonl.gz"), "--store", to("second")], io)).toBe(0);
    const second = await s.openStore({ folder: to("second") });
    expect(await textOf(second)).toBe(text);
    await second.close();
    await expect(runRestore([to("all.jsonl.gz"), "--store", to("second")], io)).rejects.toThrow(/--replace/);
    writeFileSync(to("cut.gz"), readFileSync(to("all.jsonl.gz")).subarray(0, 2000));
    await expect(runRestore([to("cut.gz"), "--store", to("third")], io)).rejects.toThrow(
      /a whole gzip file made by attune backup/,
    );
    writeFileSync(to("plain.gz"), gzipSync("no\n"));
    await expect(runRestore([to("plain.gz"), "--store", to("third")], io)).rejects.toThrow(/a line of JSON/);
    await expect(runRestore([to("absent.gz"), "--store", to("third")], io)).rejects.toThrow(
      /a file that can be read/,
    );
    await expect(runBackup([to("x.gz"), "--store", to("nowhere")], io)).rejects.toThrow(
      /the folder of a store/,
    );
  });
});

type Io = Parameters<typeof runBackup>[1];
function capture(): [string[], Io] {
  const out: string[] = [];
  return [
    out,
    { out: (text: string) => void out.push(text), err: () => undefined, columns: 80 } as unknown as Io,
  ];
}
