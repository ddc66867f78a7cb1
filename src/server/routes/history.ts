/** What one person judged: reading it again, with its item as it was shown. Nothing is changed here. */
import * as store from "../../store/index.js";
import { KeptAnswer, type HistoryEntry, type ShownItem } from "../api-schemas.js";
import type { Call, Handler } from "../call.js";
import { letterOfId, renameCandidates } from "../letters.js";
import { notFound } from "../refusal.js";
import { shownId, shownItem } from "../shown-item.js";

type Reading = Pick<Call<"undo">, "store" | "caller" | "project">;

export const handlers = {
  async history({ store: db, caller, project, query: { limit, after } }) {
    const rows = await store.historyOf(db, {
      project: project.id,
      annotator: caller.annotator,
      limit,
      ...(after !== undefined && { after }),
    });
    return {
      entries: rows.map((row) => entryOf(row, project.id)),
      after: rows.length < limit ? null : rows.at(-1)!.seq,
    };
  },

  async undo(call) {
    const { store: db, caller, project } = call;
    const [last] = await store.historyOf(db, { project: project.id, annotator: caller.annotator, limit: 1 });
    return last === undefined ? { judgement: null, item: null } : withItem(call, last);
  },

  async judgedItem(call) {
    const { store: db, caller, project, path } = call;
    const row = await store.findJudgement(db, { project: project.id, id: path.judgement });
    if (row === undefined || (caller.role === "annotator" && row.annotator !== caller.annotator))
      throw notFound("There is no such judgement of yours.");
    return withItem(call, row);
  },
} satisfies { [N in "history" | "undo" | "judgedItem"]: Handler<N> };

async function withItem(
  { store: db, project }: Reading,
  row: store.JudgementRow,
): Promise<{ judgement: HistoryEntry; item: ShownItem }> {
  const judgement = entryOf(row, project.id);
  const item = (await store.findItem(db, { project: project.id, item: row.item }))!;
  // Imported judgements may not say how they were shown.
  const order = (row.shown_order as string[] | null) ?? item.candidates.map(({ id }) => id);
  return { judgement, item: shownItem(item, { id: judgement.item, order, task: project.settings.task }) };
}

function entryOf(row: store.JudgementRow, project: string): HistoryEntry {
  return {
    judgement: row.id,
    item: shownId({ project, annotator: row.annotator, item: row.item }),
    submitted_at: row.submitted_at,
    active_ms: row.active_ms,
    answer: renameCandidates(KeptAnswer.parse(row.answer), letterOfId(row.shown_order ?? [])),
    revision_of: row.revision_of,
    replaced: row.replaced,
    excerpt: row.excerpt,
  };
}
