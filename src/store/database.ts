/**
 * Opens the database: PGlite on a folder or in memory, or a PostgreSQL server, behind one interface; brings the tables up to
 * date. Knows SQL only as text that it passes on.
 */
import { mkdirSync } from "node:fs";
import { sql, type SQL } from "drizzle-orm";
import { AttuneError } from "../errors.js";
import { lockFolder } from "./folder-lock.js";
import { migrations } from "./migrations.js";

export interface Connection {
  /** Runs a statement and gives its rows. Times come as text. */
  rows<R extends object>(query: SQL): Promise<R[]>;
}

export interface Database extends Connection {
  kind: "pglite" | "postgres";
  transaction<T>(work: (connection: Connection) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface OpenOptions {
  /** `postgres://…` of a server; wins over `folder`. */
  url?: string;
  /** Folder of the embedded database; without it and without `url` it is in memory. */
  folder?: string;
  /** Connections to a server at most; default 16. */
  connections?: number;
}

interface Executes {
  execute(query: SQL): Promise<unknown>;
}
const connect = (db: Executes): Connection => ({
  rows: async <R extends object>(query: SQL) => ((await db.execute(query)) as { rows: R[] }).rows,
});

/** Opens and migrates. Throws `io` when the folder is held by another process, `network` when the server does not answer. */
export async function openDatabase(options: OpenOptions = {}): Promise<Database> {
  const database = options.url === undefined ? await openEmbedded(options.folder) : await openServer(options);
  try {
    await migrate(database);
  } catch (cause) {
    await database.close().catch(() => undefined);
    if (cause instanceof AttuneError || options.url === undefined) throw cause;
    throw new AttuneError("network", {
      where: hideSecrets(options.url),
      expected: "a PostgreSQL server that answers",
      got: reason(cause),
      fix: "check DATABASE_URL and that the server runs",
      cause,
    });
  }
  return database;
}

const hideSecrets = (url: string): string => url.replace(/\/\/[^@/]*@/, "//…@").replace(/\?.*$/, "");
const reason = (cause: unknown): string => {
  const inner = (cause as { cause?: unknown }).cause ?? cause;
  return inner instanceof Error ? inner.message || String((inner as { code?: string }).code) : String(inner);
};

async function openEmbedded(folder: string | undefined): Promise<Database> {
  if (folder !== undefined) mkdirSync(folder, { recursive: true });
  const release = folder === undefined ? () => undefined : lockFolder(folder);
  try {
    const [{ PGlite }, { drizzle }] = await Promise.all([
      import("@electric-sql/pglite"),
      import("drizzle-orm/pglite"),
    ]);
    const client = await PGlite.create(folder === undefined ? {} : { dataDir: `${folder}/data` });
    const db = drizzle(client);
    return {
      ...connect(db),
      kind: "pglite",
      transaction: (work) => db.transaction((tx) => work(connect(tx))),
      close: async () => {
        await client.close();
        release();
      },
    };
  } catch (cause) {
    release();
    throw cause;
  }
}

async function openServer({ url, connections = 16 }: OpenOptions): Promise<Database> {
  const [pg, { drizzle }] = await Promise.all([import("pg"), import("drizzle-orm/node-postgres")]);
  const pool = new pg.default.Pool({
    connectionString: url,
    max: connections,
    connectionTimeoutMillis: 5000,
    // A statement that hangs is an error to its caller, not a connection lost for ever.
    statement_timeout: 60_000,
  });
  // A connection that breaks while idle is replaced by the pool; without a listener it would end the process.
  pool.on("error", () => undefined);
  const db = drizzle(pool);
  return {
    ...connect(db),
    kind: "postgres",
    transaction: (work) => db.transaction((tx) => work(connect(tx))),
    close: () => pool.end(),
  };
}

/** Runs what is missing; each step is whole or not at all, and two servers starting at once wait for each other. */
async function migrate(database: Database): Promise<void> {
  await database.transaction(async (tx) => {
    await tx.rows(sql`select pg_advisory_xact_lock(4714)`);
    await tx.rows(
      sql`create table if not exists migrations (name text primary key, at timestamptz not null default now())`,
    );
    const done = new Set(
      (await tx.rows<{ name: string }>(sql`select name from migrations`)).map((row) => row.name),
    );
    const known = new Set(migrations.map(({ name }) => name));
    const foreign = [...done].find((name) => !known.has(name));
    if (foreign !== undefined) {
      throw new AttuneError("io", {
        where: "store",
        expected: "a store of this version or an older one",
        got: `step ${foreign} of a newer one`,
        fix: "update attune",
      });
    }
    for (const { name, sql: text } of migrations.filter((step) => !done.has(step.name))) {
      // Prepared statements take one command each; comments would hide what follows them in one line.
      const commands = text.replace(/^--.*$/gm, "").split(";");
      for (const command of commands) if (command.trim() !== "") await tx.rows(sql.raw(command));
      await tx.rows(sql`insert into migrations (name) values (${name})`);
    }
  });
}
