/**
 * Simulated people who compare two answers: their own taste, Bradley-Terry noise, ties, a lean to one side, and
 * attention that may lapse. Knows the true utility, and tells only a judgement.
 */
import { AttuneError } from "../../errors.js";
import type { Random } from "../../util/random.js";
import { happens } from "./chance.js";
import type { Question } from "./schema.js";
import { commonTaste, meanTaste, tasteNames, utility, type Taste } from "./utility.js";

export interface SimulatedAnnotator {
  id: string;
  /** What an onlooker would say of them. */
  character: string;
  taste: Taste;
  /** Divides the difference of utilities, > 0: 1 is Bradley-Terry as written, larger is noisier. */
  temperature: number;
  /** Davidson's tie parameter, >= 0: 0 never ties; 0.3 ties in 13% of the comparisons between equals. */
  ties: number;
  /** Log-odds added for the answer shown on the left; 0 for someone without a lean. */
  leftLean: number;
  /** Share of comparisons judged without reading, by side alone, in [0, 1]. */
  inattention: number;
}

export interface SimulatedJudgement {
  annotator: string;
  /** In content order: `a` is the first answer given to `judge`, whatever side it was shown on. */
  winner: "a" | "b" | "tie";
  /** 0 for a tie, 1 slightly, 2 clearly, 3 much better. */
  strength: 0 | 1 | 2 | 3;
  /** Left to right. */
  shownOrder: readonly ["a", "b"] | readonly ["b", "a"];
}

const attentive = { temperature: 1, ties: 0.3, leftLean: 0, inattention: 0 };

/** Five people, on purpose unlike each other. */
export const builtInAnnotators: readonly SimulatedAnnotator[] = [
  {
    id: "ada",
    character: "checks every fact",
    taste: { ...commonTaste, correctness: 2.6, warmth: 0.1 },
    ...attentive,
    temperature: 0.8,
  },
  {
    id: "bruno",
    character: "is in a hurry",
    taste: { ...commonTaste, excessWords: -0.16, warmth: -0.2, repetition: -3 },
    ...attentive,
  },
  {
    id: "chen",
    character: "likes a friendly word",
    taste: { ...commonTaste, correctness: 1.2, warmth: 1.4, robotic: -1.2 },
    ...attentive,
  },
  {
    id: "dora",
    character: "cannot stand hedging or machines",
    taste: { ...commonTaste, hedges: -1.3, robotic: -1.6 },
    ...attentive,
  },
  {
    id: "emil",
    character: "is tired, and often takes the left one",
    taste: { ...commonTaste, excessWords: -0.12 },
    temperature: 2,
    ties: 0.6,
    leftLean: 0.5,
    inattention: 0.15,
  },
];

/** More people: tastes scattered around the common one by `spread` (standard deviation, relative), all attentive. */
export function drawAnnotators(
  count: number,
  random: Random,
  { spread = 0.4 }: { spread?: number } = {},
): SimulatedAnnotator[] {
  return Array.from({ length: count }, (_, index) => {
    const taste = { ...commonTaste };
    for (const name of tasteNames) taste[name] *= 1 + spread * random.normal();
    return { id: `person-${index + 1}`, character: "one of the crowd", taste, ...attentive };
  });
}

/** The taste of the whole people: the plain mean, in which everyone counts the same. Refuses an empty list. */
export function tasteOfPeople(annotators: readonly SimulatedAnnotator[] = builtInAnnotators): Taste {
  if (annotators.length === 0) {
    throw new AttuneError("usage", {
      where: "tasteOfPeople",
      expected: "at least one annotator",
      got: "none",
      fix: "leave the argument out for the built-in five",
    });
  }
  return meanTaste(annotators.map((annotator) => annotator.taste));
}

/**
 * One comparison. With d the difference of utilities over the temperature, plus the lean to the shown side,
 * P(a) : P(b) : P(tie) = exp(d/2) : exp(-d/2) : ties (Davidson 1970, "On extending the Bradley-Terry model to
 * accommodate ties", J. Am. Stat. Assoc. 65). Without ties this is Bradley-Terry. Four draws a call, always.
 */
export function judge(
  annotator: SimulatedAnnotator,
  pair: { question: Question; a: string; b: string },
  { random }: { random: Random },
): SimulatedJudgement {
  const shownOrder = happens(random, 0.5) ? (["a", "b"] as const) : (["b", "a"] as const);
  const asleep = happens(random, annotator.inattention);
  const draw = random.uniform();
  const strengthDraw = random.uniform();
  const difference = asleep
    ? 0
    : utility(pair.question, pair.a, annotator.taste) - utility(pair.question, pair.b, annotator.taste);
  const lean = (shownOrder[0] === "a" ? 1 : -1) * (asleep ? 2 : 1) * annotator.leftLean;
  const d = difference / annotator.temperature + lean;
  const chances = davidson(d, annotator.ties);
  const winner = draw < chances.a ? "a" : draw < chances.a + chances.b ? "b" : "tie";
  return {
    annotator: annotator.id,
    winner,
    strength: winner === "tie" ? 0 : strengthOf(d, strengthDraw),
    shownOrder,
  };
}

function davidson(d: number, ties: number): { a: number; b: number } {
  // Scaled by the larger of the two, so that a huge difference does not overflow.
  const a = Math.exp(Math.min(0, d));
  const b = Math.exp(Math.min(0, -d));
  const total = a + b + ties * Math.exp(-Math.abs(d) / 2);
  return { a: a / total, b: b / total };
}

/** Larger differences feel stronger: steps at 1 and 2.5 log-odds, blurred by half a unit to either side. */
function strengthOf(d: number, draw: number): 1 | 2 | 3 {
  const felt = Math.abs(d) + draw - 0.5;
  return felt < 1 ? 1 : felt < 2.5 ? 2 : 3;
}
