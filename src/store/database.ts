/**
 * Opens the database: PGlite on a folder or in memory, or a PostgreSQL server, behind one interface. Knows SQL only as text that
 * it passes on.
 */
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { PGlite } from "@electric-sql/pglite";
import type { SQL } from "drizzle-orm";
import { PgDialect } from "drizzle-orm/pg-core";
import type { Pool, PoolClient } from "pg";
import { asFault, hideSecrets } from "./faults.js";
import { lockFolder } from "./folder-lock.js";
import { sqlState } from "./rows.js";
import { emptyStore, unpackEmptyStore } from "./template.js";

export interface Connection {
  /** Runs a statement and gives its rows. Times come as text. */
  rows<R extends object>(query: SQL): Promise<R[]>;
}

export interface Database extends Connection {
  kind: "pglite" | "postgres";
  /**
   * Throws `network` while the server is gone (the next call tries again) and `io` when the disk is full. What the database gives up to
   * break a deadlock is run again, `work` too, unless it can be run but `once`. `unhurried`: its statements may take as long as they do.
   */
  transaction<T>(
    work: (connection: Connection) => Promise<T>,
    options?: { once?: boolean; unhurried?: boolean },
  ): Promise<T>;
  close(): Promise<void>;
}

export interface OpenOptions {
  /** `postgres://…` of a server; wins over `folder`. */
  url?: string;
  /** Folder of the embedded database; without it and without `url` it is in memory. */
  folder?: string;
  /** Connections to a server at most; default 16. */
  connections?: number;
  /**
   * Milliseconds that a statement may take on a server; default 24,000: below the 30 s for which the page waits. A server that has not
   * even said so a sixth later hangs: that connection is given up.
   */
  patience?: number;
}

/** A statement as the driver takes it. */
type Query = (text: string, params: unknown[]) => Promise<{ rows: object[] }>;

interface Driver {
  query: Query;
  transaction<T>(work: (query: Query) => Promise<T>, options: { unhurried: boolean }): Promise<T>;
}

const dialect = new PgDialect();

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
  driver: Driver,
  o: { kind: Database["kind"]; where: string; close: () => Promise<void> },
): Database {
  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (cause) {
      throw asFault(cause, o.where);
    }
  };
  const connect = (query: Query): Connection => ({
    rows: <R extends object>(statement: SQL) =>
      guarded(async () => {
        const { sql: text, params } = dialect.sqlToQuery(statement);
        return (await query(text, params)).rows as R[];
      }),
  });
  const alone = connect((text, params) => driver.query(text, params));
  return {
    rows: <R extends object>(statement: SQL) => untilNoRaceIsLost(() => alone.rows<R>(statement)),
    kind: o.kind,
    transaction(work, { once = false, unhurried = false } = {}) {
      const whole = () => guarded(() => driver.transaction((query) => work(connect(query)), { unhurried }));
      return once ? whole() : untilNoRaceIsLost(whole);
    },
    close: o.close,
  };
}

/** Deadlock, and a row that changed under a transaction which may not see that: all of it was undone, and it may be begun anew. */
const lostRace = new Set(["40P01", "40001"]);

async function untilNoRaceIsLost<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (cause) {
      if (attempt > 5 || !lostRace.has(sqlState(cause) ?? "")) throw cause;
      await sleep(Math.random() * 20 * attempt);
    }
  }
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
  if (folder === undefined) {
    const { PGlite } = await import("@electric-sql/pglite");
    const client = await PGlite.create(fromTemplate());
    return prepared(
      wrap(await embeddedDriver(client), { kind: "pglite", where: "store", close: () => client.close() }),
      prepare,
    );
  }
  mkdirSync(folder, { recursive: true });
  const release = lockFolder(folder);
  try {
    // A first start that did not come to its end has stored nothing for anybody, and may have left half a database: begin anew.
    const [data, unfinished] = [join(folder, "data"), join(folder, "unfinished")];
    if (existsSync(unfinished)) rmSync(data, { recursive: true, force: true });
    const fresh = !existsSync(data);
    if (fresh) writeFileSync(unfinished, "");
    const [{ PGlite }] = await Promise.all([
      import("@electric-sql/pglite"),
      fresh ? unpackEmptyStore(data) : undefined,
    ]);
    const client = await PGlite.create({ dataDir: data });
    const close = async (): Promise<void> => {
      await client.close().finally(release);
    };
    const database = await prepared(
      wrap(await embeddedDriver(client), { kind: "pglite", where: folder, close }),
      prepare,
    );
    rmSync(unfinished, { force: true });
    return database;
  } catch (cause) {
    release();
    throw asFault(cause, folder);
  }
}

function fromTemplate(): { loadDataDir?: Blob } {
  const template = emptyStore();
  return template === undefined ? {} : { loadDataDir: new Blob([template], { type: "application/x-gzip" }) };
}

