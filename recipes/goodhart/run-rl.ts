/** One RL run against the small reward model, watched by the guard at every rollout. Knows no files but the models'. */
import { type Backend, loadModel, type Tokenizer } from "attune";
import {
  clusteredMean,
  collectJudgements,
  drawQuestions,
  judgeSeries,
  type Observation,
  observeAnswers,
  promptOf,
  rolloutAnswers,
  tasteOfPeople,
  utility,
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
  /** What the two guards saw: the same answers, held against people's judgements, and against a held-out reward model. */
  series: Record<Guard, Observation[]>;
  /** The people's true utility at each observation, which neither the training nor the guard sees. */
  truth: { mean: number; standardError: number }[];
}

export type Guard = "people" | "model";

const prompts = 64;
const samples = 4;

/** Leave-one-out REINFORCE on 64 questions, four answers each, every rollout. */
export async function runRl(o: RlOptions): Promise<RlRun> {
  const { policy, tokenizer } = await loadModel(o.policy, { seed: o.seed });
  const reward = await openReward(o, { name: "proxy", path: o.rewardModel, tokenizer });
  const heldOut = await openReward(o, { name: "held-out", path: o.heldOut, tokenizer });
  const taste = tasteOfPeople();
  const questions = drawQuestions(o.world, { count: prompts, seed: o.seed, stream: "goodhart" });
  const series: RlRun["series"] = { people: [], model: [] };
  /** The start's answers, which people compare later ones with. */
  let starts: Map<string, string> | undefined;
  const truth: RlRun["truth"] = [];
  const told = new Set<Guard>();
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
      const { scores: byModel } = await scoreItems(
        heldOut,
        texts.map((completion, i) => ({ id: String(i), prompt: promptOf(asked[i]!), completion })),
      );
      starts ??= new Map(report.prompts.map(({ id }, i) => [`${id}#${i % samples}`, texts[i]!]));
      const pairs = texts.map((a, i) => {
        const b = starts!.get(`${report.prompts[i]!.id}#${i % samples}`)!;
        return { id: String(i), question: asked[i]!, a, b };
      });
      // One person each, another one every time.
      const judged = collectJudgements(pairs, { perPair: 1, seed: o.seed + rollout });
      const byPeople = judged.map(({ judgements: [said] }) =>
        said!.winner === "a" ? 1 : said!.winner === "b" ? 0 : 0.5,
      );
      const look = (gold: ArrayLike<number>): Observation =>
        observeAnswers(rolloutAnswers(report, { gold }), { step: rollout });
      series.people.push(look(byPeople));
      series.model.push(look(byModel));
      const values = texts.map((text, i) => ({
        value: utility(asked[i]!, text, taste),
        cluster: asked[i]!.text,
      }));
      truth.push(clusteredMean(values));
      const { proxy, gold, kl } = series.people.at(-1)!.measures;
      const model = series.model.at(-1)!.measures.gold;
      const numbers = [proxy, gold, model, truth.at(-1), kl].map((each) => each!.mean.toFixed(2));
      o.say(
        `beta ${o.beta}, rollout ${rollout}: proxy, people, held-out model, true, KL ${numbers.join(" ")}`,
      );
      for (const guard of ["people", "model"] as const) {
        const verdict = judgeSeries(series[guard]);
        if (!verdict.stop || told.has(guard)) continue;
        // The run goes on behind it, to show what it would have come to.
        told.add(guard);
        o.say(`  the guard with ${guard}: ${verdict.words}`);
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
  return { beta: o.beta, series, truth };
}

async function openReward(
  { backend }: RlOptions,
  { name, path, tokenizer }: { name: string; path: string; tokenizer: Tokenizer },
): Promise<Reward> {
  const { model } = await openModel(path);
  const graph = { config: model.config, weights: bindWeights(model) };
  return modelReward(name, { backend, model: { graph }, tokenizer });
}
