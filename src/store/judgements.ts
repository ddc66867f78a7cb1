/**
 * Taking answers: a judgement is inserted and everything that is counted from it is changed in the same transaction, so what was
 * acknowledged is whole, and a retry with the same key finds it. Judgements are never changed. Knows no HTTP.
 */
import { sql } from "drizzle-orm";
import type { Outcome } from "../records/index.js";
import { categoryOf, type StoredAnswer } from "./category.js";
import { timeOf, type Place, type Store } from "./context.js";
import { queueDelivery } from "./deliveries.js";
import type { Purpose } from "./leases.js";
import { json, newId, sqlState } from "./rows.js";

export interface SubmitOptions {
  project: string;
  annotator: string;
  key: string;
  active_ms?: number;
  layout?: string;
  /** Judgements that make the item complete, where somebody is to be told of it. */
  tellAt?: number;
  /** Made from the shown order, once the lease is known; throws for an answer that does not fit the item. */
  answer: (shown: readonly string[]) => StoredAnswer;
}

export interface Stored {
  judgement: string;
  late: boolean;
  replayed: boolean;
  purpose: Purpose;
  category: string;
  /** Category of the right answer, for gold and practice items. */
  expected: string | null;
  item: string;
  /** Judgements that count on the item, this one included. */
  valid: number;
}

/** `unknown`: no such lease (or judgement) of this person. `conflict`: it has been answered (or replaced) already. */
export type SubmitResult = Stored | "unknown" | "conflict";

interface Origin {
  item: string;
  purpose: Purpose;
  shown_order: string[];
  seed: string;
  policy: string;
  probability: number;
  guideline: number | null;
  candidates: { id: string; model: string | null }[];
  gold: Outcome | null;
  tally: Record<string, number>;
}

const originColumns = sql`i.gold, s.tally, (select jsonb_agg(jsonb_build_object('id', c.id, 'model', c.source ->> 'model')
  order by c.position) from candidates c where c.project = i.project and c.item = i.id) as candidates`;

/** Runs again what the database gave up to break a deadlock. */
async function atomically<T>(store: Store, work: (tx: Place) => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await store.database.transaction(work);
    } catch (cause) {
      const state = sqlState(cause) ?? "";
      // 40001 and 40P01: lost a race; 23505: somebody sent the same key at the same moment, and is found the next time.
      if (attempt >= 5 || !["40001", "40P01", "23505"].includes(state)) throw cause;
    }
  }
}

/** An answer under a lease. An expired lease's answer is kept and marked late. */
export function submit(store: Store, o: SubmitOptions & { lease: string }): Promise<SubmitResult> {
  return atomically(store, async (tx) => {
    const [lease] = await tx.rows<Origin & { state: string; over: boolean; started: string }>(sql`
      select l.item, l.purpose, l.shown_order, l.seed::text as seed, l.policy, l.probability, l.guideline, l.state,
        l.granted_at as started, l.expires_at <= ${timeOf(store)}::timestamptz as over, ${originColumns}
      from leases l join items i on i.project = l.project and i.id = l.item
        join item_states s on s.project = l.project and s.item = l.item
      where l.id = ${o.lease} and l.project = ${o.project} and l.annotator = ${o.annotator} for update of l`);
    if (lease === undefined) return "unknown";
    const known = await replay(tx, o);
    if (known !== undefined) return known.lease === o.lease ? known : "conflict";
    if (lease.state === "done" || lease.state === "answered") return "conflict";
    const answer = o.answer(lease.shown_order);
    const active = lease.state === "active";
    return record(tx, store, {
      ...o,
      origin: lease,
      answer,
      lease: o.lease,
      late: !active || lease.over,
      // An answer takes the slot that its lease held; a skip gives it back; a late one takes what it lost.
      load: answer.outcome === undefined ? (active ? -1 : 0) : active ? 0 : 1,
      started: lease.started,
    });
  });
}

