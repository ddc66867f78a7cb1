/** One RL run against the small reward model, watched by the guard at every rollout. Knows no files but the models'. */
import { type Backend, loadModel } from "attune";
import {
  drawQuestions,
  judgeSeries,
  type Observation,
  observeAnswers,
  promptOf,
  rolloutAnswers,
  tasteOfPeople,
  utility,
  type Verdict,
  type World,
} from "attune/evaluate";
import { bindWeights, openModel } from "attune/models";
import { modelReward } from "attune/rewards";
import { trainOnline } from "attune/train";

export interface RlOptions {
  backend: Backend;
  world: World;
  policy: string;
  rewardModel: string;
  seed: number;
  rollouts: number;
  /** Weight of the KL against the start; 0: no KL. */
  beta: number;
  learningRate: number;
  say: (line: string) => void;
}

export interface RlRun {
  beta: number;
  observations: Observation[];
  /** The first verdict that said stop. The run goes on behind it, to show what it would have come to. */
  stopped: Verdict | undefined;
}

const prompts = 64;
const samples = 4;

/** Leave-one-out REINFORCE on 64 questions, four answers each, every rollout. */
export async function runRl(o: RlOptions): Promise<RlRun> {
  const { policy, tokenizer } = await loadModel(o.policy, { seed: o.seed });
  const judge = (await openModel(o.rewardModel)).model;
  const reward = modelReward("proxy", {
    backend: o.backend,
    model: { graph: { config: judge.config, weights: bindWeights(judge) } },
    tokenizer,
  });
  const taste = tasteOfPeople();
  const questions = drawQuestions(o.world, { count: prompts, seed: o.seed, stream: "goodhart" });
  const observations: Observation[] = [];
  let stopped: Verdict | undefined;
  const reports = trainOnline({
    backend: o.backend,
    method: "rloo",
    policy,
    tokenizer,
    reward,
    prompts: questions.map((question) => ({ id: question.text, prompt: promptOf(question) })),
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
    onRollout: (report) => {
      const gold = report.texts.map((text, i) => utility(o.world.find(report.prompts[i]!.id)!, text, taste));
      observations.push(observeAnswers(rolloutAnswers(report, { gold }), { step: report.rollout }));
      const verdict = judgeSeries(observations);
      const { proxy, gold: truth, kl } = observations.at(-1)!.measures;
      const numbers = [proxy, truth, kl].map((each) => each!.mean.toFixed(2)).join(" ");
      o.say(`beta ${o.beta}, rollout ${report.rollout}: proxy, true, KL ${numbers}; ${verdict.state}`);
      if (verdict.stop && stopped === undefined) {
        stopped = verdict;
        o.say(`  ${verdict.words}`);
      }
    },
    fit: { learningRate: o.learningRate, schedule: "constant", detailSteps: 0, recompute: "none" },
  });
  try {
    for await (const _ of reports);
  } finally {
    await reward.close?.();
  }
  return { beta: o.beta, observations, stopped };
}
