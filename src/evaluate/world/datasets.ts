/**
 * Data sets of the built-in task in TRL's columns: demonstrations, judged pairs, prompts to evaluate on. Every one is a
 * pure function of (world, options); knows no files.
 */
import { AttuneError } from "../../errors.js";
import { createRandom, type Random } from "../../util/random.js";
import { builtInAnnotators, judge, type SimulatedAnnotator, type SimulatedJudgement } from "./annotators.js";
import { demonstrationRates, drawStyle, mixedRates, writeAnswer, type StyleRates } from "./answers.js";
import { promptOf, type SaidTurn } from "./prompt.js";
import type { Question, Split, World } from "./schema.js";

/** TRL's conversational prompt-completion row. */
export interface DemonstrationRow {
  prompt: [SaidTurn];
  completion: [SaidTurn];
}

/** TRL's conversational preference row; `id` and `votes` are further columns that trainers ignore. */
export interface PreferenceRow {
  id: string;
  prompt: [SaidTurn];
  chosen: [SaidTurn];
  rejected: [SaidTurn];
  /** Share of the votes for the chosen answer, a tie counting half for each side; in (0.5, 1]. */
  votes: number;
}

export interface AnswerPair {
  id: string;
  question: Question;
  a: string;
  b: string;
}

export interface JudgedPair extends AnswerPair {
  judgements: SimulatedJudgement[];
}

const said = (content: string): [SaidTurn] => [{ role: "assistant", content }];

/** `count` different questions of the given splits, in random order. Refuses more than there are. */
export function drawQuestions(
  world: World,
  options: { count: number; splits?: readonly Split[]; seed?: number; stream?: string },
): Question[] {
  const { count, splits = ["train"], seed = 0, stream = "questions" } = options;
  const candidates = world.questions.filter((question) => splits.includes(question.split));
  if (!Number.isSafeInteger(count) || count < 0 || count > candidates.length) {
    throw new AttuneError("config", {
      where: "drawQuestions: count",
      expected: `a whole number from 0 to ${candidates.length}, the questions of split ${splits.join(", ")}`,
      got: String(count),
    });
  }
  return createRandom(seed, { stream }).shuffle(candidates).slice(0, count);
}

/** Good but imperfect answers to training questions, for supervised fine-tuning. */
export function demonstrations(
  world: World,
  options: { count: number; seed?: number; rates?: StyleRates },
): DemonstrationRow[] {
  const { count, seed = 0, rates = demonstrationRates } = options;
  const random = createRandom(seed, { stream: "demonstrations" });
  return drawQuestions(world, { count, seed, stream: "demonstration-questions" }).map((question) => ({
    prompt: promptOf(question),
    completion: said(writeAnswer(question.fact, drawStyle(random, rates), random)),
  }));
}

/**
 * Two different written answers to each question. A model's own samples can take their place: `collectJudgements` takes
 * any pair.
 */
export function answerPairs(
  world: World,
  options: { count: number; splits?: readonly Split[]; seed?: number; rates?: StyleRates },
): AnswerPair[] {
  const { count, splits = ["train"], seed = 0, rates = mixedRates } = options;
  const random = createRandom(seed, { stream: `pairs/${splits.join("+")}` });
  return drawQuestions(world, { count, splits, seed, stream: "pair-questions" }).map((question, index) => {
    const a = writeAnswer(question.fact, drawStyle(random, rates), random);
    let b = a;
    while (b === a) b = writeAnswer(question.fact, drawStyle(random, rates), random);
    return { id: `pair-${index + 1}`, question, a, b };
  });
}

/** Each pair judged by `perPair` different people, drawn anew for each pair. */
export function collectJudgements(
  pairs: readonly AnswerPair[],
  options: { annotators?: readonly SimulatedAnnotator[]; perPair?: number; seed?: number } = {},
): JudgedPair[] {
  const { annotators = builtInAnnotators, perPair = 3, seed = 0 } = options;
  if (!Number.isSafeInteger(perPair) || perPair < 1 || perPair > annotators.length) {
    throw new AttuneError("config", {
      where: "collectJudgements: perPair",
      expected: `a whole number from 1 to ${annotators.length}, the number of annotators`,
      got: String(perPair),
    });
  }
  const random = createRandom(seed, { stream: "judgements" });
  return pairs.map((pair) => ({ ...pair, judgements: judgeOnce(pair, annotators, perPair, random) }));
}

function judgeOnce(
  pair: AnswerPair,
  annotators: readonly SimulatedAnnotator[],
  perPair: number,
  random: Random,
): SimulatedJudgement[] {
  const people = random.shuffle([...annotators]).slice(0, perPair);
  return people.map((annotator) => judge(annotator, pair, { random }));
}

/** The majority's preference of each pair; pairs without a majority are counted, not guessed. */
export function preferenceRows(judged: readonly JudgedPair[]): { rows: PreferenceRow[]; undecided: number } {
  const rows: PreferenceRow[] = [];
  for (const pair of judged) {
    const forA = pair.judgements.reduce(
      (sum, { winner }) => sum + (winner === "a" ? 1 : winner === "tie" ? 0.5 : 0),
      0,
    );
    const share = forA / pair.judgements.length;
    if (pair.judgements.length === 0 || share === 0.5) continue;
    const [chosen, rejected] = share > 0.5 ? [pair.a, pair.b] : [pair.b, pair.a];
    rows.push({
      id: pair.id,
      prompt: promptOf(pair.question),
      chosen: said(chosen),
      rejected: said(rejected),
      votes: Math.max(share, 1 - share),
    });
  }
  return { rows, undecided: judged.length - rows.length };
}
