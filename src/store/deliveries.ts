/**
 * Webhook calls that are owed: written in the transaction that causes them, so that none is lost, and kept until acknowledged. Knows
 * no HTTP and no address.
 */
import { sql } from "drizzle-orm";
import { timeOf, type Place, type Store } from "./context.js";
import { json } from "./rows.js";

export interface Delivery {
  id: string;
  project: string;
  event: Record<string, unknown>;
  /** This one included. */
  attempts: number;
}

/** Owes a call once for each id: an item that is completed twice is told of once. */
export async function queueDelivery(
  place: Place,
  {
    store,
    id,
    project,
    event,
  }: { store: Store; id: string; project: string; event: Record<string, unknown> },
): Promise<void> {
  await place.rows(sql`
    insert into deliveries (id, project, event, next_at)
    values (${id}, ${project}, ${json(event)}, ${timeOf(store)}) on conflict do nothing`);
}

/** Calls that are due, held for `holdMs` so that no other server makes them too; one that dies holding them frees them so. */
export function takeDeliveries(
  store: Store,
  { limit, holdMs }: { limit: number; holdMs: number },
): Promise<Delivery[]> {
  return store.database.rows<Delivery>(sql`
    with due as (
      select id from deliveries where delivered_at is null and next_at <= ${timeOf(store)}
      order by next_at limit ${limit} for update skip locked)
    update deliveries d set attempts = d.attempts + 1, next_at = ${timeOf(store, holdMs)} from due where d.id = due.id
    returning d.id, d.project, d.event, d.attempts`);
}

export async function acknowledgeDelivery(store: Store, id: string): Promise<void> {
  await store.database.rows(
    sql`update deliveries set delivered_at = ${timeOf(store)}, last_error = null where id = ${id}`,
  );
}

/** To be tried again after `afterMs`. */
export async function postponeDelivery(
  store: Store,
  { id, error, afterMs }: { id: string; error: string; afterMs: number },
): Promise<void> {
  await store.database.rows(sql`
    update deliveries set next_at = ${timeOf(store, afterMs)}, last_error = ${error.slice(0, 500)} where id = ${id}`);
}
