/** Brings tables up to date: runs the steps of migrations.ts that a database has not had, each whole or not at all. */
import { sql } from "drizzle-orm";
import { AttuneError } from "../errors.js";
import type { Connection, Database } from "./database.js";
import { migrations } from "./migrations.js";

/** Which steps a database has had. */
export const createMigrations = sql`
  create table if not exists migrations (name text primary key, at timestamptz not null default now())`;

/** All that is missing, in one transaction: killed in the middle, nothing has happened. Two that start at once wait for each other. */
export const migrate = (database: Database): Promise<void> =>
  database.transaction(
    async (tx) => {
      await tx.rows(sql`select pg_advisory_xact_lock(4714)`);
      await tx.rows(createMigrations);
      const done = await tx.rows<{ name: string }>(sql`select name from migrations`);
      requireKnown(
        done.map(({ name }) => name),
        "store",
      );
      const names = new Set(done.map(({ name }) => name));
      await runSteps(
        tx,
        migrations.filter(({ name }) => !names.has(name)).map(({ name }) => name),
      );
    },
    { unhurried: true },
  );

/** Throws `io` for a step that this version does not know. */
export function requireKnown(names: readonly string[], where: string): void {
  const known = new Set(migrations.map(({ name }) => name));
  const foreign = names.find((name) => !known.has(name));
  if (foreign === undefined) return;
  throw new AttuneError("io", {
    where,
    expected: "one of this version or an older one",
    got: `step ${foreign} of a newer one`,
    fix: "update attune",
  });
}

/** Runs the named steps, in their order. */
export async function runSteps(tx: Connection, names: readonly string[]): Promise<void> {
  for (const { name, sql: text } of migrations.filter((step) => names.includes(step.name))) {
    // Prepared statements take one command each; comments would hide what follows them in one line.
    const commands = text.replace(/^--.*$/gm, "").split(";");
    for (const command of commands) if (command.trim() !== "") await tx.rows(sql.raw(command));
    await tx.rows(sql`insert into migrations (name) values (${name})`);
  }
}
