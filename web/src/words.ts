/** Answers and numbers in words. Knows no screen. */
import type { Answer } from "./api.js";

export const percent = (value: number, digits = 0): string => `${(100 * value).toFixed(digits)}%`;
export const decimal = (value: number): string => value.toFixed(2);
export const when = (time: string): string =>
  new Date(time).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
export const seconds = (ms: number | null): string =>
  ms === null ? "" : ms < 90_000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60_000)} min`;

/** The same words as on the scale, by how many points it has. */
const degrees: Record<number, readonly string[]> = {
  5: ["", "", "much "],
  7: ["", "slightly ", "", "much "],
};

/** `names` gives a candidate its letter; `scale` is the project's `strength`. */
export function inWords(
  { outcome, tie, strength, skipped, attributes }: Answer,
  { names = (id) => id, scale }: { names?: (id: string) => string; scale: number },
): string {
  if (skipped) return `skipped: ${skipped.reason}`;
  if (tie) return tie === "both_bad" ? "both bad" : tie === "both_good" ? "both good" : "tie";
  if (attributes && Object.keys(attributes).length > 0) {
    return Object.entries(attributes)
      .map(
        ([name, scores]) =>
          `${name} ${Object.entries(scores)
            .map(([id, score]) => `${names(id)} ${score}`)
            .join(", ")}`,
      )
      .join("; ");
  }
  switch (outcome?.type) {
    case "pair":
      return outcome.chosen === null
        ? "tie"
        : `${names(outcome.chosen)} ${degrees[scale]?.[Math.abs(strength ?? 0)] ?? ""}better`;
    case "rank":
      return outcome.order.map((tied) => tied.map(names).join(" = ")).join(" > ");
    case "rate":
      return outcome.score === 1 ? "good" : outcome.score === 0 ? "bad" : `score ${outcome.score}`;
    case "step":
      return outcome.labels
        .map((label) => (label === null ? "·" : label > 0 ? "+" : label < 0 ? "−" : "0"))
        .join(" ");
    case "rewrite":
      return "rewritten";
    default:
      return "";
  }
}
