/** What a person is given and what they answer is found by its key, in tables that nobody has analysed, however many items there are. */
import { sql } from "drizzle-orm";
import { expect, it } from "vitest";
import * as s from "../../src/store/index.js";
import { startPostgres, whyNoPostgres } from "./postgres.js";

const noServer = whyNoPostgres();
if (noServer !== undefined) process.stderr.write(`skipped: ${noServer}\n`);
const [project, annotator] = ["p", "me"];
const rounds = 12;
const items = 3000;

it.skipIf(noServer !== undefined)(
  "reads a few rows of a new project, not all of them, for each answer",
  async () => {
    const server = await startPostgres();
    // One connection: what it read is told by itself.
    const store = await s.openStore({ url: server.url, connections: 1, seed: 1 });
    try {
      const read = async (): Promise<Record<string, number>> => {
        await store.database.rows(sql`select pg_stat_force_next_flush()`);
        await store.database.rows(sql`select pg_stat_clear_snapshot()`);
        const rows = await store.database.rows<{ name: string; n: number }>(sql`
          select relname as name, (coalesce(idx_tup_fetch, 0) + seq_tup_read)::int as n from pg_stat_user_tables`);
        return Object.fromEntries(rows.map(({ name, n }) => [name, n]));
      };
      await s.createProject(store, { id: project, name: project, settings: {} });
      await s.createAnnotator(store, { project, role: "annotator", id: annotator });
      await s.addItems(store, {
        project,
        items: Array.from({ length: items }, (_, k) => ({
          id: `i${k}`,
          prompt: [{ role: "user" as const, content: "Which?" }],
          candidates: ["x", "y"].map((id) => ({
            id,
            messages: [{ role: "assistant" as const, content: id }],
          })),
        })),
      });
      const before = await read();
      for (let n = 0; n < rounds; n += 1) {
        const lease = (await s.takeNext(store, {
          project,
          annotator,
          overlap: 2,
          leaseSeconds: 60,
          policy: "least-judged",
          goldEvery: 0,
          repeatEvery: 0,
          repeatGap: 1,
          practice: 0,
        }))!;
        const stored = await s.submit(store, {
          project,
          annotator,
          lease: lease.id,
          key: `key-${n}`,
          answer: ([chosen, rejected]) => ({
            outcome: { type: "pair", chosen: chosen!, rejected: rejected! },
          }),
        });
        expect(stored).toMatchObject({ replayed: false });
      }
      const after = await read();
      const each = (table: string): number => (after[table]! - before[table]!) / rounds;
      expect(each("items")).toBeGreaterThan(0);
      expect(each("items")).toBeLessThan(20);
      expect(each("leases")).toBeLessThan(20);
      expect(each("judgements")).toBeLessThan(20);
      // A draw looks at so many open items around a point, and asks of each whether this person has judged it.
      expect(each("item_states")).toBeLessThan(150);
      expect(each("currents")).toBeLessThan(150);
    } finally {
      await store.close();
      await server.stop();
    }
  },
);
