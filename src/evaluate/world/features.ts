/**
 * What of an answer matters to people, as numbers. Takes any text and never throws; weighs nothing (`utility.ts` does).
 */
import { readClaim, type Claim } from "./claims.js";
import { knownWords } from "./lexicon.js";
import { hedgeMarks, roboticMarks, warmMarks } from "./phrases.js";
import type { Fact } from "./schema.js";

export interface AnswerFeatures {
  claim: Claim;
  /** 1 right, -0.6 mixed, -0.4 none, -1 wrong: a contradiction is worse than silence, a falsehood worst. */
  correctness: number;
  words: number;
  /** Words beyond `freeWords`, at most 40. */
  excessWords: number;
  /** Sentences with a hedging phrase, at most 3. */
  hedges: number;
  /** Sentences with a robotic phrase, at most 3. */
  robotic: number;
  /** 1 when there is a warm phrase; a second one adds nothing. */
  warmth: number;
  /** Share of three-word runs that occurred before, in [0, 1]. */
  repetition: number;
  /** Share of words that this world does not know, in [0, 1]; 1 for an empty answer. */
  gibberish: number;
  /** 1 when the answer does not end with a full stop, question or exclamation mark. */
  unfinished: number;
}

/** Length that costs nothing: a plain statement with a warm word around it. */
export const freeWords = 14;

const correctnessOf: Record<Claim, number> = { right: 1, mixed: -0.6, none: -0.4, wrong: -1 };

export function answerFeatures(fact: Fact, answer: string): AnswerFeatures {
  const text = answer.trim();
  const words = wordsOf(text);
  const sentences = text.split(/[.!?\n]+/).map((sentence) => ` ${wordsOf(sentence).join(" ")} `);
  const claim = readClaim(fact, text);
  return {
    claim,
    correctness: correctnessOf[claim],
    words: words.length,
    excessWords: Math.min(40, Math.max(0, words.length - freeWords)),
    hedges: Math.min(3, countSentences(sentences, hedgeMarks)),
    robotic: Math.min(3, countSentences(sentences, roboticMarks)),
    warmth: Math.min(1, countSentences(sentences, warmMarks)),
    repetition: repetitionOf(words),
    gibberish: words.length === 0 ? 1 : words.filter((word) => !knownWords().has(word)).length / words.length,
    unfinished: /[.!?]["')]*$/.test(text) ? 0 : 1,
  };
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

function countSentences(sentences: readonly string[], marks: readonly string[]): number {
  return sentences.filter((sentence) => marks.some((mark) => sentence.includes(` ${mark} `))).length;
}

function repetitionOf(words: readonly string[]): number {
  const runs = words.length - 2;
  if (runs < 1) return 0;
  const seen = new Set<string>();
  for (let start = 0; start < runs; start++) seen.add(words.slice(start, start + 3).join(" "));
  return 1 - seen.size / runs;
}
