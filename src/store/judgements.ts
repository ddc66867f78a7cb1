/**
 * Taking answers: a judgement is inserted and everything that is counted from it is changed in the same transaction, so what was
 * acknowledged is whole, and a retry with the same key finds it. Judgements are never changed. Knows no HTTP.
 */
import { sql, type SQL } from "drizzle-orm";
import type { Outcome } from "../records/index.js";
import { categoryOf, type StoredAnswer } from "./category.js";
import { timeOf, type Place, type Store } from "./context.js";
import { queueDelivery } from "./deliveries.js";
import type { Purpose } from "./next-item.js";
import { ownProgressIn, ownSums, type OwnProgressRow, type OwnSums } from "./own-progress.js";
import { json, newId, sqlState } from "./rows.js";
import {
  answered,
  countingOf,
  disagreement,
  expectedOf,
  moved,
  patternMove,
  sumChanges,
  total,
  type Counted,
  type Tally,
} from "./tallies.js";

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
  /** How far the person is with it. */
  own: OwnProgressRow;
}

/** `unknown`: no such lease (or judgement) of this person. `conflict`: it has been answered (or replaced) already. */
export type SubmitResult = Stored | "unknown" | "conflict";

/** What an answer is about: how the item was shown to this person, and where the item stands (locked until the end). */
interface Origin {
  item: string;
  purpose: Purpose;
  shown_order: string[];
  seed: string;
  policy: string;
  probability: number;
  guideline: number | null;
  task_version: number | null;
  candidates: { id: string; model: string | null }[];
  gold: Outcome | null;
  tally: Tally;
  decided: boolean;
}

/**
 * The origin of what is `given` (a select of a lease, or of a judgement that is revised), with `more` columns of it (`g`). It and the
 * item's state are locked. Step by step, so that every plan goes from the one row to the item by its key: a join looked through whole
 * projects before the tables were first analysed.
 */
const originOf = ({ given, more }: { given: SQL; more: SQL }): SQL => sql`
  select g.item, g.purpose, g.shown_order, g.seed::text as seed, g.policy, g.probability, g.guideline, g.task_version, i.gold, s.tally,
    s.adjudicated is not null as decided, (select jsonb_agg(jsonb_build_object('id', c.id, 'model', c.source ->> 'model') order by c.position)
      from candidates c where c.project = g.project and c.item = g.item) as candidates, ${more}
  from (${given} for update) g,
    lateral (select * from item_states where project = g.project and item = g.item for update) s,
    lateral (select gold from items where project = g.project and id = g.item limit 1) i`;

/** Runs again what met its own double (23505: the same key, or another answer of this person to the item): it is found then. */
async function atomically<T>(store: Store, work: (tx: Place, again: boolean) => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await store.database.transaction((tx) => work(tx, attempt > 0));
    } catch (cause) {
      if (attempt >= 5 || sqlState(cause) !== "23505") throw cause;
    }
  }
}

/** The answer that already counts for a person on an item. */
interface Earlier {
  judgement: string;
  category: string;
}

/**
 * An answer under a lease. An expired lease's answer is kept and marked late. Who had the item twice (the first lease ran out, its
 * answer came all the same) still has one vote: what comes last takes the place of what came before, as a revision does.
 */
export function submit(store: Store, o: SubmitOptions & { lease: string }): Promise<SubmitResult> {
  return atomically(store, async (tx, again) => {
    const [lease] = await tx.rows<
      Origin & { state: string; over: boolean; started: string; earlier: Earlier | null }
    >(
      originOf({
        given: sql`select * from leases where id = ${o.lease} and project = ${o.project} and annotator = ${o.annotator}`,
        more: sql`g.state, g.granted_at as started, g.expires_at <= ${timeOf(store)}::timestamptz as over,
          (select jsonb_build_object('judgement', c.judgement, 'category', c.category) from currents c where c.project = g.project
            and c.item = g.item and c.annotator = g.annotator and c.repeat = (g.purpose = 'repeat')) as earlier`,
      }),
    );
    if (lease === undefined) return "unknown";
    const over = lease.state === "done" || lease.state === "answered";
    // A key that was used with another lease breaks the index when it is written, and is looked up then.
    const known = over || again ? await replay(tx, { ...o, origin: lease }) : undefined;
    if (known !== undefined) return known.lease === o.lease ? known : "conflict";
    if (over) return "conflict";
    const active = lease.state === "active";
    return record(tx, store, {
      ...o,
      origin: lease,
      answer: o.answer(lease.shown_order),
      ...(lease.earlier && { revisionOf: lease.earlier.judgement, replaces: lease.earlier.category }),
      late: !active || lease.over,
      held: active,
      started: lease.started,
    });
  });
}

