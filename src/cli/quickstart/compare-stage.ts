/**
 * The comparison: every model answers the same prompts, which none has seen; each answer gets the people's true utility, the
 * reward model's score, and its log-probability under the models it is compared with. Knows no training.
 */
import type { Example } from "../../data/index.js";
import {
  answerFeatures,
  clusteredMean,
  drawQuestions,
  pairedWinRate,
  sampledKl,
  sequenceLogProbs,
  sequenceRewards,
  tasteOfPeople,
  utility,
  type Claim,
  type ClusteredMean,
  type ClusteredValue,
  type Question,
  type World,
} from "../../evaluate/index.js";
import type { WinRate } from "../../stats/index.js";
import type { Backend } from "../../tensor/index.js";
import type { FrozenModel } from "./models.js";
import type { ModelAnswer } from "./sample-answers.js";

export const modelNames = ["base", "sft", "dpo", "ppo"] as const;
export type ModelName = (typeof modelNames)[number];

export interface JudgedAnswer {
  prompt: string;
  sample: number;
  text: string;
  claim: Claim;
  words: number;
  /** What the people as a whole think of it, in log-odds; never seen by any training. */
  utility: number;
  /** What the reward model thinks of it. */
  reward: number;
  /** The fact asked about: answers about one fact are not independent. */
  cluster: string;
}

export interface ModelSummary {
  utility: ClusteredMean;
  reward: ClusteredMean;
  /** Share of answers with the right fact and no wrong one. */
  correct: ClusteredMean;
  words: ClusteredMean;
  /** Share of answers that the model ended itself. */
  finished: ClusteredMean;
  /** KL from the base model and from the fine-tuned one, nats an answer; null where that is the model itself, or a descendant. */
  klFromBase: ClusteredMean | null;
  klFromSft: ClusteredMean | null;
}

export interface Duel {
  ours: ModelName;
  theirs: ModelName;
  /** Under the people's true utility. */
  people: WinRate;
  /** Under the reward model. */
  rewardModel: WinRate;
}

export interface Comparison {
  prompts: number;
  samples: number;
  facts: number;
  models: Record<ModelName, ModelSummary>;
  duels: Duel[];
  answers: Record<ModelName, JudgedAnswer[]>;
}

/**
 * `count` questions whose wording, or whose whole fact, was kept out of every training prompt. One question a fact as long as
 * there are facts, so that they are as independent as they can be.
 */
export function unseenQuestions(world: World, { count, seed }: { count: number; seed: number }): Question[] {
  const held = world.questions.filter(({ split }) => split !== "train").length;
  const all = drawQuestions(world, { count: held, splits: ["prompt", "fact"], seed, stream: "comparison" });
  const seen = new Set<string>();
  const first: Question[] = [];
  const further: Question[] = [];
  for (const question of all) (seen.has(question.fact.id) ? further : first).push(noted(question, seen));
  return [...first, ...further].slice(0, count);
}

function noted(question: Question, seen: Set<string>): Question {
  seen.add(question.fact.id);
  return question;
}

export interface CompareOptions {
  backend: Backend;
  models: Readonly<Record<ModelName, FrozenModel>>;
  rewardModel: FrozenModel;
  answers: Readonly<Record<ModelName, readonly ModelAnswer[]>>;
  seed: number;
}

export async function compareModels({
  backend,
  models,
  rewardModel,
  answers,
  seed,
}: CompareOptions): Promise<Comparison> {
  const judged = {} as Record<ModelName, JudgedAnswer[]>;
  const summaries = {} as Record<ModelName, ModelSummary>;
  const taste = tasteOfPeople();
  for (const name of modelNames) {
    const own = answers[name];
    const examples = own.map(toExample);
    const rewards = await sequenceRewards(examples, { backend, model: rewardModel });
    judged[name] = own.map(({ question, sample, text }, i) => {
      const { claim, words } = answerFeatures(question.fact, text);
      return {
        prompt: question.text,
        sample,
        text,
        claim,
        words,
        utility: utility(question, text, taste),
        reward: rewards[i]![0]!,
        cluster: question.fact.id,
      };
    });
    const klFrom = async (reference: ModelName): Promise<ClusteredMean> => {
      const logProbs = await sequenceLogProbs(examples, { backend, model: models[reference] });
      return sampledKl(
        own.map(({ logProb, question }, i) => ({
          logProb,
          referenceLogProb: logProbs[i]![0]!,
          cluster: question.fact.id,
        })),
      );
    };
    summaries[name] = {
      ...summarise(judged[name]),
      finished: share(
        own.map(({ finished, question }) => ({ value: Number(finished), cluster: question.fact.id })),
      ),
      klFromBase: name === "base" ? null : await klFrom("base"),
      klFromSft: name === "dpo" || name === "ppo" ? await klFrom("sft") : null,
    };
  }
  return {
    prompts: new Set(judged.base.map(({ prompt }) => prompt)).size,
    samples: 1 + Math.max(...judged.base.map(({ sample }) => sample)),
    facts: new Set(judged.base.map(({ cluster }) => cluster)).size,
    models: summaries,
    duels: duelsOf(judged, seed),
    answers: judged,
  };
}

function duelsOf(judged: Readonly<Record<ModelName, JudgedAnswer[]>>, seed: number): Duel[] {
  const pairs: [ModelName, ModelName][] = [
    ["sft", "base"],
    ["dpo", "sft"],
    ["ppo", "sft"],
    ["dpo", "base"],
    ["ppo", "base"],
    ["ppo", "dpo"],
  ];
  return pairs.map(([ours, theirs]) => {
    const rate = (by: "utility" | "reward"): WinRate => {
      const scored = (name: ModelName) =>
        judged[name].map((answer) => ({ score: answer[by], cluster: answer.cluster }));
      return pairedWinRate({ ours: scored(ours), theirs: scored(theirs) }, { seed });
    };
    return { ours, theirs, people: rate("utility"), rewardModel: rate("reward") };
  });
}

function summarise(
  answers: readonly JudgedAnswer[],
): Pick<ModelSummary, "utility" | "reward" | "correct" | "words"> {
  const mean = (of: (answer: JudgedAnswer) => number): ClusteredMean =>
    clusteredMean(answers.map((answer) => ({ value: of(answer), cluster: answer.cluster })));
  return {
    utility: mean((answer) => answer.utility),
    reward: mean((answer) => answer.reward),
    correct: share(answers.map(({ claim, cluster }) => ({ value: Number(claim === "right"), cluster }))),
    words: mean((answer) => answer.words),
  };
}

/** A mean of zeros and ones, whose interval ends where shares do. */
function share(values: readonly ClusteredValue[]): ClusteredMean {
  const mean = clusteredMean(values);
  return { ...mean, low: Math.max(0, mean.low), high: Math.min(1, mean.high) };
}

const toExample = ({ prompt, tokens, question, sample }: ModelAnswer): Example => ({
  id: `${question.text}/${sample}`,
  prompt,
  completions: [{ tokens }],
});