/** A new answer in place of one of this person's own. */
export function revise(store: Store, o: SubmitOptions & { judgement: string }): Promise<SubmitResult> {
  return atomically(store, async (tx) => {
    const [old] = await tx.rows<Origin & { category: string }>(sql`
      select j.item, j.purpose, j.shown_order, j.seed::text as seed, j.policy, j.probability, j.guideline, j.category, ${originColumns}
      from judgements j join items i on i.project = j.project and i.id = j.item
        join item_states s on s.project = j.project and s.item = j.item
      where j.id = ${o.judgement} and j.project = ${o.project} and j.annotator = ${o.annotator} for update of j`);
    if (old === undefined) return "unknown";
    const known = await replay(tx, o);
    if (known !== undefined) return known;
    const replaced = await tx.rows(sql`select 1 as one from judgements where revision_of = ${o.judgement}`);
    if (replaced.length > 0) return "conflict";
    const answer = o.answer(old.shown_order);
    const [was, is] = [old.category !== "skip", answer.outcome !== undefined];
    return record(tx, store, {
      ...o,
      origin: old,
      answer,
      revisionOf: o.judgement,
      replaces: old.category,
      late: false,
      load: Number(is) - Number(was),
    });
  });
}

async function replay(tx: Place, o: SubmitOptions): Promise<(Stored & { lease: string | null }) | undefined> {
  const [row] = await tx.rows<Omit<Stored, "replayed"> & { lease: string | null }>(sql`
    select j.id as judgement, j.late, j.purpose, j.category, null as expected, j.item, j.lease, s.valid
    from judgements j join item_states s on s.project = j.project and s.item = j.item
    where j.project = ${o.project} and j.annotator = ${o.annotator} and j.key = ${o.key}`);
  return row && { ...row, replayed: true };
}

interface Recording extends SubmitOptions {
  origin: Origin;
  lease?: string;
  revisionOf?: string;
  replaces?: string;
  late: boolean;
  load: number;
  started?: string;
}

interface Written extends Omit<Recording, "answer"> {
  answer: StoredAnswer;
}

async function record(tx: Place, store: Store, o: Written): Promise<Stored> {
  const { origin, answer } = o;
  const ids = origin.candidates.map(({ id }) => id);
  const category = categoryOf(answer, ids);
  const expected = origin.gold === null ? null : categoryOf({ outcome: origin.gold }, ids);
  const counts = origin.purpose === "task";
  const id = newId("j");
  const [skip, skipped] = [category === "skip", o.replaces === "skip"];
  const valid = counts ? (skip ? 0 : 1) - (o.replaces === undefined || skipped ? 0 : 1) : 0;
  const changes: Record<string, number> = {};
  const add = (name: string, by: number): void => void (changes[name] = (changes[name] ?? 0) + by);
  if (o.replaces === undefined) {
    add(origin.purpose, 1);
    if (o.late) add("late", 1);
    if (o.active_ms !== undefined) {
      add("active_ms", o.active_ms);
      add("timed", 1);
    }
  }
  if (counts) {
    addCategory(add, { category, by: 1, origin });
    if (o.replaces !== undefined) addCategory(add, { category: o.replaces, by: -1, origin });
    else if (!skip) {
      const others = Object.entries(origin.tally);
      add(
        "compared",
        others.reduce((sum, [, n]) => sum + n, 0),
      );
      add("agreed", origin.tally[category] ?? 0);
    }
  }
  if (expected !== null && category === expected) add(`${origin.purpose}_right`, 1);
  if (expected !== null && o.replaces === expected) add(`${origin.purpose}_right`, -1);
  const repeat = origin.purpose === "repeat";
  const states = counts
    ? sql`update item_states set load = load + ${o.load}, valid = valid + ${valid}, flagged = flagged + ${skip && !skipped ? 1 : 0},
        tally = tally ${o.replaces === undefined || skipped ? sql`` : sql`|| jsonb_build_object(${o.replaces}::text, coalesce((tally ->> ${o.replaces}::text)::int, 1) - 1)`}
          ${
            skip
              ? sql``
              : sql`|| jsonb_build_object(${category}::text, coalesce((tally ->> ${category}::text)::int, 0)
            + ${o.replaces === category ? 0 : 1})`
          }
        where project = ${o.project} and item = ${origin.item} returning valid`
    : sql`select valid from item_states where project = ${o.project} and item = ${origin.item}`;
  const [row] = await tx.rows<{ valid: number }>(sql`
    with state as (${states}),
    judged as (
      insert into judgements (id, key, project, item, annotator, lease, purpose, revision_of, category, answer, shown_order, seed,
        policy, probability, guideline, active_ms, layout, late, started_at, submitted_at)
      values (${id}, ${o.key}, ${o.project}, ${origin.item}, ${o.annotator}, ${o.lease ?? null}, ${origin.purpose},
        ${o.revisionOf ?? null}, ${category}, ${json(answer)}, ${json(origin.shown_order)}, ${origin.seed}::bigint, ${origin.policy},
        ${origin.probability}, ${origin.guideline}, ${o.active_ms ?? null}, ${o.layout ?? null}, ${o.late},
        ${o.started ?? null}, ${timeOf(store)})),
    leased as (update leases set state = ${skip || !counts ? "answered" : o.late && o.load > 0 ? "answered" : "done"}
      where id = ${o.lease ?? null}),
    current as (
      insert into currents (project, item, annotator, repeat, judgement, category)
      values (${o.project}, ${origin.item}, ${o.annotator}, ${repeat}, ${id}, ${category})
      on conflict (project, item, annotator, repeat) do update set judgement = excluded.judgement, category = excluded.category),
    summed as (
      insert into sums (project, annotator, name, n)
      select ${o.project}, ${o.annotator}, key, value::double precision from jsonb_each_text(${json(changes)})
      on conflict (project, annotator, name) do update set n = sums.n + excluded.n)
    select valid from state`);
  await addDuel(tx, { ...o, category, by: 1 });
  if (o.replaces !== undefined) await addDuel(tx, { ...o, category: o.replaces, by: -1 });
  if (repeat && !skip) await compareRepeat(tx, { ...o, category });
  if (valid > 0 && row!.valid === o.tellAt) {
    const event = { event: "item.complete", project: o.project, item: origin.item, judgements: row!.valid };
    await queueDelivery(tx, { store, id: `${o.project}/${origin.item}/complete`, project: o.project, event });
  }
  return {
    judgement: id,
    late: o.late,
    replayed: false,
    purpose: origin.purpose,
    category,
    expected,
    item: origin.item,
    valid: row!.valid,
  };
}

