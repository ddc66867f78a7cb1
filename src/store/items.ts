/** Items with their candidates: adding, reading, browsing. Knows no judgement beyond its counts. */
import { sql, type SQL } from "drizzle-orm";
import type { Candidate, Message, Outcome, ToolSchema } from "../records/index.js";
import { timeOf, type Store } from "./context.js";

export type ItemRole = "task" | "gold" | "practice";
export interface ItemInput {
  id: string;
  prompt: Message[];
  tools?: ToolSchema[];
  candidates: Candidate[];
  group?: string;
  gold?: Outcome;
  role?: ItemRole;
  uncertainty?: number;
  /** How the item itself was picked, and with what probability. */
  selection?: { policy: string; prob: number };
}
export interface ItemRow {
  id: string;
  role: ItemRole;
  prompt: Message[];
  tools: ToolSchema[] | null;
  gold: Outcome | null;
  /** In the data's own order. */
  candidates: Candidate[];
}

/** The start of a prompt, for lists. */
function excerptOf(prompt: readonly Message[]): string {
  const text = prompt.findLast((message) => message.role === "user")?.content ?? prompt[0]?.content ?? "";
  // PostgreSQL's text cannot hold NUL.
  return text.replaceAll("\u0000", "\uFFFD").replace(/\s+/g, " ").slice(0, 200);
}

/** NUL and half a surrogate pair cannot be stored by PostgreSQL; they are shown as the replacement character, as browsers do. */
export const storable = (value: unknown): string =>
  JSON.stringify(value).replace(/(?<!\\)((?:\\\\)*)\\u(?:0000|d[89a-f][0-9a-f]{2})/g, "$1\\ufffd");

/** Where an item lies on the circle that draws go round (window.ts): spread evenly, and the same wherever the item is added. */
const keyOf = (id: SQL, project: string): SQL =>
  sql`('x' || substr(md5(${project}::text || '/' || ${id}), 1, 13))::bit(52)::bigint / 4503599627370496.0`;

/** Adds what is not there yet; an id that is there is left as it is. One statement for all. */
export async function addItems(
  store: Store,
  { project, items }: { project: string; items: readonly ItemInput[] },
): Promise<{ added: number; present: number }> {
  const rows = items.map((item, place) => ({
    ...item,
    place,
    role: item.role ?? (item.gold === undefined ? "task" : "gold"),
    excerpt: excerptOf(item.prompt),
    candidates: item.candidates.map((candidate, position) => ({ ...candidate, position })),
  }));
  const [result] = await store.database.rows<{ n: number }>(sql`
    with given as (
      select * from jsonb_to_recordset(${storable(rows)}::jsonb) as g(id text, role text, prompt jsonb, tools jsonb, gold jsonb,
        "group" text, uncertainty double precision, selection jsonb, excerpt text, candidates jsonb, place int)),
    added as (
      insert into items (project, id, role, prompt, tools, gold, item_group, uncertainty, selection, excerpt, created_at)
      select ${project}, id, role, prompt, tools, gold, "group", uncertainty, selection, excerpt, ${timeOf(store)}::timestamptz from given
      on conflict do nothing returning id, role, uncertainty, item_group),
    states as (
      insert into item_states (project, item, role, uncertainty, item_group, key)
      select ${project}, g.id, a.role, a.uncertainty, a.item_group, ${keyOf(sql`g.id`, project)} from given g join added a on a.id = g.id order by g.place returning item),
    parts as (
      insert into candidates (project, item, position, id, source, messages, meta)
      select ${project}, g.id, c.position, c.id, c.source, c.messages, c.meta
      from given g join added a on a.id = g.id,
        jsonb_to_recordset(g.candidates) as c(position int, id text, source jsonb, messages jsonb, meta jsonb) returning item),
    unjudged as (
      insert into patterns (project, annotator, adjudicated, tally, n)
      select ${project}, '', false, '{}', count(*) from added where role = 'task' having count(*) > 0
      on conflict (project, annotator, adjudicated, tally) do update set n = patterns.n + excluded.n)
    select count(*)::int as n from added`);
  return { added: result!.n, present: items.length - result!.n };
}

export async function findItem(
  store: Store,
  { project, item }: { project: string; item: string },
): Promise<ItemRow | undefined> {
  const [row] = await store.database.rows<ItemRow>(sql`
    select i.id, i.role, i.prompt, i.tools, i.gold, (
      select jsonb_agg(jsonb_strip_nulls(jsonb_build_object('id', c.id, 'source', c.source)) ||
        jsonb_build_object('messages', c.messages) || case when c.meta is null then '{}' else jsonb_build_object('meta', c.meta) end
        order by c.position)
      from candidates c where c.project = i.project and c.item = i.id) as candidates
    from items i where i.project = ${project} and i.id = ${item}`);
  return row;
}

/** The groups that a project's items to judge are in. */
export async function itemGroups(store: Store, project: string): Promise<string[]> {
  const rows = await store.database.rows<{ name: string }>(sql`
    select distinct item_group as name from item_states
    where project = ${project} and role = 'task' and item_group is not null order by 1`);
  return rows.map(({ name }) => name);
}

export interface BrowsedItem {
  id: string;
  excerpt: string;
  candidates: number;
  judgements: number;
  adjudicated: boolean;
  role: ItemRole;
  seq: string;
}

/** A page of items in the order in which they came; `after` is the `seq` of the last one seen. */
export async function browseItems(
  store: Store,
  o: { project: string; limit: number; after?: string; search?: string; status: string; overlap: number },
): Promise<{ items: BrowsedItem[]; total: number }> {
  const none = sql``;
  const status =
    o.status === "open"
      ? sql`and s.valid < ${o.overlap} and s.adjudicated is null`
      : o.status === "complete"
        ? sql`and s.valid >= ${o.overlap}`
        : o.status === "adjudicated"
          ? sql`and s.adjudicated is not null`
          : none;
  const search =
    o.search === undefined || o.search === ""
      ? none
      : sql`and (strpos(lower(i.excerpt), lower(${o.search})) > 0 or i.id = ${o.search})`;
  const from = sql`from item_states s join items i on i.project = s.project and i.id = s.item
    where s.project = ${o.project} ${status} ${search}`;
  const after = /^\d{1,18}$/.test(o.after ?? "") ? sql`and s.seq > ${o.after}::bigint` : sql``;
  const items = await store.database.rows<BrowsedItem>(sql`
    select i.id, i.excerpt, s.valid as judgements, s.adjudicated is not null as adjudicated, s.role, s.seq::text as seq,
      (select count(*)::int from candidates c where c.project = i.project and c.item = i.id) as candidates
    ${from} ${after} order by s.seq limit ${o.limit}`);
  const [total] = await store.database.rows<{ n: number }>(
    search === none
      ? sql`select count(*)::int as n from item_states s where s.project = ${o.project} ${status}`
      : sql`select count(*)::int as n ${from}`,
  );
  return { items, total: total!.n };
}
