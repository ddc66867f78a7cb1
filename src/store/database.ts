/**
 * Opens the database: PGlite on a folder or in memory, or a PostgreSQL server, behind one interface. Knows SQL only as text that
 * it passes on.
 */
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SQL } from "drizzle-orm";
import { asFault, hideSecrets } from "./faults.js";
import { lockFolder } from "./folder-lock.js";

export interface Connection {
  /** Runs a statement and gives its rows. Times come as text. */
  rows<R extends object>(query: SQL): Promise<R[]>;
}

export interface Database extends Connection {
  kind: "pglite" | "postgres";
  /** Throws `network` while the server is gone (the next call tries again) and `io` when the disk is full. */
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

interface Drizzle {
  execute(query: SQL): Promise<unknown>;
  transaction<T>(work: (tx: Pick<Drizzle, "execute">) => Promise<T>): Promise<T>;
}

/** Opens it as it is; `prepare` is run once, before anybody else has it, and closes it again when it fails. */
export async function openDatabase(
  options: OpenOptions,
  prepare: (database: Database) => Promise<void>,
): Promise<Database> {
  return options.url === undefined
    ? openEmbedded(options.folder, prepare)
    : openServer({ ...options, url: options.url }, prepare);
}

/** One interface over both drivers. Faults name `where` the database is. */
function wrap(
  db: Drizzle,
  o: { kind: Database["kind"]; where: string; close: () => Promise<void> },
): Database {
  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (cause) {
      throw asFault(cause, o.where);
    }
  };
  const connect = (place: Pick<Drizzle, "execute">): Connection => ({
    rows: <R extends object>(query: SQL) =>
      guarded(async () => ((await place.execute(query)) as { rows: R[] }).rows),
  });
  return {
    ...connect(db),
    kind: o.kind,
    transaction: (work) => guarded(() => db.transaction((tx) => work(connect(tx)))),
    close: o.close,
  };
}

async function prepared(
  database: Database,
  prepare: (database: Database) => Promise<void>,
): Promise<Database> {
  try {
    await prepare(database);
    return database;
  } catch (cause) {
    await database.close().catch(() => undefined);
    throw cause;
  }
}

/** Throws `io` when another process has the folder open. */
async function openEmbedded(
  folder: string | undefined,
  prepare: (database: Database) => Promise<void>,
): Promise<Database> {
  const [{ PGlite }, { drizzle }] = await Promise.all([
    import("@electric-sql/pglite"),
    import("drizzle-orm/pglite"),
  ]);
  if (folder === undefined) {
    const client = await PGlite.create();
    return prepared(
      wrap(drizzle(client), { kind: "pglite", where: "store", close: () => client.close() }),
      prepare,
    );
  }
  mkdirSync(folder, { recursive: true });
  const release = lockFolder(folder);
  try {
    // A first start that did not come to its end has stored nothing for anybody, and may have left half a database: begin anew.
    const [data, unfinished] = [join(folder, "data"), join(folder, "unfinished")];
    if (existsSync(unfinished)) rmSync(data, { recursive: true, force: true });
    if (!existsSync(data)) writeFileSync(unfinished, "");
    const client = await PGlite.create({ dataDir: data });
    const close = async (): Promise<void> => {
      await client.close().finally(release);
    };
    const database = await prepared(wrap(drizzle(client), { kind: "pglite", where: folder, close }), prepare);
    rmSync(unfinished, { force: true });
    return database;
  } catch (cause) {
    release();
    throw asFault(cause, folder);
  }
}

/** Throws `network` when the server does not answer. */
async function openServer(
  { url, connections = 16 }: OpenOptions & { url: string },
  prepare: (database: Database) => Promise<void>,
): Promise<Database> {
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
  return prepared(
    wrap(drizzle(pool), { kind: "postgres", where: hideSecrets(url), close: () => pool.end() }),
    prepare,
  );
}
