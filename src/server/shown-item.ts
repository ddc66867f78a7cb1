/** An item as one person sees it: candidates by letter in the order shown, an id that tells nothing. Knows no request. */
import type { Message } from "../records/index.js";
import type { ItemRow } from "../store/index.js";
import { sha256 } from "../util/files.js";
import type { ShownItem, Task } from "./api-schemas.js";
import { letterOf } from "./letters.js";
import { shownMessage } from "./shown-message.js";

/** The data's own id (`gold-17`) may tell what must not be known. Stable, so that a draft finds its item again. */
export const shownId = (o: { project: string; annotator: string; item: string }): string =>
  `x-${sha256(`${o.project}\u0000${o.annotator}\u0000${o.item}`).slice(0, 20)}`;

export function shownItem(
  item: ItemRow,
  { id, order, task }: { id: string; order: readonly string[]; task: Task },
): ShownItem {
  const candidates = order.map((each, place) => ({
    id: letterOf(place),
    messages: (item.candidates.find((candidate) => candidate.id === each)?.messages ?? []).map(shownMessage),
  }));
  return {
    id,
    task,
    prompt: item.prompt.map(shownMessage),
    ...(item.tools !== null && { tools: item.tools }),
    candidates,
    divergence: task === "trajectories" ? divergenceOf(candidates.map(({ messages }) => messages)) : null,
  };
}

/** Index of the first message in which two runs differ; null where they are equal or not two. */
export function divergenceOf(runs: readonly (readonly Message[])[]): number | null {
  const [first, second] = runs;
  if (first === undefined || second === undefined || runs.length !== 2) return null;
  const longest = Math.max(first.length, second.length);
  for (let k = 0; k < longest; k += 1) if (JSON.stringify(first[k]) !== JSON.stringify(second[k])) return k;
  return null;
}
