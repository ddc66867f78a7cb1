/** Whether an answer is whole. Knows tasks, no screen. */
import type { Answer, Candidate, Project } from "../api.js";
import { attributesOf } from "./attributes.js";

/** Why it cannot be submitted yet; null when it can. */
export function missing(
  answer: Answer,
  {
    task,
    candidates,
    settings,
  }: { task: string; candidates: readonly Candidate[]; settings: Project["settings"] },
): string | null {
  const { outcome } = answer;
  if (answer.skipped) return null;
  if (task === "rate") {
    const lacking = attributesOf(settings).some(({ name }) =>
      candidates.some(({ id }) => answer.attributes?.[name]?.[id] === undefined),
    );
    return lacking ? "Give each a score" : null;
  }
  if (outcome === undefined)
    return task === "rewrite"
      ? "Change the text"
      : task === "steps"
        ? "Label the steps"
        : "Choose an answer first";
  if (outcome.type === "rank" && outcome.order.flat().length < Math.min(2, candidates.length))
    return "Rank at least two";
  if (outcome.type === "rewrite") {
    const written = outcome.messages.at(-1)?.content ?? "";
    if (written.trim() === "" || written === candidates[0]?.messages.at(-1)?.content)
      return "Change the text";
  }
  if (outcome.type === "step" && outcome.labels.every((label) => label === null)) return "Label the steps";
  return null;
}
