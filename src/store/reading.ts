/** What pages and exports read: histories, queues, sums. Sums come from tallies, so a page does not depend on how much was judged. */
import { sql, type SQL } from "drizzle-orm";
import type { Candidate, Message, Outcome, ToolSchema } from "../records/index.js";
import type { StoredAnswer } from "./category.js";
import type { Store } from "./context.js";
import { iso } from "./rows.js";

export interface JudgementRow {
  id: string;
  seq: string;
  item: string;
  annotator: string;
  annotator_kind: "human" | "model" | "rule";
  answer: StoredAnswer;
  category: string;
  shown_order: string[];
  seed: string | null;
  policy: string | null;
  probability: number | null;
  guideline: number | null;
  purpose: string;
  revision_of: string | null;
  replaced: boolean;
  active_ms: number | null;
  layout: string | null;
  late: boolean;
  started_at: string | null;
  submitted_at: string;
  excerpt: string;
}

const judgementColumns = sql`j.id, j.seq::text as seq, j.item, j.annotator, j.annotator_kind, j.answer, j.category, j.shown_order,
  j.seed::text as seed, j.policy, j.probability, j.guideline, j.purpose, j.revision_of, j.active_ms, j.layout, j.late,
  j.started_at, j.submitted_at, i.excerpt, exists (select from judgements r where r.revision_of = j.id) as replaced`;

async function judgements(store: Store, rest: SQL): Promise<JudgementRow[]> {
  const rows = await store.database.rows<JudgementRow>(sql`
    select ${judgementColumns} from judgements j join items i on i.project = j.project and i.id = j.item ${rest}`);
  return rows.map((row) => ({
    ...row,
    submitted_at: iso(row.submitted_at),
    started_at: row.started_at === null ? null : iso(row.started_at),
  }));
}

const beyond = (after: string | undefined): SQL =>
  /^\d{1,18}$/.test(after ?? "") ? sql`and j.seq < ${after}::bigint` : sql``;

/** One person's judgements, newest first; `after` is the `seq` of the last one seen. */
export const historyOf = (
  store: Store,
  o: { project: string; annotator: string; limit: number; after?: string },
): Promise<JudgementRow[]> =>
  judgements(
    store,
    sql`where j.project = ${o.project} and j.annotator = ${o.annotator} ${beyond(o.after)} order by j.seq desc limit ${o.limit}`,
  );

export async function findJudgement(
  store: Store,
  o: { project: string; id: string },
): Promise<JudgementRow | undefined> {
  const [row] = await judgements(store, sql`where j.project = ${o.project} and j.id = ${o.id}`);
  return row;
}

/** The judgements in force on an item. */
export const judgementsOf = (store: Store, o: { project: string; item: string }): Promise<JudgementRow[]> =>
  judgements(
    store,
    sql`where j.project = ${o.project} and j.item = ${o.item}
      and not exists (select from judgements r where r.revision_of = j.id) order by j.seq`,
  );

/** A piece of every judgement, oldest first, for exports that stream. */
export const judgementsAfter = (
  store: Store,
  o: { project: string; after: string; limit: number },
): Promise<JudgementRow[]> =>
  judgements(
    store,
    sql`where j.project = ${o.project} and j.seq > ${o.after}::bigint order by j.seq limit ${o.limit}`,
  );

export interface ItemState {
  item: string;
  seq: string;
  valid: number;
  tally: Record<string, number>;
  adjudicated: { by: string; at: string; answer: StoredAnswer; reason: string | null } | null;
}

/** Items to look at again: those on which people differ, or those that somebody skipped, in order of their number. */
export function reviewQueue(
  store: Store,
  o: { project: string; which: "disagreement" | "flagged" | "all"; limit: number; offset: number },
): Promise<ItemState[]> {
  const differing = sql`(select count(*) from jsonb_each_text(s.tally) t where t.value::int > 0)`;
  const where =
    o.which === "disagreement"
      ? sql`and s.adjudicated is null and s.valid > 1 and ${differing} > 1`
      : o.which === "flagged"
        ? sql`and s.adjudicated is null and s.flagged > 0`
        : sql``;
  return store.database.rows<ItemState>(sql`
    select s.item, s.seq::text as seq, s.valid, s.tally, s.adjudicated from item_states s
    where s.project = ${o.project} ${where}
    order by (select max(t.value::int) from jsonb_each_text(s.tally) t)::double precision / greatest(s.valid, 1), s.seq
    limit ${o.limit} offset ${o.offset}`);
}

export async function stateOf(
  store: Store,
  o: { project: string; item: string },
): Promise<ItemState | undefined> {
  const [row] = await store.database.rows<ItemState>(sql`
    select item, seq::text as seq, valid, tally, adjudicated from item_states where project = ${o.project} and item = ${o.item}`);
  return row;
}

