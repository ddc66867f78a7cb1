/** PostgreSQL ends and comes back while people judge: clear refusals meanwhile, nothing lost, nothing doubled, no restart. */
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "drizzle-orm";
import { expect, it } from "vitest";
import * as s from "../../src/store/index.js";
import { startPostgres, whyNoPostgres } from "../store/postgres.js";
import { newKey, pairs, project, start, type Answered, type Person, type Running } from "./running.js";

const noServer = whyNoPostgres();
if (noServer !== undefined) process.stderr.write(`skipped: ${noServer}\n`);

interface Seen {
  acknowledged: Set<string>;
  refused: Answered[];
  others: Answered[];
}

/** Judges until told to stop, and sends again what was refused, as the page does. */
async function judging(
  person: Person,
  { id, seen, ended }: { id: string; seen: Seen; ended: () => boolean },
): Promise<void> {
  const patiently = async (path: string, body: unknown = {}): Promise<Answered> => {
    for (;;) {
      const reply = await person.send("POST", `/api/projects/${id}${path}`, body);
      if (reply.status !== 503) return reply;
      seen.refused.push(reply);
      await sleep(20 + Math.random() * 30);
    }
  };
  while (!ended()) {
    const next = await patiently("/next");
    if (next.body.kind !== "item") {
      seen.others.push(next);
      return;
    }
    const answer = { outcome: { type: "pair", chosen: "A", rejected: "B" } };
    const receipt = await patiently("/judgements", { key: newKey(), lease: next.body.lease, answer });
    if (receipt.status === 200) seen.acknowledged.add(receipt.body.judgement as string);
    else seen.others.push(receipt);
  }
}

async function health(running: Running): Promise<number> {
  const { status, headers, body } = await running.ask("/healthz");
  expect(body).toEqual({ status: status === 200 ? "ok" : "database unreachable" });
  expect(headers.get("retry-after")).toBe(status === 200 ? null : "5");
  return status;
}

it.skipIf(noServer !== undefined)(
  "refuses with a time to come back, says so in its health, and goes on with nothing lost or doubled",
  { timeout: 120_000 },
  async () => {
    const postgres = await startPostgres();
    const running = await start({ databaseUrl: postgres.url });
    try {
      const id = await project(running, { items: [], settings: { overlap: 6 } });
      for (let from = 0; from < 3000; from += 1000) {
        const items = pairs(1000, (k) => ({ id: `item-${from + k}` }));
        expect(
          (await (await running.owner()).send("POST", `/api/projects/${id}/items`, { items })).status,
        ).toBe(200);
      }
      const people = await Promise.all(Array.from({ length: 6 }, () => running.join(id)));
      const seen: Seen = { acknowledged: new Set(), refused: [], others: [] };
      let over = false;
      const work = Promise.all(people.map((person) => judging(person, { id, seen, ended: () => over })));
      for (const how of ["immediate", "fast"] as const) {
        const before = seen.acknowledged.size;
        await expect.poll(() => seen.acknowledged.size, { timeout: 20_000 }).toBeGreaterThan(before + 30);
        await postgres.crash(how);
        const refused = seen.refused.length;
        await expect.poll(() => health(running), { timeout: 10_000 }).toBe(503);
        await expect.poll(() => seen.refused.length, { timeout: 10_000 }).toBeGreaterThan(refused + 5);
        await postgres.start();
        await expect.poll(() => health(running), { timeout: 10_000 }).toBe(200);
      }
      const before = seen.acknowledged.size;
      await expect.poll(() => seen.acknowledged.size, { timeout: 20_000 }).toBeGreaterThan(before + 30);
      over = true;
      await work;

      expect(seen.others.map(({ status, body }) => [status, body])).toEqual([]);
      for (const { headers, body } of seen.refused) {
        expect(headers.get("retry-after")).toBe("5");
        expect(body.error).toMatchObject({ code: "unavailable" });
        expect(body.error.message).toMatch(/^The database cannot be reached\./);
      }
      const stored = await s.judgementsAfter(running.store, { project: id, after: "0", limit: 100_000 });
      expect(new Set(stored.map((each) => each.id))).toEqual(seen.acknowledged);
      expect(stored).toHaveLength(seen.acknowledged.size);
      expect(new Set(stored.map(({ item, annotator }) => `${item} ${annotator}`)).size).toBe(stored.length);
      const sums = async () => ({
        patterns: await s.patterns(running.store, id),
        pairings: await s.pairings(running.store, id),
        people: (await s.peopleSums(running.store, id)).map((each) => each.sums),
      });
      const kept = await sums();
      await s.recount(running.store);
      expect(await sums()).toEqual(kept);
    } finally {
      await running.close();
      await postgres.stop();
    }
  },
);

it.skipIf(noServer !== undefined)(
  "ends requests with a clear refusal while the database hangs without closing anything, and goes on when it answers again",
  { timeout: 120_000 },
  async () => {
    const postgres = await startPostgres();
    const store = await s.openStore({ url: postgres.url, patience: 600, connections: 4 });
    const running = await start({ store });
    try {
      const id = await project(running, { settings: { overlap: 1 } });
      const person = await running.join(id);
      const next = await person.send("POST", `/api/projects/${id}/next`);
      const answer = { outcome: { type: "pair", chosen: "A", rejected: "B" } };
      const submission = { key: newKey(), lease: next.body.lease, answer };
      const submit = () => person.send("POST", `/api/projects/${id}/judgements`, submission);

      postgres.freeze();
      const began = performance.now();
      // More than there are connections: some wait for one, which has an end as well.
      const [health, ...refused] = await Promise.all([
        running.ask("/healthz"),
        ...Array.from({ length: 10 }, (_, k) => (k % 2 ? submit() : person.get(`/api/projects/${id}/me`))),
      ]);
      expect(performance.now() - began).toBeLessThan(20_000);
      expect([health!.status, health!.body]).toEqual([503, { status: "database unreachable" }]);
      for (const { status, headers, body } of refused) {
        expect(status).toBe(503);
        expect(headers.get("retry-after")).toBe("5");
        expect(body.error.message).toMatch(/^The database cannot be reached\./);
      }
      expect(running.log.some(({ stack }) => /Query read timeout/.test(String(stack)))).toBe(true);

      postgres.thaw();
      await expect.poll(async () => (await submit()).status, { timeout: 20_000 }).toBe(200);
      const stored = await s.judgementsAfter(store, { project: id, after: "0", limit: 100 });
      expect(stored).toHaveLength(1);

      // A server that answers, but not this: the statement is what has an end, unless it is known to be long.
      const slow = sql`select pg_sleep(1.5)`;
      await expect(store.database.rows(slow)).rejects.toThrow(/expected a PostgreSQL server that answers/);
      await store.database.transaction((tx) => tx.rows(slow), { unhurried: true });

      postgres.freeze();
      const closing = performance.now();
      await running.close();
      await store.close();
      expect(performance.now() - closing).toBeLessThan(20_000);
    } finally {
      postgres.thaw();
      await running.close();
      await postgres.stop();
    }
  },
);
