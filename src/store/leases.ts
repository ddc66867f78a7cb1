/**
 * Who judges what next. A lease holds one slot of one item for one person and is taken in one statement that locks the item's
 * state, skipping what somebody else is taking; unique indexes refuse a second lease of a slot whatever happens. Knows no HTTP.
 */
import { sql } from "drizzle-orm";
import { sidesFor } from "./shuffle.js";
import { timeOf, type Store } from "./context.js";
import type { ItemRole } from "./items.js";
import { iso, json, newId, sqlState } from "./rows.js";

export type Purpose = "task" | "gold" | "practice" | "repeat";
export interface Lease {
  id: string;
  item: string;
  purpose: Purpose;
  expires_at: string;
  /** Candidate ids as shown, left to right. */
  shown_order: string[];
  guideline: number | null;
}

export interface NextOptions {
  project: string;
  annotator: string;
  overlap: number;
  leaseSeconds: number;
  policy: "least-judged" | "active";
  goldEvery: number;
  repeatEvery: number;
  repeatGap: number;
  practice: number;
}

/** How many of the least judged items are drawn from: chance spreads people over items, and saves them from waiting. */
const pool = 64;

interface Choice {
  item: string;
  purpose: Purpose;
  probability: number;
  policy: string;
  shown?: string[];
}

/** Frees the slots of leases that ran out. One statement; several servers may run it at once. */
export async function expireLeases(store: Store): Promise<void> {
  await store.database.rows(sql`
    with dead as (
      select id from leases where state = 'active' and expires_at <= ${timeOf(store)} for update skip locked),
    gone as (
      update leases l set state = 'expired' from dead where l.id = dead.id
      returning l.project, l.item, (l.slot is not null)::int as held)
    update item_states s set load = s.load - g.n
    from (select project, item, sum(held)::int as n from gone group by 1, 2) g
    where s.project = g.project and s.item = g.item`);
}

/** The item that this person holds, or a new one; undefined when there is none for them now. */
export async function takeNext(store: Store, options: NextOptions): Promise<Lease | undefined> {
  await expireLeases(store);
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const held = await activeLease(store, options);
    if (held !== undefined) return held;
    const choice = await choose(store, options);
    if (choice === undefined) return undefined;
    try {
      const lease = await grant(store, { ...options, choice });
      if (lease !== undefined) return lease;
    } catch (cause) {
      // 23505: the slot or this person's lease was taken between choosing and taking: choose again.
      if (sqlState(cause) !== "23505") throw cause;
    }
  }
  return undefined;
}

const columns = sql`id, item, purpose, expires_at, shown_order, guideline`;
const leaseOf = (row: Lease): Lease => ({ ...row, expires_at: iso(row.expires_at) });

async function activeLease(store: Store, o: NextOptions): Promise<Lease | undefined> {
  const [row] = await store.database.rows<Lease>(sql`
    update leases set expires_at = ${timeOf(store, o.leaseSeconds * 1000)}
    where project = ${o.project} and annotator = ${o.annotator} and state = 'active' returning ${columns}`);
  return row && leaseOf(row);
}

async function choose(store: Store, o: NextOptions): Promise<Choice | undefined> {
  const [sums] = await store.database.rows<{
    n: number;
    practice: number;
    gold: number;
    repeats: number;
  }>(sql`
    select coalesce(sum(n) filter (where name = 'task'), 0)::int as n,
      coalesce(sum(n) filter (where name = 'practice'), 0)::int as practice,
      coalesce(sum(n) filter (where name = 'gold'), 0)::int as gold,
      coalesce(sum(n) filter (where name = 'repeat'), 0)::int as repeats
    from sums where project = ${o.project} and annotator = ${o.annotator}`);
  const { n, practice, gold, repeats } = sums!;
  if (practice < o.practice) {
    const item = await unseen(store, { ...o, role: "practice" });
    if (item !== undefined) return { item, purpose: "practice", probability: 1, policy: "practice" };
  }
  if (o.goldEvery > 0 && Math.floor(n / o.goldEvery) > gold) {
    const item = await unseen(store, { ...o, role: "gold" });
    if (item !== undefined) return { item, purpose: "gold", probability: 1, policy: "gold" };
  }
  if (o.repeatEvery > 0 && Math.floor(n / o.repeatEvery) > repeats) {
    const repeat = await repeatable(store, o);
    if (repeat !== undefined) return { ...repeat, purpose: "repeat", probability: 1, policy: "repeat" };
  }
  return chooseTask(store, o);
}

