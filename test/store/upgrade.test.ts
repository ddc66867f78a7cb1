/** An older store that holds work is brought up to date, and the process is killed in the middle of it. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { sql } from "drizzle-orm";
import { afterEach, describe, expect, it } from "vitest";
import * as s from "../../src/store/index.js";
import { createMigrations, migrate, runSteps } from "../../src/store/migrate.js";
import { repositoryRoot } from "../support/shared.js";
import { startPostgres, whyNoPostgres } from "./postgres.js";

const script = join(repositoryRoot, "test", "store", "upgrader.mjs");
const notBuilt = !existsSync(join(repositoryRoot, "dist", "store", "migrate.js"));

type Where = { folder: string } | { url: string };

/** The tables as the first version made them, with 200 items of which people judged 150, two each. */
async function older(database: s.Database): Promise<void> {
  await database.rows(sql`drop schema public cascade`);
  await database.rows(sql`create schema public`);
  await database.transaction(async (tx) => {
    await tx.rows(createMigrations);
    await runSteps(tx, ["0001-first"]);
    const at = sql`'2026-01-01T00:00:00Z'::timestamptz`;
    const answer = sql`'{"outcome":{"type":"pair","chosen":"x","rejected":"y"}}'::jsonb`;
    for (const statement of [
      sql`insert into projects values ('p', 'P', '{"overlap":2}', ${at})`,
      sql`insert into annotators (id, project, role, created_at) select 'a' || k, 'p', 'annotator', ${at} from generate_series(0, 4) k`,
      sql`insert into items (project, id, role, prompt, excerpt, created_at)
        select 'p', 'i' || n, 'task', '[{"role":"user","content":"Which?"}]', 'Which?', ${at} from generate_series(1, 200) n`,
      sql`insert into candidates (project, item, position, id, messages)
        select 'p', 'i' || n, k, case k when 0 then 'x' else 'y' end, '[]' from generate_series(1, 200) n, generate_series(0, 1) k order by n, k`,
      sql`insert into item_states (project, item, role, load, valid, tally)
        select 'p', 'i' || n, 'task', case when n <= 150 then 2 else 0 end, case when n <= 150 then 2 else 0 end,
          case when n <= 150 then jsonb_build_object('first', 1 + n % 2, 'second', 1 - n % 2) else '{}' end from generate_series(1, 200) n order by n`,
      sql`insert into judgements (id, key, project, item, annotator, purpose, category, answer, shown_order, submitted_at)
        select 'j' || n || '-' || k, 'key' || n || '-' || k, 'p', 'i' || n, 'a' || ((n + k) % 5), 'task',
          case when k = 1 and n % 2 = 0 then 'second' else 'first' end, ${answer}, '["x","y"]', ${at}
        from generate_series(1, 150) n, generate_series(0, 1) k order by n, k`,
      sql`insert into currents select project, item, annotator, false, id, category from judgements`,
      sql`insert into sums select project, annotator, 'task', count(*) from judgements group by 1, 2`,
    ])
      await tx.rows(statement);
  });
}

const make = async (where: Where): Promise<void> => (await s.openDatabase(where, older)).close();

/** Everything that is in it, as its hash, and what of it people made. */
async function contents(where: Where): Promise<{ hash: string; judgements: number; steps: string[] }> {
  const database = await s.openDatabase(where, migrate);
  try {
    const steps = await database.rows<{ name: string }>(sql`select name from migrations order by name`);
    const { sha256, rows } = await s.backup(database, () => Promise.resolve());
    return { hash: sha256, judgements: rows["judgements"]!, steps: steps.map(({ name }) => name) };
  } finally {
    await database.close();
  }
}

/** Starts the upgrade and kills it after so many statements. */
async function killed(where: Where, after: number): Promise<void> {
  const child = spawn(process.execPath, [script, JSON.stringify(where)]);
  const said: string[] = [];
  let errors = "";
  child.stderr.on("data", (text: Buffer) => (errors += text.toString()));
  createInterface({ input: child.stdout }).on("line", (line) => {
    said.push(line);
    if (line === `ran ${after}`) child.kill("SIGKILL");
  });
  const signal = await new Promise<NodeJS.Signals | null>((done) =>
    child.once("close", (_, how) => done(how)),
  );
  expect([signal, errors]).toEqual(["SIGKILL", ""]);
  expect(said).not.toContain("open");
}

let cleanUp: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const each of cleanUp.toReversed()) await each();
  cleanUp = [];
});
function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), "attune-upgrade-"));
  cleanUp.push(() => rmSync(folder, { recursive: true }));
  return join(folder, "store");
}

/** An upgrade that nothing disturbed, in memory. */
async function undisturbed(): Promise<Awaited<ReturnType<typeof contents>>> {
  const folder = temporary();
  await make({ folder });
  return contents({ folder });
}

describe.skipIf(notBuilt)("an upgrade killed in the middle, at several places", { timeout: 120_000 }, () => {
  async function expectWhole(where: Where): Promise<void> {
    await make(where);
    // Statements are counted with the lock and the list of steps that are done.
    for (const after of [5, 13, 26]) await killed(where, after);
    const whole = await contents(where);
    expect(whole.steps).toEqual(s.migrations.map(({ name }) => name));
    expect(whole.judgements).toBe(300);
    expect(whole).toEqual(await undisturbed());
  }

  it("leaves an embedded store that opens whole", () => expectWhole({ folder: temporary() }));

  const noServer = whyNoPostgres();
  if (noServer !== undefined) process.stderr.write(`skipped: ${noServer}\n`);
  it.skipIf(noServer !== undefined)("leaves a store on PostgreSQL that opens whole", async () => {
    const server = await startPostgres();
    cleanUp.push(() => server.stop());
    await expectWhole({ url: server.url });
  });
});
