/**
 * The store: projects, items, leases, judgements in PostgreSQL (embedded or a server). Judgements are only added to; every query
 * names its project. Times ISO 8601 text, active time in milliseconds.
 */
import { randomBytes } from "node:crypto";
import { createRandom } from "../util/random.js";
import { openDatabase, type OpenOptions } from "./database.js";
import type { Store } from "./context.js";
import { migrate } from "./migrate.js";

export type { Store } from "./context.js";
export type { Connection, Database, OpenOptions } from "./database.js";
export { categoryOf, type StoredAnswer } from "./category.js";
export {
  addGuideline,
  changeProject,
  createProject,
  findProject,
  listGuidelines,
  listProjects,
  type GuidelineRow,
  type ProjectRow,
} from "./projects.js";
export * from "./people.js";
export * from "./joining.js";
export { ownProgressOf, whyNothing, type OwnProgressRow } from "./own-progress.js";
export { acknowledgeDelivery, postponeDelivery, takeDeliveries, type Delivery } from "./deliveries.js";
export * from "./items.js";
export {
  expireLeases,
  heartbeat,
  releaseLease,
  standingOf,
  takeNext,
  type Lease,
  type LeasedItem,
} from "./leases.js";
export type { NextOptions, Purpose } from "./next-item.js";
export {
  adjudicate,
  revise,
  submit,
  type Stored,
  type SubmitOptions,
  type SubmitResult,
} from "./judgements.js";
export { addJudgements, isDecided, type Added } from "./add-judgements.js";
export { activeDraws, type WeightedItem } from "./active-draws.js";
export { recount } from "./recount.js";
export * from "./reading.js";
export * from "./sums.js";
export { backup, restore, type BackupSummary } from "./backup.js";
export { openDatabase } from "./database.js";
export { migrations } from "./migrations.js";
export * from "./export/index.js";

export interface StoreOptions extends OpenOptions {
  /** The clock; default the machine's. */
  now?: () => Date;
  /** What draws of items start from; default another one each time. */
  seed?: number;
}

/** Opens a store and brings its tables up to date. Throws `io`, `network`. */
export async function openStore(options: StoreOptions = {}): Promise<Store & { close: () => Promise<void> }> {
  const database = await openDatabase(options, migrate);
  const random = createRandom(options.seed ?? randomBytes(4).readUInt32LE(), { stream: "items" });
  return {
    database,
    now: options.now ?? (() => new Date()),
    random: () => random.uniform(),
    close: () => database.close(),
  };
}