function addCategory(
  add: (name: string, by: number) => void,
  { category, by, origin }: { category: string; by: number; origin: Origin },
): void {
  add("judgements", by);
  if (category === "skip") add("skip", by);
  if (category === "tie" || category === "both_bad") add("tie", by);
  const place = category === "first" ? 0 : category === "second" ? 1 : -1;
  const winner = origin.candidates[place]?.id;
  if (winner !== undefined) add(origin.shown_order[0] === winner ? "left" : "right", by);
}

/** Who beat whom, by models; rows of one person are written by that person only. */
async function addDuel(tx: Place, o: Written & { category: string; by: number }): Promise<void> {
  const [a, b] = o.origin.candidates.map(({ model }) => model);
  if (o.origin.purpose !== "task" || o.origin.candidates.length !== 2 || a == null || b == null || a === b)
    return;
  if (!["first", "second", "tie", "both_bad"].includes(o.category)) return;
  const [x, y, z] = [o.category === "first" ? o.by : 0, o.category === "second" ? o.by : 0, 0];
  const tie = x === 0 && y === 0 ? o.by : z;
  await tx.rows(sql`
    insert into duels (project, annotator, first, second, first_wins, second_wins, ties)
    values (${o.project}, ${o.annotator}, ${a}, ${b}, ${x}, ${y}, ${tie})
    on conflict (project, annotator, first, second) do update set first_wins = duels.first_wins + excluded.first_wins,
      second_wins = duels.second_wins + excluded.second_wins, ties = duels.ties + excluded.ties`);
}

async function compareRepeat(tx: Place, o: Written & { category: string }): Promise<void> {
  await tx.rows(sql`
    insert into sums (project, annotator, name, n)
    select ${o.project}, ${o.annotator}, name, 1 from currents c, (values ('repeat_compared', false), ('repeat_same', true)) v(name, same)
    where c.project = ${o.project} and c.item = ${o.origin.item} and c.annotator = ${o.annotator} and not c.repeat
      and c.category <> 'skip' and (not v.same or c.category = ${o.category})
    on conflict (project, annotator, name) do update set n = sums.n + excluded.n`);
}

/** Decides an item; false when there is none. What was decided before stays in the table. */
export async function adjudicate(
  store: Store,
  o: { project: string; item: string; annotator: string; answer: StoredAnswer; reason?: string },
): Promise<boolean> {
  const decided = { by: o.annotator, at: timeOf(store), answer: o.answer, reason: o.reason ?? null };
  const rows = await store.database.rows(sql`
    with state as (
      update item_states set adjudicated = ${json(decided)} where project = ${o.project} and item = ${o.item} returning item)
    insert into adjudications (project, item, annotator, answer, reason, created_at)
    select ${o.project}, item, ${o.annotator}, ${json(o.answer)}, ${o.reason ?? null}::text, ${timeOf(store)}::timestamptz from state returning item`);
  return rows.length > 0;
}
