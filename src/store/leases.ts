/**
 * Leases: one holds one slot of one item for one person and is taken in one statement that locks the item's state, skipping what
 * somebody else is taking; unique indexes refuse a second lease of a slot whatever happens. Knows no HTTP.
 */
import { sql } from "drizzle-orm";
import { timeOf, type Store } from "./context.js";
import { findItem, type ItemRow } from "./items.js";
import { choose, chooseAgain, type Choice, type Done, type NextOptions, type Purpose } from "./next-item.js";
import { ownProgressIn, ownSums, type OwnProgressRow, type OwnSums } from "./own-progress.js";
import { iso, json, newId, sqlState } from "./rows.js";
import { sidesFor } from "./shuffle.js";

export interface Lease {
  id: string;
  item: string;
  purpose: Purpose;
  expires_at: string;
  /** Candidate ids as shown, left to right. */
  shown_order: string[];
  guideline: number | null;
}

/** A lease with its item. */
export interface LeasedItem extends Lease {
  row: ItemRow;
}

/** No lease lasts longer (two days; the longest setting is one): one that ends later was given while the clock stood wrong. */
const longestMs = 2 * 86_400_000;

/** Frees the slots of leases that ran out. One statement; several servers may run it at once, for all lock items in one order. */
export async function expireLeases(store: Store): Promise<void> {
  await store.database.rows(sql`
    with dead as (
      select id from leases where state = 'active' and (expires_at <= ${timeOf(store)} or expires_at > ${timeOf(store, longestMs)})
      for update skip locked),
    gone as (
      update leases l set state = 'expired' from dead where l.id = dead.id
      returning l.project, l.item, (l.slot is not null)::int as held),
    freed as (select project, item, sum(held)::int as n from gone group by 1, 2),
    locked as (
      select s.project, s.item, f.n from freed f join item_states s on s.project = f.project and s.item = f.item
      order by s.project, s.item for update of s)
    update item_states s set load = s.load - l.n from locked l where s.project = l.project and s.item = l.item`);
}

/** When leases were last looked at, by the store's clock. */
const looked = new WeakMap<Store["database"], number>();

/** At most once a second; a clock that has jumped counts as a second. */
async function expireNowAndThen(store: Store): Promise<void> {
  const now = store.now().getTime();
  if (Math.abs(now - (looked.get(store.database) ?? Number.NEGATIVE_INFINITY)) < 1000) return;
  looked.set(store.database, now);
  await expireLeases(store);
}

/** The item that this person holds, or a new one; undefined when there is none for them now. `standing`: where it is known already. */
export async function takeNext(
  store: Store,
  options: NextOptions & { standing?: Standing },
): Promise<LeasedItem | undefined> {
  let known = options.standing;
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const standing = known ?? (await standingOf(store, options));
    known = undefined;
    const { held, last } = standing;
    if (held !== null) return { ...leaseOf(held), row: await itemOf(store, { ...options, item: held.item }) };
    const choice =
      (attempt === 0 && last !== null
        ? await chooseAgain(store, { ...options, standing, last })
        : undefined) ?? (await choose(store, { ...options, standing }));
    if (choice === undefined) return undefined;
    try {
      const row = await itemOf(store, { ...options, item: choice.item });
      const lease = await grant(store, { ...options, choice, row });
      if (lease !== undefined) return { ...lease, row };
    } catch (cause) {
      // 23505: the slot or this person's lease was taken between choosing and taking: choose again.
      if (sqlState(cause) !== "23505") throw cause;
    }
  }
  return undefined;
}

const columns = sql`id, item, purpose, expires_at, shown_order, guideline`;
const leaseOf = (row: Lease): Lease => ({ ...row, expires_at: iso(row.expires_at) });

/** What this person holds (it lasts on from now), has done, and may be given. */
export interface Standing extends Done {
  held: Lease | null;
  /** The newest lease, where it was given back or ran out and has no answer. */
  last: string | null;
  own: OwnProgressRow;
}

