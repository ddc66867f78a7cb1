/** An answer as the texts that others are given: its prompt, and prompt and answer together. */
import { AttuneError } from "../errors.js";
import { type ChatTemplate, renderPrompt } from "../text/index.js";
import type { RewardItem } from "./contract.js";

/** Throws `usage` for messages without a template, or a prompt of one kind and an answer of the other. */
export function itemTexts(item: RewardItem, template?: ChatTemplate): { prompt: string; query: string } {
  const { id, prompt, completion } = item;
  if (typeof prompt === "string" && typeof completion === "string")
    return { prompt, query: prompt + completion };
  if (template === undefined || typeof prompt === "string") {
    throw new AttuneError("usage", {
      where: `rewards: row ${id}`,
      expected: template === undefined ? "text, or a chat template" : "a prompt of messages",
      got:
        typeof prompt === "string"
          ? "a prompt of text and an answer of messages"
          : "messages and no template",
    });
  }
  const opening = renderPrompt(template, prompt);
  if (typeof completion === "string") return { prompt: opening, query: opening + completion };
  return { prompt: opening, query: template.render([...prompt, ...completion]) };
}
