/**
 * Everything of a project as records, to be read back by an import: the project, its items, every judgement (replaced ones too),
 * the decisions in force. Secrets stay behind. Knows no file.
 */
import type { Item, Judgement } from "../../records/index.js";
import type { Store } from "../context.js";
import { findProject, listGuidelines } from "../projects.js";
import { itemsAfter, judgementsAfter, type ExportedItem, type JudgementRow } from "../reading.js";
import { requireProject } from "./export.js";

export type DumpRow = { type: "project" | "item" | "judgement" | "decision" } & Record<string, unknown>;

const piece = 500;

/** Throws `data` when there is no such project. */
export async function* dumpProject(store: Store, project: string): AsyncGenerator<DumpRow> {
  await requireProject(store, project);
  const found = (await findProject(store, project))!;
  const { webhook: _, ...settings } = found.settings;
  const guidelines = (await listGuidelines(store, project)).toReversed();
  yield {
    type: "project",
    id: project,
    name: found.name,
    settings,
    guidelines: guidelines.map(({ markdown }) => markdown),
  };
  const items = () => inPieces((after) => itemsAfter(store, { project, after, limit: piece }));
  for await (const item of items()) yield { type: "item", ...itemRecord(item) };
  for await (const row of inPieces((after) => judgementsAfter(store, { project, after, limit: piece })))
    yield { type: "judgement", ...judgementRecord(row) };
  for await (const item of items()) {
    if (item.adjudicated === null) continue;
    const { by, at, answer, reason } = item.adjudicated;
    yield { type: "decision", item: item.id, decided_by: by, at, answer, ...(reason !== null && { reason }) };
  }
}

async function* inPieces<T extends { seq: string }>(
  read: (after: string) => Promise<T[]>,
): AsyncGenerator<T> {
  let after = "0";
  for (;;) {
    const rows = await read(after);
    yield* rows;
    if (rows.length < piece) return;
    after = rows.at(-1)!.seq;
  }
}

const itemRecord = (item: ExportedItem): Omit<Item, "project"> => ({
  id: item.id,
  role: item.role as NonNullable<Item["role"]>,
  prompt: item.prompt,
  ...(item.tools !== null && { tools: item.tools }),
  candidates: item.candidates,
  ...(item.gold !== null && { gold: item.gold }),
  ...(item.item_group !== null && { group: item.item_group }),
  ...(item.selection !== null && { selection: item.selection }),
  ...(item.uncertainty !== null && { uncertainty: item.uncertainty }),
});

function judgementRecord(row: JudgementRow): Judgement {
  const kept = {
    guideline_version: row.guideline === null ? null : String(row.guideline),
    shown_order: row.shown_order.length === 0 ? null : row.shown_order,
    seed: row.seed === null ? null : Number(row.seed),
    started_at: row.started_at,
    active_ms: row.active_ms,
    revision_of: row.revision_of,
    layout: row.layout,
    selection:
      row.policy === null || row.probability === null ? null : { policy: row.policy, prob: row.probability },
  };
  return {
    id: row.id,
    item: row.item,
    annotator: { kind: row.annotator_kind, id: row.annotator },
    ...row.answer,
    purpose: row.purpose as NonNullable<Judgement["purpose"]>,
    submitted_at: row.submitted_at,
    ...(row.late && { late: true }),
    ...(Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== null)) as object),
    status: "submitted",
  };
}
