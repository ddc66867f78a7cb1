/**
 * Judgements and decisions that were made elsewhere: added once each, under the names of those who made them. Call `recount` after
 * the last piece. Knows no file.
 */
import { sql } from "drizzle-orm";
import type { Judgement } from "../records/index.js";
import { sha256 } from "../util/files.js";
import { categoryOf, type StoredAnswer } from "./category.js";
import { timeOf, type Place, type Store } from "./context.js";
import { storable } from "./items.js";
import { json } from "./rows.js";

export interface Added {
  added: number;
  /** Known from an earlier import. */
  present: number;
  /** What could not be added, by the judgement's id. */
  refused: { id: string; reason: string }[];
}

interface KnownItem {
  role: string;
  candidates: string[];
}

/** Ids of a record that came from elsewhere, in this project: the same each time, and nobody else's. */
const idHere = (project: string, id: string): string => `j-${sha256(`${project}\u0000${id}`).slice(0, 20)}`;

async function itemsOf(
  tx: Place,
  { project, ids }: { project: string; ids: readonly string[] },
): Promise<Map<string, KnownItem>> {
  const rows = await tx.rows<KnownItem & { id: string }>(sql`
    select i.id, i.role, (select jsonb_agg(c.id order by c.position) from candidates c
      where c.project = i.project and c.item = i.id) as candidates
    from items i where i.project = ${project} and i.id in (select jsonb_array_elements_text(${json(ids)}))`);
  return new Map(rows.map(({ id, ...item }) => [id, item]));
}

/** Candidates that an answer names and the item does not have. */
function strangers({ outcome }: StoredAnswer, candidates: readonly string[]): string[] {
  const named =
    outcome === undefined
      ? []
      : outcome.type === "pair"
        ? [outcome.chosen, outcome.rejected].filter((id) => id !== null)
        : outcome.type === "rank"
          ? outcome.order.flat()
          : [outcome.candidate];
  return named.filter((id) => !candidates.includes(id));
}

const answerOf = (judgement: Judgement): StoredAnswer => {
  const { outcome, strength, tie, attributes, reasons, comment, skipped } = judgement;
  const all = { outcome, strength, tie, attributes, reasons, comment, skipped };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as StoredAnswer;
};

/** The names under which people stand here: their own, unless it is somebody's in another project. */
async function annotatorsHere(
  tx: Place,
  { store, project, names }: { store: Store; project: string; names: readonly string[] },
): Promise<Map<string, string>> {
  const rows = await tx.rows<{ id: string; project: string | null }>(sql`
    select id, project from annotators where id in (select jsonb_array_elements_text(${json(names)}))`);
  const elsewhere = new Set(
    rows.flatMap((row) => (row.project === project || row.project === null ? [] : [row.id])),
  );
  const here = new Map(names.map((name) => [name, elsewhere.has(name) ? `${name}@${project}` : name]));
  await tx.rows(sql`
    insert into annotators (id, project, role, created_at)
    select id, ${project}, 'annotator', ${timeOf(store)}::timestamptz
    from jsonb_array_elements_text(${json([...here.values()])}) as a(id) on conflict do nothing`);
  return here;
}

/** A piece of judgements, in one transaction. What is known already is left as it is. */
export function addJudgements(
  store: Store,
  { project, judgements }: { project: string; judgements: readonly Judgement[] },
): Promise<Added> {
  return store.database.transaction(async (tx) => {
    const items = await itemsOf(tx, { project, ids: [...new Set(judgements.map(({ item }) => item))] });
    const refused: Added["refused"] = [];
    const rows: Record<string, unknown>[] = [];
    const names = [...new Set(judgements.map(({ annotator }) => annotator.id))];
    const here = await annotatorsHere(tx, { store, project, names });
    for (const [place, each] of judgements.entries()) {
      const item = items.get(each.item);
      const answer = answerOf(each);
      const unknown = item === undefined ? [] : strangers(answer, item.candidates);
      if (item === undefined || unknown.length > 0) {
        const reason =
          item === undefined
            ? `no item ${each.item} in project ${project}`
            : `item ${each.item} has no candidate ${unknown.join(", ")}`;
        refused.push({ id: each.id, reason });
        continue;
      }
      rows.push({
        place,
        id: idHere(project, each.id),
        original: each.id,
        item: each.item,
        annotator: here.get(each.annotator.id)!,
        kind: each.annotator.kind,
        purpose: each.purpose ?? item.role,
        replaces: each.revision_of === undefined ? null : idHere(project, each.revision_of),
        category: categoryOf(answer, item.candidates),
        answer,
        shown: each.shown_order ?? [],
        seed: each.seed,
        policy: each.selection?.policy,
        probability: each.selection?.prob,
        guideline: Number.isInteger(Number(each.guideline_version)) ? Number(each.guideline_version) : null,
        active: each.active_ms,
        layout: each.layout,
        late: each.late ?? false,
        started: each.started_at,
        submitted: each.submitted_at ?? timeOf(store),
        raw: { id: each.id, annotator: each.annotator.id },
      });
    }
    const added = await tx.rows<{ item: string }>(sql`
      insert into judgements (id, key, project, item, annotator, annotator_kind, purpose, revision_of, category, answer, shown_order,
        seed, policy, probability, guideline, active_ms, layout, late, raw, started_at, submitted_at)
      select g.id, g.original, ${project}, item, annotator, kind, purpose, replaces, category, answer, shown, seed, policy,
        probability, guideline, active, layout, late, raw, started, submitted
      from jsonb_to_recordset(${storable(rows)}::jsonb) as g(place int, id text, original text, item text, annotator text, kind text,
        purpose text, replaces text, category text, answer jsonb, shown jsonb, seed bigint, policy text,
        probability double precision, guideline int, active double precision, layout text, late boolean, raw jsonb,
        started timestamptz, submitted timestamptz)
      where not exists (select from judgements j where j.project = ${project} and j.id in (g.original, g.id))
      order by place on conflict (project, annotator, key) do nothing returning item`);
    return { added: added.length, present: rows.length - added.length, refused };
  });
}

/** Whether an item was decided in just this way already: decisions have no id of their own. */
export async function isDecided(
  store: Store,
  { project, item, answer }: { project: string; item: string; answer: StoredAnswer },
): Promise<boolean> {
  const [row] = await store.database.rows<{ same: boolean }>(sql`
    select adjudicated -> 'answer' = ${json(answer)} as same from item_states where project = ${project} and item = ${item}`);
  return row?.same ?? false;
}
