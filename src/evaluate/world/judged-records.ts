/** Judged pairs as the records that the store and the statistics share. Knows no storage. */
import type { Item, Judgement } from "../../records/index.js";
import type { JudgedPair } from "./datasets.js";
import { promptOf } from "./prompt.js";

/**
 * One item a pair (candidates `a` and `b`) and one judgement a person. A simulated person is an annotator of kind `rule`,
 * so that no report mistakes it for a human.
 */
export function judgedRecords(judged: readonly JudgedPair[]): { items: Item[]; judgements: Judgement[] } {
  const items = judged.map((pair): Item => ({
    id: pair.id,
    project: "built-in world",
    prompt: promptOf(pair.question),
    candidates: (["a", "b"] as const).map((id) => ({
      id,
      messages: [{ role: "assistant", content: pair[id] }],
    })),
  }));
  const judgements = judged.flatMap((pair) =>
    pair.judgements.map(({ annotator, winner, strength, shownOrder }): Judgement => ({
      id: `${pair.id}/${annotator}`,
      item: pair.id,
      annotator: { kind: "rule", id: annotator },
      shown_order: [...shownOrder],
      outcome: {
        type: "pair",
        chosen: winner === "tie" ? null : winner,
        rejected: winner === "tie" ? null : winner === "a" ? "b" : "a",
      },
      // The record counts from the screen: negative is the first shown.
      strength: winner === shownOrder[0] ? -strength : strength,
      tie: winner === "tie" ? "equal" : null,
      status: "submitted",
    })),
  );
  return { items, judgements };
}
