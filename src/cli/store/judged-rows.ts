/** A project's judgements as rows for the statistics of the command line: who said what of which item, and which model beat which. */
import type { Item, Judgement } from "../../records/index.js";
import { dumpProject } from "../../store/export/index.js";
import { projectSource, withStore } from "../open-store.js";

interface Judged {
  items: Map<string, Item>;
  /** In force: what was revised, and repeats, are not among them. */
  judgements: Judgement[];
}

/** Reads `attune:PROJECT`; undefined for a file. Throws `data` when there is no such project. */
export async function readProject(source: string, store: string | undefined): Promise<Judged | undefined> {
  const named = projectSource(source);
  if (named === undefined) return undefined;
  const items = new Map<string, Item>();
  const latest = new Map<string, Judgement>();
  await withStore({ store }, async (opened) => {
    for await (const { type, ...row } of dumpProject(opened, named.project)) {
      if (type === "item") items.set((row as unknown as Item).id, row as unknown as Item);
      if (type !== "judgement") continue;
      const judgement = row as unknown as Judgement;
      if (judgement.purpose !== "repeat")
        latest.set(`${judgement.item}\u0000${judgement.annotator.id}`, judgement);
    }
  });
  return { items, judgements: [...latest.values()] };
}

/** Two answers as they were shown, and which was preferred. */
export interface ShownPair {
  item: string;
  model_a: string;
  model_b: string;
  winner: "model_a" | "model_b" | "tie";
  response_a: string;
  response_b: string;
}

/** Every comparison that the judgements make, rankings taken apart; the first of a row was shown before the second. */
export function shownPairs({ items, judgements }: Judged): ShownPair[] {
  return judgements.flatMap(({ item, outcome, shown_order: shown, purpose = "task" }) => {
    const candidates = items.get(item)?.candidates ?? [];
    if (purpose !== "task" || outcome === undefined) return [];
    const order = shown ?? candidates.map(({ id }) => id);
    const places = placesOf(outcome);
    if (places === undefined) return [];
    const pairs: ShownPair[] = [];
    for (const [k, first] of order.entries()) {
      for (const second of order.slice(k + 1)) {
        const [a, b] = [first, second].map((id) => candidates.find((each) => each.id === id));
        const [x, y] = [places(first), places(second)];
        if (a?.source?.model === undefined || b?.source?.model === undefined) continue;
        if (x === undefined || y === undefined) continue;
        pairs.push({
          item,
          model_a: a.source.model,
          model_b: b.source.model,
          winner: x === y ? "tie" : x < y ? "model_a" : "model_b",
          response_a: textOf(a),
          response_b: textOf(b),
        });
      }
    }
    return pairs;
  });
}

/** From a candidate to its place, 0 the best; undefined where the answer compares nothing. */
function placesOf(
  outcome: NonNullable<Judgement["outcome"]>,
): ((id: string) => number | undefined) | undefined {
  if (outcome.type === "pair") {
    const { chosen, rejected } = outcome;
    return (id) =>
      chosen === null || chosen === id ? 0 : rejected === null || rejected === id ? 1 : undefined;
  }
  if (outcome.type !== "rank") return undefined;
  return (id) => {
    const place = outcome.order.findIndex((tied) => tied.includes(id));
    return place < 0 ? undefined : place;
  };
}

const textOf = ({ messages }: Item["candidates"][number]): string =>
  messages.map(({ content }) => content ?? "").join("\n");
