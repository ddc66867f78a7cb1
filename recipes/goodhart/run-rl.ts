/** One RL run against the small reward model, watched by the guard at every rollout. Knows no files but the models'. */
import { type Backend, loadModel, type Tokenizer } from "attune";
import {
  clusteredMean,
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
import { modelReward, type Reward, scoreItems } from "attune/rewards";
import { trainOnline } from "attune/train";

export interface RlOptions {
  backend: Backend;
  world: World;
  policy: string;
  /** Trained on. */
  rewardModel: string;
  /** The guard's. */
  heldOut: string;
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
  /** The people's true utility at each observation, which neither the training nor the guard sees. */
  truth: { mean: number; standardError: number }[];
  /** The first verdict that said stop. The run goes on behind it, to show what it would have come to. */
  stopped: Verdict | undefined;
}

const prompts = 64;
const samples = 4;

/** Leave-one-out REINFORCE on 64 questions, four answers each, every rollout. */
export async function runRl(o: RlOptions): Promise<RlRun> {
  const { policy, tokenizer } = await loadModel(o.policy, { seed: o.seed });
  const reward = await openReward(o, { name: "proxy", path: o.rewardModel, tokenizer });
  const heldOut = await openReward(o, { name: "held-out", path: o.heldOut, tokenizer });
  const taste = tasteOfPeople();
  const questions = drawQuestions(o.world, { count: prompts, seed: o.seed, stream: "goodhart" });
  const observations: Observation[] = [];
  const truth: RlRun["truth"] = [];
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
    onRollout: async (report) => {
      const { texts, rollout } = report;
      const asked = texts.map((_, i) => o.world.find(report.prompts[i]!.id)!);
      const { scores: gold } = await scoreItems(
        heldOut,
        texts.map((completion, i) => ({ id: String(i), prompt: promptOf(asked[i]!), completion })),
      );
      observations.push(observeAnswers(rolloutAnswers(report, { gold }), { step: rollout }));
      const values = texts.map((text, i) => ({
        value: utility(asked[i]!, text, taste),
        cluster: asked[i]!.text,
      }));
      truth.push(clusteredMean(values));
      const verdict = judgeSeries(observations);
      const { proxy, gold: held, kl } = observations.at(-1)!.measures;
      const numbers = [proxy, held, truth.at(-1), kl].map((each) => each!.mean.toFixed(2)).join(" ");
      o.say(`beta ${o.beta}, rollout ${rollout}: proxy, held-out, true, KL ${numbers}; ${verdict.state}`);
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
    await heldOut.close?.();
  }
  return { beta: o.beta, observations, truth, stopped };
}

async function openReward(
  { backend }: RlOptions,
  { name, path, tokenizer }: { name: string; path: string; tokenizer: Tokenizer },
): Promise<Reward> {
  const { model } = await openModel(path);
  const graph = { config: model.config, weights: bindWeights(model) };
  return modelReward(name, { backend, model: { graph }, tokenizer });
}
