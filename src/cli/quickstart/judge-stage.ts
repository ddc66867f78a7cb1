/**
 * The people's stage: two sampled answers to each question, judged by simulated people, whose majority makes preference rows.
 * Knows no training.
 */
import {
  pairAgreement,
  type PairAgreement,
  builtInAnnotators,
  collectJudgements,
  preferenceRows,
  type AnswerPair,
  type JudgedPair,
  type PreferenceRow,
} from "../../evaluate/index.js";
import type { ModelAnswer } from "./sample-answers.js";

export interface JudgedStage {
  /** Training and held-out rows; no fact is asked about on both sides. */
  train: PreferenceRow[];
  heldOut: PreferenceRow[];
  judged: JudgedPair[];
  agreement: PairAgreement;
  counts: {
    /** Questions that two answers were sampled for. */
    questions: number;
    /** Of these, left out because the two answers were the same or one was empty. */
    unusable: number;
    /** Left out because votes were even. */
    undecided: number;
    people: number;
  };
}

/** Two answers a question, as `sampleAnswers` gives them. */
export function judgeAnswers(
  answers: readonly ModelAnswer[],
  { heldOutPairs, judgesPerPair, seed }: { heldOutPairs: number; judgesPerPair: number; seed: number },
): JudgedStage {
  const pairs: AnswerPair[] = [];
  for (let i = 0; i + 1 < answers.length; i += 2) {
    const [a, b] = [answers[i]!, answers[i + 1]!];
    if (a.text === b.text || a.text.trim() === "" || b.text.trim() === "") continue;
    pairs.push({ id: `pair-${i / 2 + 1}`, question: a.question, a: a.text, b: b.text });
  }
  const judged = collectJudgements(pairs, { perPair: judgesPerPair, seed });
  const { rows, undecided } = preferenceRows(judged);
  const held = heldOutFacts(judged, heldOutPairs);
  const factOf = new Map(judged.map(({ id, question }) => [id, question.fact.id]));
  return {
    train: rows.filter(({ id }) => !held.has(factOf.get(id)!)),
    heldOut: rows.filter(({ id }) => held.has(factOf.get(id)!)),
    judged,
    agreement: pairAgreement(
      judged.map(({ judgements }) => judgements.map(({ winner }) => winner)),
      { seed },
    ),
    counts: {
      questions: answers.length / 2,
      unusable: answers.length / 2 - pairs.length,
      undecided,
      people: builtInAnnotators.length,
    },
  };
}

/** Facts, in the seeded order of the questions, until they hold so many pairs. */
function heldOutFacts(judged: readonly JudgedPair[], wanted: number): Set<string> {
  const pairsOf = new Map<string, number>();
  for (const { question } of judged) pairsOf.set(question.fact.id, (pairsOf.get(question.fact.id) ?? 0) + 1);
  const held = new Set<string>();
  let pairs = 0;
  for (const [fact, count] of pairsOf) {
    if (pairs >= wanted) break;
    held.add(fact);
    pairs += count;
  }
  return held;
}
