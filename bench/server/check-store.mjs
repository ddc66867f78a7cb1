/** What is stored against what was acknowledged. Opens the store after the server has ended. */
import { isDeepStrictEqual } from "node:util";
import {
  judgementsAfter,
  openStore,
  pairings,
  patterns,
  peopleSums,
  progressOf,
  recount,
} from "../../dist/store/index.js";

export async function checkStore(where, { project, overlap, receipts }) {
  const store = await openStore(where);
  try {
    const stored = await judgementsAfter(store, { project, after: "0", limit: 10_000_000 });
    const ids = new Set(stored.map(({ id }) => id));
    const perPerson = new Set(stored.map(({ item, annotator }) => `${item} ${annotator}`));
    const perItem = new Map();
    for (const { item, late } of stored) if (!late) perItem.set(item, (perItem.get(item) ?? 0) + 1);
    const sums = async () => ({
      progress: await progressOf(store, { project, overlap }),
      patterns: await patterns(store, project),
      people: (await peopleSums(store, project)).map(({ annotator, sums }) => ({ annotator, sums })),
      pairings: await pairings(store, project),
    });
    const kept = await sums();
    await recount(store);
    return {
      stored: stored.length,
      lost: receipts.filter((id) => !ids.has(id)).length,
      doubled: stored.length - perPerson.size,
      beyond_overlap: [...perItem.values()].filter((n) => n > overlap).length,
      sums_hold: isDeepStrictEqual(kept, await sums()),
    };
  } finally {
    await store.close();
  }
}
