/**
 * What is held out: the people's true utility, what people say, and a reward model. Looks in, a guard's observations and the
 * truth out; knows no training.
 */
import {
  clusteredMean,
  collectJudgements,
  type Observation,
  observeAnswers,
  tasteOfPeople,
  utility,
  type World,
} from "attune/evaluate";
import type { Look, LookAnswer, RlRun } from "./run-rl.js";

export type Judge = "truth" | "people" | "model";
export const judges: readonly Judge[] = ["truth", "people", "model"];

export interface Truth {
  mean: number;
  standardError: number | null;
}

const taste = tasteOfPeople();

/** The true utility of the answers that no guard sees, by look. */
export const truthOf = (run: RlRun, world: World): Truth[] =>
  run.looks.map(({ truth }) =>
    clusteredMean(
      truth.map(({ prompt, text }) => ({
        value: utility(world.find(prompt)!, text, taste),
        cluster: prompt,
      })),
    ),
  );

/** What a guard sees that asks the first `prompts` of its questions. */
export function seriesOf(
  run: RlRun,
  o: { judge: Judge; world: World; prompts?: number | undefined },
): Observation[] {
  const starts = new Map(run.looks[0]!.guard.map(({ prompt, text }) => [prompt, text]));
  const scores: Record<Judge, (answer: LookAnswer) => number> = {
    truth: ({ prompt, text }) => utility(o.world.find(prompt)!, text, taste),
    people: (answer) => saidBy(answer, { start: starts.get(answer.prompt)!, world: o.world, seed: run.seed }),
    model: ({ model }) => model,
  };
  return run.looks.map(({ step, guard }: Look) =>
    observeAnswers(
      guard.slice(0, o.prompts).map((answer) => ({ ...answer, gold: scores[o.judge](answer) })),
      { step },
    ),
  );
}

/** Whether a person likes an answer better than the start's, in [0, 1]; nobody is asked twice about the same two. */
function saidBy({ prompt, text }: LookAnswer, o: { start: string; world: World; seed: number }): number {
  if (text === o.start) return 0.5;
  const pair = { id: prompt, question: o.world.find(prompt)!, a: text, b: o.start };
  const [judged] = collectJudgements([pair], { perPair: 1, seed: o.seed + hashOf(`${prompt}\n${text}`) });
  const { winner } = judged!.judgements[0]!;
  return winner === "a" ? 1 : winner === "b" ? 0 : 0.5;
}

/** A whole number below 2^31 for a text (FNV-1a): the same answer is judged the same. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 1;
}
