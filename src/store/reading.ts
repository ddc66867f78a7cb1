/** What pages and exports read of single judgements and items: histories, queues, pieces of everything. Sums are in sums.ts. */
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
  task_version: number | null;
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
  j.seed::text as seed, j.policy, j.probability, j.guideline, j.task_version, j.purpose, j.revision_of, j.active_ms, j.layout, j.late,
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
  /** Share of pairs of judgements that differ, 0 to 1. */
  disagreement: number;
  adjudicated: { by: string; at: string; answer: StoredAnswer; reason: string | null } | null;
}

const stateColumns = sql`item, seq::text as seq, valid, tally, disagreement, adjudicated`;

/** Items to look at again: those on which people differ, most first, or those that somebody skipped; or all, as they came. */
export function reviewQueue(
  store: Store,
  o: { project: string; which: "disagreement" | "flagged" | "all"; limit: number; offset: number },
): Promise<ItemState[]> {
  const queue = {
    disagreement: sql`and adjudicated is null and disagreement > 0 order by disagreement desc, item_states.seq`,
    flagged: sql`and adjudicated is null and flagged > 0 order by item_states.seq`,
    all: sql`order by item_states.seq`,
  }[o.which];
  return store.database.rows<ItemState>(sql`
    select ${stateColumns} from item_states where project = ${o.project} ${queue} limit ${o.limit} offset ${o.offset}`);
}

export async function stateOf(
  store: Store,
  o: { project: string; item: string },
): Promise<ItemState | undefined> {
  const [row] = await store.database.rows<ItemState>(sql`
    select ${stateColumns} from item_states where project = ${o.project} and item = ${o.item}`);
  return row;
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
  selection: { policy: string; prob: number } | null;
  /** Where items were chosen actively: what it counts for in an estimate over all items (active-draws.ts). */
  weight?: number;
  /** Answers in force. */
  answers: { annotator: string; answer: StoredAnswer; category: string; probability: number | null }[];
}

/** A piece of the items with their answers in force, for exports that stream. */
export const itemsAfter = (
  store: Store,
  o: { project: string; after: string; limit: number },
): Promise<ExportedItem[]> =>
  store.database.rows<ExportedItem>(sql`
    select i.id, s.seq::text as seq, i.role, i.prompt, i.tools, i.gold, i.item_group, i.selection, s.uncertainty, s.valid, s.tally, s.adjudicated,
      (select jsonb_agg(jsonb_strip_nulls(jsonb_build_object('id', c.id, 'source', c.source, 'meta', c.meta))
        || jsonb_build_object('messages', c.messages) order by c.position)
        from candidates c where c.project = i.project and c.item = i.id) as candidates,
      coalesce((select jsonb_agg(jsonb_build_object('annotator', j.annotator, 'answer', j.answer, 'category', j.category,
        'probability', j.probability) order by j.seq)
        from currents u join judgements j on j.id = u.judgement
        where u.project = i.project and u.item = i.id and not u.repeat), '[]') as answers
    from item_states s join items i on i.project = s.project and i.id = s.item
    where s.project = ${o.project} and s.seq > ${o.after}::bigint order by s.seq limit ${o.limit}`);
