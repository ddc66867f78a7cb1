/**
 * Rules against repeating oneself.
 *
 *   -maxPenalty * (1 - distinct n-grams / n-grams)      TRL's get_repetition_penalty_reward (Yeo et al. 2025, 2502.03373)
 */
import { AttuneError } from "../../errors.js";
import { answerText, type Reward } from "../contract.js";

export interface RepetitionOptions {
  /** Words an n-gram. Default 3. */
  n?: number;
  /** What an answer of one n-gram, over and over, costs. Default 1. */
  maxPenalty?: number;
}

/** Share of n-grams of words that stood there before; 0 for an answer shorter than one. */
export function repeatedShare(text: string, n: number): number {
  const words = text.toLowerCase().match(/\S+/g) ?? [];
  const count = words.length - n + 1;
  if (count < 1) return 0;
  const seen = new Set<string>();
  for (let i = 0; i < count; i++) seen.add(words.slice(i, i + n).join(" "));
  return 1 - seen.size / count;
}

/** 0 to -maxPenalty. Throws `config` for an option out of range. */
export function repetitionReward({ n = 3, maxPenalty = 1 }: RepetitionOptions = {}): Reward {
  if (!(Number.isInteger(n) && n >= 1 && maxPenalty >= 0)) {
    throw new AttuneError("config", {
      where: "rewards.repetitionReward",
      expected: "a whole n >= 1 and maxPenalty >= 0",
      got: `n ${n}, maxPenalty ${maxPenalty}`,
    });
  }
  return {
    name: "repetition",
    score: (items) => items.map((item) => 0 - maxPenalty * repeatedShare(answerText(item), n)),
  };
}
