/** Reviewing: items with every judgement un-swapped and their sources, and the decision. */
import * as store from "../../store/index.js";
import { KeptAnswer, type ReviewItem } from "../api-schemas.js";
import type { Call, Handler } from "../call.js";
import { checkAnswer } from "../check-answer.js";
import { notFound } from "../refusal.js";
import { divergenceOf } from "../shown-item.js";

type Reading = Pick<Call<"item">, "store" | "project">;

export const handlers = {
  async review(call) {
    const { store: db, project, query } = call;
    const offset = /^\d{1,9}$/.test(query.after ?? "") ? Number(query.after) : 0;
    const states = await store.reviewQueue(db, {
      project: project.id,
      which: query.which,
      limit: query.limit,
      offset,
    });
    const items: ReviewItem[] = [];
    for (const state of states) items.push(await reviewItem(call, state));
    return { items, after: states.length < query.limit ? null : String(offset + states.length) };
  },

  async item(call) {
    const state = await store.stateOf(call.store, { project: call.project.id, item: call.path.item });
    if (state === undefined) throw notFound("There is no such item.");
    return reviewItem(call, state);
  },

  async adjudicate({ context, store: db, caller, project, path, body }) {
    const item = await store.findItem(db, { project: project.id, item: path.item });
    if (item === undefined) throw notFound("There is no such item.");
    const candidates = item.candidates.map(({ id }) => id);
    const answer = checkAnswer(body.answer, { settings: project.settings, candidates });
    await store.adjudicate(db, {
      project: project.id,
      item: path.item,
      annotator: caller.annotator,
      answer,
      ...(body.reason !== undefined && { reason: body.reason }),
    });
    context.feed.changed(project.id);
    const decided = (await store.stateOf(db, { project: project.id, item: path.item }))!.adjudicated!;
    return { ...decided, answer: KeptAnswer.parse(decided.answer) };
  },
} satisfies { [N in "review" | "item" | "adjudicate"]: Handler<N> };

async function reviewItem({ store: db, project }: Reading, state: store.ItemState): Promise<ReviewItem> {
  const where = { project: project.id, item: state.item };
  const row = (await store.findItem(db, where))!;
  const judgements = await store.judgementsOf(db, where);
  const { task } = project.settings;
  return {
    item: {
      id: row.id,
      task,
      prompt: row.prompt,
      ...(row.tools !== null && { tools: row.tools }),
      divergence:
        task === "trajectories" ? divergenceOf(row.candidates.map(({ messages }) => messages)) : null,
    },
    candidates: row.candidates,
    gold: row.gold,
    disagreement: state.disagreement,
    judgements: judgements.map((each) => ({
      judgement: each.id,
      annotator: each.annotator,
      answer: KeptAnswer.parse(each.answer),
      shown_order: each.shown_order ?? [],
      late: each.late,
      submitted_at: each.submitted_at,
      active_ms: each.active_ms,
      category: each.category,
    })),
    adjudicated: state.adjudicated && {
      ...state.adjudicated,
      answer: KeptAnswer.parse(state.adjudicated.answer),
    },
  };
}
