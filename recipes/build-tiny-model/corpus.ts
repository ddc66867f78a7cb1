/**
 * The corpus of the tiny model as documents of text, rendered by its own chat template. Knows no tokens and no training:
 * between two documents the trainer puts `<|endoftext|>`.
 */
import { corpusDocuments, createWorld } from "attune/evaluate";
import { ChatTemplate } from "attune/text";
import { chatTemplate } from "./model-folder.js";

/** What the shipped model saw; change one and it must be trained anew. */
export const corpusOptions = { characters: 4_000_000, seed: 0 } as const;

/** Training documents; `content` is the same without the template's markers, for training the vocabulary. */
export function* tinyCorpus(
  options: { characters: number; seed?: number } = corpusOptions,
): Generator<{ text: string; content: string[] }> {
  const template = new ChatTemplate(chatTemplate, { name: "tiny" });
  for (const document of corpusDocuments(createWorld(), options)) {
    if (document.type === "text") yield { text: document.text, content: [document.text] };
    else
      yield {
        text: template.render(document.messages),
        content: document.messages.map((message) => message.content),
      };
  }
}

/** Documents of another seed, to watch the loss on; they share facts with the corpus, not sentences in the same order. */
export function tinyValidation(characters = 100_000): Generator<{ text: string; content: string[] }> {
  return tinyCorpus({ characters, seed: corpusOptions.seed + 1 });
}
