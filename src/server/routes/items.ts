/** The data browser, and adding items. */
import * as store from "../../store/index.js";
import type { Handler } from "../call.js";
import { Refusal } from "../refusal.js";
import type { z } from "zod";
import type { NewItem } from "../api-schemas.js";

export const handlers = {
  async items({ store: db, project, query: { limit, after, search, status } }) {
    const { overlap } = project.settings;
    const { items, total } = await store.browseItems(db, {
      project: project.id,
      limit,
      status,
      overlap,
      ...(after !== undefined && { after }),
      ...(search !== undefined && { search }),
    });
    return {
      items: items.map(({ id, excerpt, candidates, judgements, role, adjudicated }) => ({
        id,
        excerpt,
        candidates,
        judgements,
        role,
        status: adjudicated
          ? ("adjudicated" as const)
          : judgements >= overlap
            ? ("complete" as const)
            : ("open" as const),
      })),
      total,
      after: items.length < limit ? null : items.at(-1)!.seq,
    };
  },

  async addItems({ context, store: db, project, body: { items } }) {
    for (const item of items) checkItem(item);
    const result = await store.addItems(db, { project: project.id, items: items as store.ItemInput[] });
    context.feed.changed(project.id);
    return result;
  },
} satisfies { [N in "items" | "addItems"]: Handler<N> };

function checkItem({ id, candidates, gold, role }: z.output<typeof NewItem>): void {
  const ids = candidates.map((candidate) => candidate.id);
  if (new Set(ids).size < ids.length)
    throw new Refusal("invalid", `item ${id}: expected candidates with different ids, got ${ids.join(", ")}`);
  if (role === "gold" && gold === undefined)
    throw new Refusal("invalid", `item ${id}: expected the right outcome in gold, got nothing`);
}