/** Throws `network` when the server does not answer. */
async function openServer(
  { url, connections = 16, patience = 24_000 }: OpenOptions & { url: string },
  prepare: (database: Database) => Promise<void>,
): Promise<Database> {
  const { default: pg } = await import("pg");
  const pool = new pg.Pool({
    connectionString: url,
    max: connections,
    // A transaction's first statement is sent behind its beginning, without waiting for that to be answered.
    pipeline: true,
    connectionTimeoutMillis: 5000,
    // A statement that hangs is an error to its caller, not a connection lost for ever.
    statement_timeout: patience,
    types: { getTypeParser: (type, as) => (type === timestamptz ? asIs : pg.types.getTypeParser(type, as)) },
  });
  // A connection that breaks while idle is replaced by the pool; without a listener it would end the process.
  pool.on("error", () => undefined);
  return prepared(
    wrap(serverDriver(pool, { silence: Math.ceil(patience * (7 / 6)) }), {
      kind: "postgres",
      where: hideSecrets(url),
      // A server that hangs does not say goodbye.
      close: () => Promise.race([pool.end(), sleep(5000, undefined, { ref: false })]),
    }),
    prepare,
  );
}

/** Times stay the text that the database gives. */
const timestamptz = 1184;
const asIs = (value: string): string => value;

async function embeddedDriver(client: PGlite): Promise<Driver> {
  // Nothing analyses its tables, and a plan outlives the few rows that it was made for: an index, where there is one.
  await client.exec("set enable_seqscan = off");
  // Inside and outside of transactions statements have names of their own: each of the two runs in the order of its calls.
  const [alone, inside] = [preparing("alone"), preparing("inside")];
  return {
    query: alone(client),
    transaction: (work) => client.transaction((tx) => work(inside(tx))),
  };
}

/** Statements of the embedded database, planned once: its planner takes longer than most of them. By SQL, for its driver has no names. */
function preparing(prefix: string): (place: Pick<PGlite, "exec" | "query">) => Query {
  const names = new Map<string, string>();
  let count = 0;
  const parsers = { parsers: { [timestamptz]: asIs } };
  return (place) => async (text, params) => {
    if (params.length === 0) return place.query<object>(text, [], parsers);
    const known = names.get(text);
    const name = known ?? `${prefix}_${(count += 1)}`;
    names.set(text, name);
    const prepare = known === undefined ? `prepare ${name} as ${text};` : "";
    try {
      const results = await place.exec(
        `${prepare}execute ${name}(${params.map(literal).join(",")})`,
        parsers,
      );
      return results.at(-1)! as { rows: object[] };
    } catch (cause) {
      // Class 42 and 26: it could not be prepared, and is tried anew the next time. Else it could, and failed in its work.
      if (known === undefined && /^(42|26)/.test(sqlState(cause) ?? "")) names.delete(text);
      throw cause;
    }
  };
}

/** A value as a constant without a type; backslashes mean nothing in it (`standard_conforming_strings`). */
const literal = (value: unknown): string =>
  value === null || value === undefined ? "null" : `'${String(value).replaceAll("'", "''")}'`;

/** After `silence` milliseconds without an answer a connection is given up, and what waited for it fails. */
function serverDriver(pool: Pool, { silence }: { silence: number }): Driver {
  // Statements have names, so that each connection parses and plans one but once. Those without parameters are not run often.
  const names = new Map<string, string>();
  const named = (text: string): string => {
    const name = names.get(text) ?? `attune_${names.size}`;
    names.set(text, name);
    return name;
  };
  const hurried = { query_timeout: silence };
  const queryOn =
    (place: Pick<PoolClient, "query">, limit: { query_timeout?: number }): Query =>
    (text, values) =>
      place.query<object>(
        values.length === 0 ? { text, ...limit } : { name: named(text), text, values, ...limit },
      );
  return {
    query: queryOn(pool, hurried),
    async transaction(work, { unhurried }) {
      const client = await pool.connect();
      let broken = false;
      // The statement under way fails by itself; unheard, the connection's own word of it would end the process.
      const breaks = (): void => void (broken = true);
      client.on("error", breaks);
      const query = queryOn(client, unhurried ? {} : hurried);
      const opening = unhurried ? ["begin", "set local statement_timeout = 0"] : ["begin"];
      try {
        // Sent before the work's first statement, without waiting for it to be answered.
        const begun = opening.map((text) => query(text, []));
        const [result] = await Promise.all([work(query), ...begun]);
        await query("commit", []);
        return result;
      } catch (cause) {
        await queryOn(client, hurried)("rollback", []).catch(breaks);
        throw cause;
      } finally {
        client.release(broken);
        client.off("error", breaks);
      }
    },
  };
}