/** A new answer in place of one of this person's own. */
export function revise(store: Store, o: SubmitOptions & { judgement: string }): Promise<SubmitResult> {
  return atomically(store, async (tx) => {
    const [old] = await tx.rows<Origin & { category: string }>(
      originOf({
        given: sql`select * from judgements where id = ${o.judgement} and project = ${o.project} and annotator = ${o.annotator}`,
        more: sql`g.category`,
      }),
    );
    if (old === undefined) return "unknown";
    const known = await replay(tx, { ...o, origin: old });
    if (known !== undefined) return known;
    const replaced = await tx.rows(sql`select 1 as one from judgements where revision_of = ${o.judgement}`);
    if (replaced.length > 0) return "conflict";
    return record(tx, store, {
      ...o,
      origin: old,
      answer: o.answer(old.shown_order),
      revisionOf: o.judgement,
      replaces: old.category,
      late: false,
    });
  });
}

async function replay(
  tx: Place,
  o: SubmitOptions & { origin: Origin },
): Promise<(Stored & { lease: string | null }) | undefined> {
  const [found] = await tx.rows<
    Omit<Stored, "replayed" | "expected" | "own"> & OwnSums & { lease: string | null }
  >(sql`
    select j.id as judgement, j.late, j.purpose, j.category, j.item, j.lease, s.valid, ${ownSums(o)}
    from judgements j join item_states s on s.project = j.project and s.item = j.item
    where j.project = ${o.project} and j.annotator = ${o.annotator} and j.key = ${o.key}`);
  if (found === undefined) return undefined;
  const { sums, practiceItems, ...row } = found;
  const own = ownProgressIn({ sums, practiceItems });
  return { ...row, replayed: true, expected: expectedOf(o.origin), own };
}

interface Recording extends Omit<SubmitOptions, "answer"> {
  origin: Origin;
  answer: StoredAnswer;
  lease?: string;
  /** Whether the lease still held its slot. */
  held?: boolean;
  revisionOf?: string;
  replaces?: string;
  late: boolean;
  started?: string;
}

