/**
 * The true utility of an answer: tastes (weights) times features. Because the simulated people's tastes are known, the
 * true utility of any answer is known too, which no real data set can offer. Knows no judge's noise (`annotators.ts`).
 */
import { answerFeatures } from "./features.js";
import type { Question } from "./schema.js";

/** Utility per unit of each feature of `AnswerFeatures`; costs are negative. */
export interface Taste {
  correctness: number;
  excessWords: number;
  hedges: number;
  robotic: number;
  warmth: number;
  repetition: number;
  gibberish: number;
  unfinished: number;
}

export const tasteNames = [
  "correctness",
  "excessWords",
  "hedges",
  "robotic",
  "warmth",
  "repetition",
  "gibberish",
  "unfinished",
] as const satisfies readonly (keyof Taste)[];

/** What most people want: the truth first, then plainly, briefly and kindly. */
export const commonTaste: Taste = {
  correctness: 1.8,
  excessWords: -0.08,
  hedges: -0.7,
  robotic: -0.9,
  warmth: 0.5,
  repetition: -2,
  gibberish: -3,
  unfinished: -0.8,
};

/** Utility of `answer` to someone of this taste, in units of Bradley-Terry log-odds. Any text is accepted. */
export function utility(question: Question, answer: string, taste: Taste = commonTaste): number {
  const features = answerFeatures(question.fact, answer);
  return tasteNames.reduce((sum, name) => sum + taste[name] * features[name], 0);
}

/** The mean of several tastes; since utility is linear in taste, its utility is the mean of theirs. */
export function meanTaste(tastes: readonly Taste[]): Taste {
  const mean = { ...commonTaste };
  for (const name of tasteNames)
    mean[name] = tastes.reduce((sum, taste) => sum + taste[name], 0) / tastes.length;
  return mean;
}
