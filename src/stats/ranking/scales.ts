/** Strengths on the scales that people read: worths, Elo points, ranks with their uncertainty. Knows fitted numbers only. */
import { AttuneError } from "../../errors.js";
import { checkFinite, checkSameLength } from "../checks.js";

/** γ = exp θ, normalised to sum 1. */
export function toWorths(strengths: readonly number[]): number[] {
  checkFinite("toWorths", strengths);
  const top = Math.max(...strengths);
  const raw = strengths.map((value) => Math.exp(value - top));
  const total = raw.reduce((a, b) => a + b, 0);
  return raw.map((value) => value / total);
}

/** R = 1000 + 400 / ln 10 · θ: 400 points are odds of 10 to 1. `centre` default 1000, `scale` default 400 (Chatbot Arena). */
export function toElo(
  strengths: readonly number[],
  { centre = 1000, scale = 400 }: { centre?: number; scale?: number } = {},
): number[] {
  checkFinite("toElo", strengths);
  return strengths.map((value) => centre + (scale / Math.LN10) * value);
}

export interface RankBounds {
  /** 1 + how many have an interval wholly above this one: the rank Chatbot Arena shows. */
  best: number;
  /** How many do not have an interval wholly below this one. */
  worst: number;
}

/** Ranks that the intervals leave open, 1 the best. */
export function rankBounds(lows: readonly number[], highs: readonly number[]): RankBounds[] {
  checkSameLength("rankBounds", lows, highs);
  const wrong = lows.findIndex((low, k) => !(low <= highs[k]!));
  if (wrong >= 0) {
    throw new AttuneError("usage", {
      where: `rankBounds: interval ${wrong}`,
      expected: "low <= high",
      got: `${lows[wrong]} and ${highs[wrong]}`,
    });
  }
  return lows.map((low, k) => ({
    best: 1 + lows.filter((other) => other > highs[k]!).length,
    worst: highs.filter((other) => other >= low).length,
  }));
}
