/**
 * Everything a store holds as lines of JSON, and back. The first line says what it is, the last how many rows of each table and
 * the SHA-256 of all lines before it. Rows are worded by the database from one snapshot, in the order of their keys, so that the
 * same store gives the same bytes on PGlite and PostgreSQL. Knows no file.
 */
import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { sql } from "drizzle-orm";
import { z } from "zod";
import { AttuneError } from "../errors.js";
import type { Connection, Database } from "./database.js";
import { createMigrations, migrate, requireKnown, runSteps } from "./migrate.js";

const format = "attune-backup-1";
/** Characters in memory at once, about. A fetch starts small and doubles while its rows are. */
const pieceSize = 4_000_000;

/** The tables in an order in which what is referred to comes first, each with its key. */
const tables: readonly { name: string; key: string; since?: string }[] = [
  { name: "projects", key: "id" },
  { name: "guidelines", key: "project, version" },
  { name: "items", key: "project, id" },
  { name: "candidates", key: "project, item, position" },
  { name: "item_states", key: "project, item" },
  { name: "annotators", key: "id" },
  { name: "invitations", key: "id" },
  { name: "sessions", key: "token_hash" },
  { name: "leases", key: "id" },
  { name: "judgements", key: "seq" },
  { name: "currents", key: "project, item, annotator, repeat" },
  { name: "sums", key: "project, annotator, name" },
  { name: "duels", key: "project, annotator, first, second" },
  { name: "patterns", key: "project, annotator, adjudicated, tally", since: "0002-sums-that-pages-read" },
  { name: "pairings", key: "project, annotator, other", since: "0002-sums-that-pages-read" },
  { name: "adjudications", key: "seq" },
  { name: "deliveries", key: "id" },
];

/** Those that a store with these steps has. */
const tablesAfter = (steps: readonly string[]): { name: string; key: string }[] =>
  tables.filter(({ since }) => since === undefined || steps.includes(since));

export interface BackupSummary {
  /** Rows by table. */
  rows: Record<string, number>;
  sha256: string;
}

/** Lines, each with its end. The store may be used meanwhile. */
export const backup = (database: Database, write: (text: string) => Promise<void>): Promise<BackupSummary> =>
  database.transaction(
    async (tx) => {
      await tx.rows(sql`set transaction isolation level repeatable read, read only`);
      return dump(tx, write);
    },
    { once: true, unhurried: true },
  );

async function dump(tx: Connection, write: (text: string) => Promise<void>): Promise<BackupSummary> {
  const hash = createHash("sha256");
  const put = async (lines: string): Promise<void> => {
    hash.update(lines);
    await write(lines);
  };
  const rows: Record<string, number> = {};
  await tx.rows(sql`set local timezone = 'UTC'`);
  const done = await tx.rows<{ name: string }>(sql`select name from migrations order by name`);
  const steps = done.map(({ name }) => name);
  await put(`${JSON.stringify({ format, steps })}\n`);
  for (const table of tablesAfter(steps)) {
    rows[table.name] = 0;
    for await (const texts of rowTexts(tx, table)) {
      rows[table.name]! += texts.length;
      await put(texts.map((text) => `["${table.name}",${text}]\n`).join(""));
    }
  }
  const sha256 = hash.digest("hex");
  await write(`${JSON.stringify({ end: format, rows, sha256 })}\n`);
  return { rows, sha256 };
}

/** Text keys are ordered by their bytes: databases differ in how they sort letters. */
async function* rowTexts(
  tx: Connection,
  { name, key }: { name: string; key: string },
): AsyncGenerator<string[]> {
  const columns = await tx.rows<{ name: string }>(sql`
    select column_name as name from information_schema.columns
    where table_schema = current_schema() and table_name = ${name} and data_type = 'text'`);
  const texts = new Set(columns.map((column) => column.name));
  const order = key.split(", ").map((column) => (texts.has(column) ? `${column} collate "C"` : column));
  await tx.rows(
    sql.raw(
      `declare backup no scroll cursor for select to_jsonb(t)::text as row from ${name} t order by ${order.join(", ")}`,
    ),
  );
  for (let count = 16; ;) {
    const rows = await tx.rows<{ row: string }>(sql.raw(`fetch ${count} from backup`));
    if (rows.length > 0) yield rows.map(({ row }) => row);
    if (rows.length < count) break;
    const size = rows.reduce((sum, { row }) => sum + row.length, 0);
    count = Math.max(
      1,
      Math.min(size * 2 < pieceSize ? count * 2 : Math.floor((count * pieceSize) / size), 4096),
    );
  }
  await tx.rows(sql`close backup`);
}

const Header = z.strictObject({ format: z.literal(format), steps: z.array(z.string()) });
const End = z.strictObject({
  end: z.literal(format),
  rows: z.record(z.string(), z.number()),
  sha256: z.string(),
});