export interface Pattern {
  tally: Record<string, number>;
  items: number;
}

/** How many items have each tally. */
export const patterns = (store: Store, project: string): Promise<Pattern[]> =>
  store.database.rows<Pattern>(sql`
    select tally, count(*)::int as items from item_states where project = ${project} and role = 'task' and valid > 0 group by tally`);

export interface PersonSums {
  annotator: string;
  role: string;
  quota: number | null;
  disabled: boolean;
  last_at: string | null;
  sums: Record<string, number>;
}

export async function peopleSums(store: Store, project: string): Promise<PersonSums[]> {
  const rows = await store.database.rows<PersonSums>(sql`
    select a.id as annotator, a.role, a.quota, a.disabled,
      (select max(submitted_at) from judgements j where j.project = ${project} and j.annotator = a.id
        and j.seq = (select max(seq) from judgements k where k.project = ${project} and k.annotator = a.id)) as last_at,
      coalesce((select jsonb_object_agg(s.name, s.n) from sums s where s.project = ${project} and s.annotator = a.id), '{}') as sums
    from annotators a where a.project = ${project} or (a.project is null and exists (
      select from sums s where s.project = ${project} and s.annotator = a.id)) order by a.created_at, a.id`);
  return rows.map((row) => ({ ...row, last_at: row.last_at === null ? null : iso(row.last_at) }));
}

export async function sumsOf(
  store: Store,
  o: { project: string; annotator: string },
): Promise<Record<string, number>> {
  const rows = await store.database.rows<{ name: string; n: number }>(
    sql`select name, n from sums where project = ${o.project} and annotator = ${o.annotator}`,
  );
  return Object.fromEntries(rows.map(({ name, n }) => [name, n]));
}

export interface Duel {
  first: string;
  second: string;
  first_wins: number;
  second_wins: number;
  ties: number;
}
export const duels = (store: Store, project: string): Promise<Duel[]> =>
  store.database.rows<Duel>(sql`
    select first, second, sum(first_wins) as first_wins, sum(second_wins) as second_wins, sum(ties) as ties
    from duels where project = ${project} group by first, second order by first, second`);

export interface ProgressRow {
  items: number;
  complete: number;
  judgements: number;
  wanted: number;
  annotators: number;
  leases: number;
  practice: number;
}
export async function progressOf(
  store: Store,
  o: { project: string; overlap: number },
): Promise<ProgressRow> {
  const [row] = await store.database.rows<ProgressRow>(sql`
    select count(*) filter (where role = 'task')::int as items,
      count(*) filter (where role = 'practice')::int as practice,
      count(*) filter (where role = 'task' and (valid >= ${o.overlap} or adjudicated is not null))::int as complete,
      coalesce(sum(valid) filter (where role = 'task'), 0)::int as judgements,
      coalesce(sum(greatest(${o.overlap} - valid, 0)) filter (where role = 'task' and adjudicated is null), 0)::int as wanted,
      (select count(*)::int from annotators where project = ${o.project}) as annotators,
      (select count(*)::int from leases where project = ${o.project} and state = 'active') as leases
    from item_states where project = ${o.project}`);
  return row!;
}

export interface ExportedItem {
  id: string;
  seq: string;
  role: string;
  prompt: Message[];
  tools: ToolSchema[] | null;
  gold: Outcome | null;
  candidates: Candidate[];
  valid: number;
  tally: Record<string, number>;
  adjudicated: ItemState["adjudicated"];
  item_group: string | null;
  uncertainty: number | null;
  /** Answers in force. */
  answers: { annotator: string; answer: StoredAnswer; category: string; probability: number | null }[];
}

/** A piece of the items with their answers in force, for exports that stream. */
export const itemsAfter = (
  store: Store,
  o: { project: string; after: string; limit: number },
): Promise<ExportedItem[]> =>
  store.database.rows<ExportedItem>(sql`
    select i.id, s.seq::text as seq, i.role, i.prompt, i.tools, i.gold, i.item_group, s.uncertainty, s.valid, s.tally, s.adjudicated,
      (select jsonb_agg(jsonb_strip_nulls(jsonb_build_object('id', c.id, 'source', c.source, 'meta', c.meta))
        || jsonb_build_object('messages', c.messages) order by c.position)
        from candidates c where c.project = i.project and c.item = i.id) as candidates,
      coalesce((select jsonb_agg(jsonb_build_object('annotator', j.annotator, 'answer', j.answer, 'category', j.category,
        'probability', j.probability) order by j.seq)
        from currents u join judgements j on j.id = u.judgement
        where u.project = i.project and u.item = i.id and not u.repeat), '[]') as answers
    from item_states s join items i on i.project = s.project and i.id = s.item
    where s.project = ${o.project} and s.seq > ${o.after}::bigint order by s.seq limit ${o.limit}`);