async function record(tx: Place, store: Store, o: Recording): Promise<Stored> {
  const { origin, answer } = o;
  const { item, purpose } = origin;
  const category = categoryOf(
    answer,
    origin.candidates.map(({ id }) => id),
  );
  const counted: Counted = {
    ...origin,
    project: o.project,
    annotator: o.annotator,
    category,
    replaces: o.replaces,
    late: o.late,
    active_ms: o.active_ms,
  };
  const counts = purpose === "task";
  const [is, was] = [answered(category), answered(o.replaces)];
  const tally = counts ? moved(origin.tally, counted) : origin.tally;
  // An answer takes the slot that its lease held, or that of the answer it replaces; a skip gives it back; a late one takes what it lost.
  const load = Number(is) - Number(was) - Number(o.held ?? false);
  const leaseState = counts && is && o.held ? "done" : "answered";
  const id = newId("j");
  const moves = counts && is !== was ? true : counts && is && category !== o.replaces;
  const [own] = await tx.rows<OwnSums>(sql`
    with judged as (
      insert into judgements (id, key, project, item, annotator, lease, purpose, revision_of, category, answer, shown_order, seed,
        policy, probability, guideline, task_version, active_ms, layout, late, started_at, submitted_at)
      values (${id}, ${o.key}, ${o.project}, ${item}, ${o.annotator}, ${o.lease ?? null}, ${purpose}, ${o.revisionOf ?? null},
        ${category}, ${json(answer)}, ${json(origin.shown_order)}, ${origin.seed}::bigint, ${origin.policy}, ${origin.probability},
        ${origin.guideline}, ${origin.task_version}, ${o.active_ms ?? null}, ${o.layout ?? null}, ${o.late}, ${o.started ?? null},
        ${timeOf(store)})),
    leased as (update leases set state = ${leaseState} where id = ${o.lease ?? null}),
    state as (
      update item_states set load = load + ${load}, valid = ${total(tally)}, tally = ${json(tally)},
        disagreement = ${disagreement(tally)}, flagged = flagged + ${Number(!is) - Number(o.replaces === "skip")}
      where ${counts} and project = ${o.project} and item = ${item}),
    current as (
      insert into currents (project, item, annotator, repeat, judgement, category)
      values (${o.project}, ${item}, ${o.annotator}, ${purpose === "repeat"}, ${id}, ${category})
      ${o.revisionOf === undefined ? sql`` : sql`on conflict (project, item, annotator, repeat) do update set judgement = excluded.judgement, category = excluded.category`})
    ${countingOf(counted)}
    ${
      moves
        ? sql`, patterned as (${patternMove({
            ...counted,
            from: { adjudicated: origin.decided, tally: origin.tally },
            to: { adjudicated: origin.decided, tally },
          })})`
        : sql``
    }
    select ${ownSums(o)}`);
  const valid = total(tally);
  if (counts && valid === o.tellAt && valid > total(origin.tally)) {
    await tellComplete(tx, store, { ...o, item, judgements: valid, decided: origin.decided });
  }
  return {
    judgement: id,
    late: o.late,
    replayed: false,
    purpose,
    category,
    expected: expectedOf(counted),
    item,
    valid,
    own: ownProgressIn(own!, sumChanges(counted)),
  };
}

/** Owed once for each item, by whatever completes it first. */
const tellComplete = (
  tx: Place,
  store: Store,
  {
    project,
    item,
    judgements,
    decided,
  }: { project: string; item: string; judgements: number; decided: boolean },
): Promise<void> =>
  queueDelivery(tx, {
    store,
    id: `${project}/${item}/complete`,
    project,
    event: { event: "item.complete", project, item, judgements, decided },
  });

/**
 * Decides an item; false when there is none. What was decided before stays in the table. An item that has fewer than `tellAt`
 * judgements is completed by its first decision.
 */
export function adjudicate(
  store: Store,
  o: {
    project: string;
    item: string;
    annotator: string;
    answer: StoredAnswer;
    reason?: string;
    tellAt?: number;
  },
): Promise<boolean> {
  const decided = { by: o.annotator, at: timeOf(store), answer: o.answer, reason: o.reason ?? null };
  return store.database.transaction(async (tx) => {
    const [state] = await tx.rows<{ tally: Tally; role: string; first: boolean }>(sql`
      select tally, role, adjudicated is null as first from item_states where project = ${o.project} and item = ${o.item} for update`);
    if (state === undefined) return false;
    const { tally } = state;
    await tx.rows(sql`
      with state as (
        update item_states set adjudicated = ${json(decided)} where project = ${o.project} and item = ${o.item}),
      written as (
        insert into adjudications (project, item, annotator, answer, reason, created_at)
        values (${o.project}, ${o.item}, ${o.annotator}, ${json(o.answer)}, ${o.reason ?? null}, ${timeOf(store)}))
      ${
        state.first && state.role === "task"
          ? patternMove({ ...o, from: { adjudicated: false, tally }, to: { adjudicated: true, tally } })
          : sql`select 1 as one`
      }`);
    if (state.first && state.role === "task" && total(tally) < (o.tellAt ?? 0))
      await tellComplete(tx, store, { ...o, judgements: total(tally), decided: true });
    return true;
  });
}