/** A gold or practice item that this person has not had. */
async function unseen(store: Store, o: NextOptions & { role: ItemRole }): Promise<string | undefined> {
  const [row] = await store.database.rows<{ item: string }>(sql`
    select s.item from item_states s where s.project = ${o.project} and s.role = ${o.role} and not exists (
      select from currents c where c.project = s.project and c.item = s.item and c.annotator = ${o.annotator})
    order by s.seq limit 1`);
  return row?.item;
}

/** An item judged long enough ago, to be shown once more the other way round. */
async function repeatable(
  store: Store,
  o: NextOptions,
): Promise<{ item: string; shown: string[] } | undefined> {
  const [row] = await store.database.rows<{ item: string; shown: string[] }>(sql`
    select j.item, j.shown_order as shown from judgements j
    where j.project = ${o.project} and j.annotator = ${o.annotator} and j.purpose = 'task' and j.revision_of is null
      and j.category <> 'skip' and (select count(*) from judgements k where k.project = j.project
        and k.annotator = j.annotator and k.seq > j.seq) >= ${o.repeatGap}
      and not exists (select from currents c where c.project = j.project and c.item = j.item
        and c.annotator = j.annotator and c.repeat)
    order by j.seq limit 1`);
  return row && { item: row.item, shown: row.shown.toReversed() };
}

async function chooseTask(store: Store, o: NextOptions): Promise<Choice | undefined> {
  const order =
    o.policy === "active" ? sql`s.uncertainty desc nulls last, s.load, s.seq` : sql`s.load, s.seq`;
  const rows = await store.database.rows<{ item: string; load: number; uncertainty: number | null }>(sql`
    select s.item, s.load, s.uncertainty from item_states s
    where s.project = ${o.project} and s.role = 'task' and s.load < ${o.overlap} and s.adjudicated is null
      and not exists (select from currents c where c.project = s.project and c.item = s.item and c.annotator = ${o.annotator})
    order by ${order} limit ${pool}`);
  if (rows.length === 0) return undefined;
  const least = rows[0]!.load;
  const drawn = o.policy === "active" ? rows : rows.filter((row) => row.load === least);
  // A floor under the weights keeps every probability away from 0, so that estimates can be weighted by its inverse.
  const weights = drawn.map((row) => (o.policy === "active" ? (row.uncertainty ?? 0) + 0.01 : 1));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let left = Math.random() * total;
  let place = 0;
  while (place < drawn.length - 1 && left >= weights[place]!) left -= weights[place++]!;
  return {
    item: drawn[place]!.item,
    purpose: "task",
    probability: weights[place]! / total,
    policy: o.policy,
  };
}

async function grant(store: Store, o: NextOptions & { choice: Choice }): Promise<Lease | undefined> {
  const { item, purpose, probability, policy } = o.choice;
  const { seed, shuffle } = sidesFor(`${o.project}\u0000${o.annotator}\u0000${item}`);
  let shown = o.choice.shown;
  if (shown === undefined) {
    const ids = await store.database.rows<{ id: string }>(
      sql`select id from candidates where project = ${o.project} and item = ${item} order by position`,
    );
    shown = shuffle(ids.map(({ id }) => id));
  }
  const counts = purpose === "task";
  const [row] = await store.database.rows<Lease>(sql`
    with free as (
      select s.project, s.item from item_states s where s.project = ${o.project} and s.item = ${item}
        ${counts ? sql`and s.load < ${o.overlap} and s.adjudicated is null` : sql``} for update skip locked),
    taken as (
      update item_states s set load = s.load + ${counts ? 1 : 0} from free
      where s.project = free.project and s.item = free.item returning s.item)
    insert into leases (id, project, item, slot, annotator, purpose, state, granted_at, expires_at, shown_order, seed, policy,
      probability, guideline)
    select ${newId("l")}, ${o.project}, item, ${
      counts
        ? sql`(select min(n) from generate_series(0, ${o.overlap} + 99) n where not exists (select from leases l
        where l.project = ${o.project} and l.item = ${item} and l.state in ('active', 'done') and l.slot = n))`
        : sql`null::int`
    }, ${o.annotator}, ${purpose}, 'active', ${timeOf(store)}::timestamptz,
      ${timeOf(store, o.leaseSeconds * 1000)}::timestamptz, ${json(shown)}, ${seed}::bigint, ${policy},
      ${probability}::double precision, (select max(version) from guidelines where project = ${o.project})
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
