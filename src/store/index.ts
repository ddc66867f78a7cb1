/**
 * The store: projects, items, leases, judgements in PostgreSQL (embedded or a server). Judgements are only added to; every query
 * names its project. Times ISO 8601 text, active time in milliseconds.
 */
import { openDatabase, type OpenOptions } from "./database.js";
import type { Store } from "./context.js";

export type { Store } from "./context.js";
export type { Connection, Database, OpenOptions } from "./database.js";
export { categoryOf, type StoredAnswer } from "./category.js";
export * from "./projects.js";
export * from "./people.js";
export * from "./items.js";
export {
  expireLeases,
  heartbeat,
  releaseLease,
  takeNext,
  type Lease,
  type NextOptions,
  type Purpose,
} from "./leases.js";
export {
  adjudicate,
  revise,
  submit,
  type Stored,
  type SubmitOptions,
  type SubmitResult,
} from "./judgements.js";
export { addJudgements, isDecided, type Added } from "./add-judgements.js";
export { recount } from "./recount.js";
export * from "./reading.js";
export { migrations } from "./migrations.js";

/** Opens a store and brings its tables up to date. `now` is the clock, default the machine's. Throws `io`, `network`. */
export async function openStore(
  options: OpenOptions & { now?: () => Date } = {},
): Promise<Store & { close: () => Promise<void> }> {
  const database = await openDatabase(options);
  return { database, now: options.now ?? (() => new Date()), close: () => database.close() };
}