export async function standingOf(
  store: Store,
  o: { project: string; annotator: string; leaseSeconds: number },
): Promise<Standing> {
  await expireNowAndThen(store);
  const [row] = await store.database.rows<
    OwnSums & { held: Lease | null; last: { id: string; state: string } | null } & Pick<Done, "groups">
  >(sql`
    with held as (
      update leases set expires_at = ${timeOf(store, o.leaseSeconds * 1000)}
      where project = ${o.project} and annotator = ${o.annotator} and state = 'active' returning ${columns})
    select (select to_jsonb(held) from held) as held, (select groups from annotators where id = ${o.annotator}) as groups,
      (select jsonb_build_object('id', id, 'state', state) from leases where project = ${o.project} and annotator = ${o.annotator}
        order by granted_at desc limit 1) as last, ${ownSums(o)}`);
  const { held, groups, sums, last } = row!;
  return {
    task: 0,
    gold: 0,
    repeat: 0,
    practice: 0,
    ...sums,
    groups,
    held,
    last: last !== null && ["released", "expired"].includes(last.state) ? last.id : null,
    own: ownProgressIn(row!),
  };
}

const itemOf = async (store: Store, o: { project: string; item: string }): Promise<ItemRow> =>
  (await findItem(store, o))!;

/** The row is found by its key alone, and only then looked at: by its load, whole projects were looked through. */
async function grant(
  store: Store,
  o: NextOptions & { choice: Choice; row: ItemRow },
): Promise<Lease | undefined> {
  const { item, purpose, probability, policy } = o.choice;
  const { seed, shuffle } = sidesFor(`${o.project}\u0000${o.annotator}\u0000${item}`);
  const shown = o.choice.shown ?? shuffle(o.row.candidates.map(({ id }) => id));
  const counts = purpose === "task";
  const [row] = await store.database.rows<Lease>(sql`
    with found as (
      select project, item, load, adjudicated from item_states
      where project = ${o.project} and item = ${item} for update skip locked),
    taken as (
      update item_states s set load = s.load + ${counts ? 1 : 0} from found
      where s.project = found.project and s.item = found.item
        ${counts ? sql`and found.load < ${o.overlap} and found.adjudicated is null` : sql``} returning s.item)
    insert into leases (id, project, item, slot, annotator, purpose, state, granted_at, expires_at, shown_order, seed, policy,
      probability, guideline, task_version)
    select ${newId("l")}, ${o.project}, item, ${
      counts
        ? sql`(select min(n) from (select 0 as n union all select l.slot + 1 from leases l where l.project = ${o.project}
        and l.item = ${item} and l.state in ('active', 'done')) free where not exists (select from leases l
        where l.project = ${o.project} and l.item = ${item} and l.state in ('active', 'done') and l.slot = n))`
        : sql`null::int`
    }, ${o.annotator}, ${purpose}, 'active', ${timeOf(store)}::timestamptz,
      ${timeOf(store, o.leaseSeconds * 1000)}::timestamptz, ${json(shown)}, ${seed}::bigint, ${policy},
      ${probability}::double precision, (select max(version) from guidelines where project = ${o.project}),
      (select task_version from projects where id = ${o.project})
    from taken returning ${columns}`);
  return row && leaseOf(row);
}

/** Makes a lease last on from now; undefined when it is gone. */
export async function heartbeat(
  store: Store,
  o: { project: string; annotator: string; lease: string; leaseSeconds: number },
): Promise<string | undefined> {
  const [row] = await store.database.rows<{ expires_at: string }>(sql`
    update leases set expires_at = ${timeOf(store, o.leaseSeconds * 1000)} where id = ${o.lease} and project = ${o.project}
      and annotator = ${o.annotator} and state = 'active' and expires_at > ${timeOf(store)} returning expires_at`);
  return row && iso(row.expires_at);
}

/** Gives the item back; false when there was no such lease. */
export async function releaseLease(
  store: Store,
  o: { project: string; annotator: string; lease: string },
): Promise<boolean> {
  const rows = await store.database.rows(sql`
    with gone as (
      update leases set state = 'released' where id = ${o.lease} and project = ${o.project} and annotator = ${o.annotator}
        and state = 'active' returning project, item, (slot is not null)::int as held)
    update item_states s set load = s.load - g.held from gone g where s.project = g.project and s.item = g.item returning s.item`);
  return rows.length > 0;
}
