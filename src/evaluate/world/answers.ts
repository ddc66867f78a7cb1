/**
 * Writes answers whose qualities vary independently: fact, length, hedging, robotic phrases, warmth and ending.
 * Knows how an answer is worded, not which one people like (`utility.ts`).
 */
import type { Random } from "../../util/random.js";
import { happens, pick } from "./chance.js";
import { statementOf } from "./facts.js";
import {
  hedgeClosings,
  hedgeOpenings,
  padding,
  roboticClosings,
  roboticOpenings,
  warmClosings,
  warmOpenings,
} from "./phrases.js";
import type { Fact } from "./schema.js";

export interface AnswerStyle {
  correct: boolean;
  /** Sentences of padding, 0 to 2. */
  padding: number;
  hedged: boolean;
  robotic: boolean;
  warm: boolean;
  /** How it stops: properly, by saying itself again, or in the middle of a sentence. */
  ending: "clean" | "repeats" | "breaks off";
}

/** How often each quality occurs, each drawn on its own; a rate lies in [0, 1]. */
export interface StyleRates {
  wrong: number;
  padded: number;
  hedged: number;
  robotic: number;
  warm: number;
  repeats: number;
  breaksOff: number;
}

/** Every taste mixed: about six answers in ten have at least one fault. What the base model is trained on. */
export const mixedRates: StyleRates = {
  wrong: 0.3,
  padded: 0.25,
  hedged: 0.22,
  robotic: 0.18,
  warm: 0.3,
  repeats: 0.04,
  breaksOff: 0.04,
};

/** Good but imperfect, as people's own demonstrations are: about four in ten have a fault. Leaves preferences something to teach. */
export const demonstrationRates: StyleRates = {
  wrong: 0.12,
  padded: 0.18,
  hedged: 0.14,
  robotic: 0.06,
  warm: 0.3,
  repeats: 0.02,
  breaksOff: 0.02,
};

export function drawStyle(random: Random, rates: StyleRates = mixedRates): AnswerStyle {
  const correct = !happens(random, rates.wrong);
  const padded = happens(random, rates.padded) ? 1 + random.integer(2) : 0;
  const hedged = happens(random, rates.hedged);
  const robotic = happens(random, rates.robotic);
  const warm = happens(random, rates.warm);
  const end = random.uniform();
  const ending =
    end < rates.repeats ? "repeats" : end < rates.repeats + rates.breaksOff ? "breaks off" : "clean";
  return { correct, padding: padded, hedged, robotic, warm, ending };
}

/** An answer about `fact` in `style`; wording, wrong value and phrases are drawn from `random`. */
export function writeAnswer(fact: Fact, style: AnswerStyle, random: Random): string {
  const value = style.correct ? fact.value : wrongValue(fact, random);
  const statement = statementOf(fact, { wording: random.integer(fact.attribute.statements.length), value });
  const sentences: string[] = [];
  if (style.warm && happens(random, 0.6)) sentences.push(pick(random, warmOpenings));
  const warmOpened = sentences.length > 0;
  const roboticFirst = happens(random, 0.6);
  if (style.robotic && roboticFirst) sentences.push(pick(random, roboticOpenings));
  const hedgeFirst = happens(random, 0.7);
  sentences.push(
    style.hedged && hedgeFirst ? `${pick(random, hedgeOpenings)} ${lowerStart(statement, fact)}` : statement,
  );
  const main = sentences.at(-1)!;
  if (style.hedged && !hedgeFirst) sentences.push(pick(random, hedgeClosings));
  sentences.push(...random.shuffle([...padding]).slice(0, style.padding));
  if (style.ending === "repeats") sentences.push(main, main);
  if (style.robotic && !roboticFirst) sentences.push(pick(random, roboticClosings));
  if (style.warm && !warmOpened) sentences.push(pick(random, warmClosings));
  const answer = sentences.join(" ");
  return style.ending === "breaks off" ? breakOff(answer, random) : answer;
}

/** A value that is false for the fact; for sums one that is close, since a far one is too easy to tell. */
export function wrongValue(fact: Fact, random: Random): string {
  const others = fact.attribute.domain.filter((value) => value !== fact.value);
  if (!fact.attribute.numeric) return pick(random, others);
  const target = Number.parseInt(fact.value, 10);
  const unit = fact.value.replace(/^\d+/, "");
  const sameUnit = others.filter((value) => value.endsWith(unit) && value.replace(/^\d+/, "") === unit);
  const near = sameUnit.sort((a, b) => distance(a, target) - distance(b, target)).slice(0, 4);
  return pick(random, near);
}

function distance(value: string, target: number): number {
  return Math.abs(Number.parseInt(value, 10) - target);
}

/** A statement inside a longer sentence starts small, unless it starts with a name. */
function lowerStart(statement: string, fact: Fact): string {
  const startsWithSubject = statement.toLowerCase().startsWith(fact.subject.toLowerCase());
  if (startsWithSubject) return fact.subject + statement.slice(fact.subject.length);
  const startsWithValue = fact.attribute.domain.some((value) => statement.startsWith(value));
  return startsWithValue ? statement : statement.charAt(0).toLowerCase() + statement.slice(1);
}

/** Cuts after 40% to 90% of the words, never at the end of a sentence. */
function breakOff(answer: string, random: Random): string {
  const words = answer.split(" ");
  const keep = Math.max(2, Math.floor(words.length * (0.4 + 0.5 * random.uniform())));
  return words
    .slice(0, Math.min(keep, words.length - 1))
    .join(" ")
    .replace(/[.!?,]+$/, "");
}
