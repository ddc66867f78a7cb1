/** What every query is given: the database and the time. Knows no table. */
import type { Connection, Database } from "./database.js";

export interface Store {
  database: Database;
  /** The time that is written down and that leases run by; tests make it jump. */
  now: () => Date;
  /** Uniform in [0, 1): what chance decides. Tests give it a seed. */
  random: () => number;
}

/** A place to run statements: the database, or a transaction of it. */
export type Place = Connection;

/** The time as text for a statement. */
export const timeOf = (store: Store, plusMs = 0): string =>
  new Date(store.now().getTime() + plusMs).toISOString();
