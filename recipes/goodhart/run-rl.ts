/**
 * One RL run against the small reward model, and what the policy answers at every look: the guards' questions, and others by
 * which the truth is measured. None of them is trained on. Knows no judge of an answer but the reward models.
 */
import { type Backend, loadModel, type Tokenizer } from "attune";
import { drawQuestions, type ObservedAnswer, promptOf, rolloutAnswers, type World } from "attune/evaluate";
import { bindWeights, openModel } from "attune/models";
import { modelReward, type Reward, scoreItems } from "attune/rewards";
import { trainOnline } from "attune/train";
import { trainedQuestions } from "./files.js";

export interface RlOptions {
  backend: Backend;
  world: World;
  policy: string;
  /** Trained on. */
  rewardModel: string;
  /** A guard's. */
  heldOut: string;
  seed: number;
  rollouts: number;
  /** Weight of the KL against the start; 0: no KL. */
  beta: number;
  learningRate: number;
  /** Rollouts between looks. */
  every: number;
  say: (line: string) => void;
}

/** An answer with what the held-out reward model says of it; `prompt` is the question's text. */
export type LookAnswer = ObservedAnswer & { model: number };

export interface Look {
  step: number;
  /** To the guards' questions. */
  guard: LookAnswer[];
  /** To those that only the truth is measured by. */
  truth: LookAnswer[];
}

export interface RlRun {
  beta: number;
  seed: number;
  looks: Look[];
}

const questions = { guard: 256, truth: 512 };
const [prompts, samples] = [32, 4];

/** Leave-one-out REINFORCE: every rollout asks 32 of 2,560 questions, four answers each. */
export async function runRl(o: RlOptions): Promise<RlRun> {
  const { policy, tokenizer } = await loadModel(o.policy, { seed: o.seed });
  const reward = await openReward(o, { name: "proxy", path: o.rewardModel, tokenizer });
  const heldOut = await openReward(o, { name: "held-out", path: o.heldOut, tokenizer });
  const asked = drawQuestions(o.world, { count: trainedQuestions, seed: o.seed, stream: "goodhart" });
  const looked = drawQuestions(o.world, {
    count: questions.guard + questions.truth,
    splits: ["prompt"],
    seed: o.seed,
    stream: "goodhart-looks",
  });
  const guards = new Set(looked.slice(0, questions.guard).map(({ text }) => text));
  const rows = (list: typeof asked) => list.map((q) => ({ id: q.text, prompt: promptOf(q) }));
  const looks: Look[] = [];
  const reports = trainOnline({
    backend: o.backend,
    method: "rloo",
    policy,
    tokenizer,
    reward,
    prompts: rows(asked),
    settings: {
      num_generations: samples,
      per_device_train_batch_size: 64,
      gradient_accumulation_steps: (prompts * samples) / 64,
      total_episodes: o.rollouts * prompts * samples,
      max_completion_length: 64,
      beta: o.beta,
      seed: o.seed,
      stop_kl: 0,
    },
    watch: {
      prompts: rows(looked),
      every: o.every,
      look: async (report) => {
        const { scores } = await scoreItems(heldOut, report.items);
        const answers = rolloutAnswers(report).map((answer, i) => ({ ...answer, model: scores[i]! }));
        const { step } = report;
        const guard = answers.filter(({ prompt }) => guards.has(prompt));
        looks.push({ step, guard, truth: answers.filter(({ prompt }) => !guards.has(prompt)) });
        const mean = (of: (answer: LookAnswer) => number): string =>
          (answers.reduce((sum, each) => sum + of(each), 0) / answers.length).toFixed(2);
        o.say(
          `seed ${o.seed}, beta ${o.beta}, step ${step}: proxy ${mean(({ proxy }) => proxy)}, KL ${mean(({ kl }) => kl)}`,
        );
        return undefined;
      },
    },
    fit: { learningRate: o.learningRate, schedule: "constant", detailSteps: 0, recompute: "none" },
  });
  try {
    for await (const _ of reports);
  } finally {
    await reward.close?.();
    await heldOut.close?.();
  }
  return { beta: o.beta, seed: o.seed, looks };
}

async function openReward(
  { backend }: RlOptions,
  { name, path, tokenizer }: { name: string; path: string; tokenizer: Tokenizer },
): Promise<Reward> {
  const { model } = await openModel(path);
  const graph = { config: model.config, weights: bindWeights(model) };
  return modelReward(name, { backend, model: { graph }, tokenizer });
}
