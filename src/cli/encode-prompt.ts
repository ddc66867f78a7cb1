/** A prompt's tokens as a model answers it: through its chat template where it has one. Knows no model. */
import { AttuneError } from "../errors.js";
import type { Message, Text } from "../records/index.js";
import { chatTemplateOf, renderPrompt, type Tokenizer } from "../text/index.js";

export interface PromptOptions {
  raw: boolean;
  system?: string | undefined;
}

/** A text becomes a user's message where the tokenizer has a chat template. */
export async function encodePrompt(
  tokenizer: Tokenizer,
  text: Text,
  { raw, system }: PromptOptions,
): Promise<number[]> {
  const templated = !raw && tokenizer.chatTemplates.has("default");
  if (!templated && (typeof text !== "string" || system !== undefined)) {
    throw new AttuneError("tokenizer", {
      where: tokenizer.where,
      expected: "a chat template, because there are messages",
      got: raw ? "--raw" : "a tokenizer without one",
      fix: "give prompts as plain texts",
    });
  }
  if (!templated) return tokenizer.encode(text as string);
  const messages: Message[] = typeof text === "string" ? [{ role: "user", content: text }] : text;
  const whole = system === undefined ? messages : [{ role: "system", content: system }, ...messages];
  return tokenizer.encode(renderPrompt(chatTemplateOf(tokenizer), whole), { addSpecialTokens: false });
}
