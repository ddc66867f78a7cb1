/** Answers of one or two models as items to judge, each candidate with who wrote it and how it was drawn. Knows no model and no file. */
import type { Candidate, Item, Message } from "../../records/index.js";
import { sha256 } from "../../util/files.js";
import type { SamplingSettings } from "./answerers.js";

export interface Author {
  name: string;
  answers: readonly string[];
}

export interface PairOptions {
  prompt: Message[];
  sampling: Omit<SamplingSettings, "samples">;
}

/** What decides an item before anything is asked: the same call gives the same id, so that it can be gone on with. */
export const pairId = (
  prompt: readonly Message[],
  o: { models: readonly string[]; sampling: PairOptions["sampling"]; number: number },
): string => `p-${sha256(JSON.stringify([prompt, o.models, o.sampling, o.number])).slice(0, 16)}`;

/**
 * Answer k of the first model beside answer k of the second; of one model, two answers that follow each other. Equal answers are no
 * pair: undefined.
 */
export function pairAnswers(authors: readonly Author[], o: PairOptions): (Item | undefined)[] {
  const [one, other] = authors as [Author, Author?];
  const count = other === undefined ? Math.floor(one.answers.length / 2) : one.answers.length;
  return Array.from({ length: count }, (_, number) => {
    const sides =
      other === undefined
        ? [2 * number, 2 * number + 1].map((sample) => ({ author: one, sample }))
        : [one, other].map((author) => ({ author, sample: number }));
    const [a, b] = sides.map(({ author, sample }) => author.answers[sample] ?? "");
    if (a === b) return undefined;
    return {
      id: pairId(o.prompt, { models: authors.map(({ name }) => name), sampling: o.sampling, number }),
      project: "default",
      prompt: o.prompt,
      candidates: sides.map(({ author, sample }, k): Candidate => ({
        id: "ab"[k]!,
        source: { model: author.name, params: { ...o.sampling, sample } },
        messages: [{ role: "assistant", content: author.answers[sample]! }],
      })),
    };
  });
}
