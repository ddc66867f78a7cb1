/** Two servers on one PostgreSQL that lock the same rows in different orders: nobody is told of it. */
import { sql } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Connection } from "../../src/store/index.js";
import * as s from "../../src/store/index.js";
import { startPostgres, whyNoPostgres, type PrivatePostgres } from "./postgres.js";

type Opened = Awaited<ReturnType<typeof s.openStore>>;
const noServer = whyNoPostgres();
if (noServer !== undefined) process.stderr.write(`skipped: ${noServer}\n`);

describe.skipIf(noServer !== undefined)("two servers on one database", () => {
  let server: PrivatePostgres;
  let stores: Opened[] = [];
  let ahead = 0;
  beforeAll(async () => {
    server = await startPostgres();
    const now = () => new Date(Date.UTC(2026, 0, 1) + ahead);
    stores = [await s.openStore({ url: server.url, now }), await s.openStore({ url: server.url, now })];
  });
  afterAll(async () => {
    for (const store of stores) await store.close();
    await server.stop();
  });

  /** Each has its first row before either asks for the other's. How both ended, and how often one of them began. */
  async function cross(options: { once?: boolean }): Promise<{ ends: string[]; begun: number }> {
    let [begun, waiting] = [0, 2];
    let go: () => void;
    const both = new Promise<void>((done) => (go = done));
    const add = (tx: Connection, id: number) =>
      tx.rows(sql`update counts set n = n + 1 where id = ${id} returning n`);
    const work = (first: number, second: number) => async (tx: Connection) => {
      begun += 1;
      await add(tx, first);
      waiting -= 1;
      if (waiting === 0) go();
      await both;
      await add(tx, second);
    };
    const [one, two] = stores as [Opened, Opened];
    const ends = await Promise.allSettled([
      one.database.transaction(work(1, 2), options),
      two.database.transaction(work(2, 1), options),
    ]);
    return { ends: ends.map(({ status }) => status).toSorted(), begun };
  }

  it("run again what the database gives up to break a deadlock, unless it can be run but once", async () => {
    const { database } = stores[0]!;
    await database.rows(sql`create table counts (id int primary key, n int not null)`);
    await database.rows(sql`insert into counts values (1, 0), (2, 0)`);
    expect(await cross({})).toEqual({ ends: ["fulfilled", "fulfilled"], begun: 3 });
    const counts = sql`select id, n from counts order by id`;
    expect(await database.rows(counts)).toEqual([
      { id: 1, n: 2 },
      { id: 2, n: 2 },
    ]);
    expect(await cross({ once: true })).toEqual({ ends: ["fulfilled", "rejected"], begun: 2 });
    expect(await database.rows(counts)).toEqual([
      { id: 1, n: 3 },
      { id: 2, n: 3 },
    ]);
  });

  it("free the slots of the same items at the same moment, each slot once", async () => {
    const [one, two] = stores as [Opened, Opened];
    const project = "p";
    await s.createProject(one, { id: project, name: project, settings: {} });
    const items = Array.from({ length: 20 }, (_, k) => ({
      id: `i${k}`,
      prompt: [{ role: "user" as const, content: "Which?" }],
      candidates: ["x", "y"].map((id) => ({ id, messages: [{ role: "assistant" as const, content: id }] })),
    }));
    await s.addItems(one, { project, items });
    const people = Array.from({ length: 80 }, (_, k) => `a${k}`);
    for (const id of people) await s.createAnnotator(one, { project, role: "annotator", id });
    for (let round = 0; round < 4; round += 1) {
      const take = (annotator: string, k: number) =>
        s.takeNext(k % 2 === 0 ? one : two, {
          project,
          annotator,
          overlap: 4,
          leaseSeconds: 60,
          policy: "least-judged",
          goldEvery: 0,
          repeatEvery: 0,
          repeatGap: 1,
          practice: 0,
        });
      const given = (await Promise.all(people.map(take))).filter((lease) => lease !== undefined);
      expect(given.length).toBeGreaterThan(60);
      ahead += 61_000;
      await Promise.all([0, 1, 2, 3].flatMap(() => stores.map((store) => s.expireLeases(store))));
      const held = await one.database.rows(sql`select item, load from item_states where load <> 0`);
      expect(held).toEqual([]);
    }
  });
});
