/** An answer as one word, for tallies and agreement: in the data's own order of candidates, never by side. */
import type { Judgement } from "../records/index.js";

export type StoredAnswer = Pick<
  Judgement,
  "outcome" | "strength" | "tie" | "attributes" | "reasons" | "comment" | "skipped"
>;

/** `skip`, `first`, `second`, `tie`, `both_bad`; rankings and ratings as their places and numbers. */
export function categoryOf(answer: StoredAnswer, candidates: readonly string[]): string {
  const { outcome } = answer;
  if (outcome === undefined) return "skip";
  const place = (id: string): number => candidates.indexOf(id);
  switch (outcome.type) {
    case "pair":
      if (outcome.chosen === null) return answer.tie === "both_bad" ? "both_bad" : "tie";
      return ["first", "second"][place(outcome.chosen)] ?? `candidate ${place(outcome.chosen) + 1}`;
    case "rank":
      return outcome.order
        .map((tied) =>
          tied
            .map((id) => place(id) + 1)
            .sort((a, b) => a - b)
            .join("="),
        )
        .join(">");
    case "rate":
      return String(outcome.score);
    case "step": {
      const wrong = outcome.labels.findIndex((label) => label !== null && label < 0);
      return wrong < 0 ? "no error" : `error at ${wrong + 1}`;
    }
    case "rewrite":
      return "rewritten";
  }
}
