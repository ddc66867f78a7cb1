/** Rows of messages to token examples, by the model's own chat template. Knows no stage. */
import type { Example } from "../../data/index.js";
import { AttuneError } from "../../errors.js";
import { chatTemplateOf, tokenizeCompletions, type ChatMessage, type Tokenizer } from "../../text/index.js";

/** A prompt and the answers that go on from it: one (a demonstration), or chosen and rejected. */
export interface AnswerRow {
  id: string;
  prompt: readonly ChatMessage[];
  completions: readonly (readonly ChatMessage[])[];
}

export async function toExamples(tokenizer: Tokenizer, rows: readonly AnswerRow[]): Promise<Example[]> {
  const examples: Example[] = [];
  for (const { id, prompt, completions } of rows) {
    const row = await tokenizeCompletions(tokenizer, { prompt, completions }, { where: id });
    const broken = row.prefixBreaks[0];
    if (broken) {
      throw new AttuneError("tokenizer", {
        where: id,
        expected: "a prompt whose tokens stay the same before an answer",
        got: `other tokens from place ${row.prompt.length}`,
        fix: "use a model whose chat template keeps them (attune inspect shows the place)",
      });
    }
    examples.push({ id, prompt: row.prompt, completions: row.completions });
  }
  return examples;
}

/** A prompt as the model sees it before it answers. */
export async function promptTokens(tokenizer: Tokenizer, prompt: readonly ChatMessage[]): Promise<number[]> {
  const text = chatTemplateOf(tokenizer).render(prompt, { addGenerationPrompt: true });
  return tokenizer.encode(text, { addSpecialTokens: false });
}