/**
 * Fills a database from the lines of a backup: all of it, verified, or nothing. Tables are made as they were when it was written
 * and then brought up to date. Throws `io` when the store holds something and `replace` is not set, `data` for a damaged file.
 */
export async function restore(
  database: Database,
  lines: AsyncIterable<string>,
  { replace = false, where }: { replace?: boolean; where: string },
): Promise<BackupSummary> {
  const fill = async (tx: Connection): Promise<BackupSummary> => {
    await tx.rows(sql`select pg_advisory_xact_lock(4714)`);
    if (!replace) await requireEmpty(tx);
    for (const { name } of [...tables.toReversed(), { name: "migrations" }])
      await tx.rows(sql.raw(`drop table if exists ${name}`));
    const said = await load(tx, lines, where);
    for (const name of ["item_states", "judgements", "adjudications"]) {
      await tx.rows(
        sql.raw(
          `select setval(pg_get_serial_sequence('${name}', 'seq'), coalesce(max(seq), 1), max(seq) is not null) from ${name}`,
        ),
      );
    }
    // What is in the tables now is written out again: the same bytes, or nothing is kept.
    const now = await dump(tx, () => Promise.resolve());
    if (now.sha256 !== said.sha256) throw damaged(where, "rows that read as they were written", "others");
    return now;
  };
  const summary = await database.transaction(fill, { once: true, unhurried: true });
  await migrate(database);
  return summary;
}

async function requireEmpty(tx: Connection): Promise<void> {
  const [row] = await tx.rows<{ there: boolean }>(sql`select to_regclass('projects') is not null as there`);
  if (!row!.there) return;
  const [held] = await tx.rows<{ projects: number; judgements: number }>(sql`
    select (select count(*)::int from projects) as projects, (select count(*)::int from judgements) as judgements`);
  if (held!.projects === 0) return;
  throw new AttuneError("io", {
    where: "store",
    expected: "an empty store",
    got: `one with ${held!.projects} projects and ${held!.judgements} judgements`,
    fix: "name an empty one, or give --replace to lose what it holds",
  });
}

/** Reads every line into its table; gives what the last line says. */
async function load(
  tx: Connection,
  lines: AsyncIterable<string>,
  where: string,
): Promise<z.infer<typeof End>> {
  const hash = createHash("sha256");
  const rows: Record<string, number> = {};
  let waiting: string[] = [];
  let size = 0;
  let table = "";
  const flush = async (): Promise<void> => {
    if (waiting.length > 0) await insert(tx, table, waiting);
    [waiting, size] = [[], 0];
  };
  let number = 0;
  let end: z.infer<typeof End> | undefined;
  for await (const line of lines) {
    number += 1;
    const at = `${where}:${number}`;
    if (end !== undefined) throw damaged(at, "nothing after the last line", "more");
    const value = parse(line, at);
    if (number === 1) {
      const header = Header.safeParse(value);
      if (!header.success) throw damaged(at, "a backup made by attune backup", line.slice(0, 80));
      requireKnown(header.data.steps, where);
      await tx.rows(createMigrations);
      await runSteps(tx, header.data.steps);
      for (const { name } of tablesAfter(header.data.steps)) rows[name] = 0;
    } else if (Array.isArray(value)) {
      const name = String(value[0]);
      if (!Object.hasOwn(rows, name)) throw damaged(at, "a row of a known table", name);
      if (name !== table || size > pieceSize || waiting.length >= 1000) await flush();
      table = name;
      // The row as it stands in the file: numbers keep every digit.
      waiting.push(line.slice(line.indexOf(",") + 1, -1));
      size += line.length;
      rows[name]! += 1;
    } else {
      end = End.safeParse(value).data;
      if (end === undefined) throw damaged(at, "a row", line.slice(0, 80));
      continue;
    }
    hash.update(`${line}\n`);
  }
  await flush();
  if (end === undefined)
    throw damaged(`${where}:${number}`, "a last line with counts", "a file that was cut off");
  if (hash.digest("hex") !== end.sha256 || !isDeepStrictEqual(rows, end.rows))
    throw damaged(where, "the rows that its last line counts", "others");
  return end;
}

function parse(line: string, where: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw damaged(where, "a line of JSON", JSON.stringify(line.slice(0, 80)));
  }
}

const damaged = (where: string, expected: string, got: string): AttuneError =>
  new AttuneError("data", { where, expected, got, fix: "take another backup; nothing was changed" });

const insert = (tx: Connection, table: string, rows: readonly string[]): Promise<object[]> =>
  tx.rows(sql`insert into ${sql.identifier(table)} overriding system value
    select * from jsonb_populate_recordset(null::${sql.identifier(table)}, ${`[${rows.join(",")}]`}::jsonb)`);
