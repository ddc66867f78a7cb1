/**
 * Does learning from one's own answers help? On the built-in world: SFT, a reward model of 1,500 judged pairs, then METHOD
 * against it; at the end the people's true utility, which nothing was trained on, against SFT's on prompts nobody has seen.
 *
 *   npm run recipe -- online-utility METHOD SEED [--gold] [--folder FOLDER]
 *
 * METHOD: ppo, rloo, grpo, online-dpo. `--gold` rewards the true utility itself. A line is added to FOLDER/results.jsonl.
 */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  eachReward,
  loadModel,
  modelReward,
  ortBackend,
  type Reward,
  saveModelFolder,
  trainOnline,
} from "attune";
import { createWorld, drawQuestions, promptOf, tasteOfPeople, utility } from "attune/evaluate";
import { bindWeights, openModel } from "attune/models";
import { answerText, promptText } from "attune/rewards";
import { difference, measure, type MeasuredAnswer } from "./measure.js";
import { answers, type MeasuredMethod, runSettings } from "./settings.js";
import { makeStart } from "./start.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    gold: { type: "boolean", default: false },
    folder: { type: "string", default: "attune-runs/online-utility" },
    rollouts: { type: "string" },
  },
});
const [method = "rloo", seedText = "42"] = positionals;
if (!(method in runSettings)) throw new Error(`METHOD is one of ${Object.keys(runSettings).join(", ")}`);
const seed = Number(seedText);
const { rollouts: usual, learningRate, settings } = runSettings[method as MeasuredMethod];
const rollouts = Number(values.rollouts ?? usual);

const backend = ortBackend();
const world = createWorld();
const began = performance.now();
const seconds = (): number => Math.round((performance.now() - began) / 1000);
const start = await makeStart({ backend, world, folder: join(values.folder, `seed-${seed}`), seed });
const { policy, tokenizer } = await loadModel(start.policy, { seed });
const startSeconds = seconds();

const reward = values.gold ? trueUtility() : await rewardModel();
const questions = drawQuestions(world, { count: 1000, seed, stream: "online-utility" });
const time = { generation: 0, reward: 0, scoring: 0 };
const trajectory: { kl: number; proxy: number; length: number }[] = [];
const run = trainOnline({
  backend,
  method: method as MeasuredMethod,
  policy,
  tokenizer,
  reward,
  prompts: questions.map((question) => ({ id: question.text, prompt: promptOf(question) })),
  // A machine that stands still for a while (a laptop asleep) is no reward that hangs.
  settings: {
    ...settings,
    total_episodes: rollouts * answers,
    max_completion_length: 64,
    reward_timeout: 3600,
    seed,
  },
  onRollout: ({ rollout, metrics: m }) => {
    for (const name of ["generation", "reward", "scoring"] as const) time[name] += m[`time/${name}`]!;
    const now = {
      kl: m["objective/kl"]!,
      proxy: m["objective/scores"]!,
      length: m["completions/mean_length"]!,
    };
    trajectory.push(now);
    const said = Object.entries(now).map(([name, x]) => `${name} ${x.toFixed(2)}`);
    console.log(`${method} ${seed} rollout ${rollout}: ${said.join(", ")}, ${seconds()} s`);
  },
  fit: { learningRate, schedule: "linear", warmup: 0.1, detailSteps: 0, recompute: "none" },
});
let parameters;
for (;;) {
  const next = await run.next();
  if (!next.done) continue;
  ({ parameters } = next.value);
  break;
}
await reward.close?.();
const trainSeconds = seconds() - startSeconds;
const trained = join(values.folder, `seed-${seed}`, `${method}${values.gold ? "-gold" : ""}`);
const own = new Map([...parameters].filter(([name]) => policy.trainable.has(name)));
await saveModelFolder(trained, policy.folder, { parameters: own, dtype: "F32" });

const before = await measure(start.policy, { backend, world, tokenizer });
const after = await measure(trained, { backend, world, tokenizer });
await backend.close();
const gain = difference(after, before);
const mean = (of: (answer: MeasuredAnswer) => number, list: readonly MeasuredAnswer[]): number =>
  list.reduce((sum, each) => sum + of(each), 0) / list.length;
const sides = (of: (answer: MeasuredAnswer) => number): { sft: number; trained: number } => ({
  sft: mean(of, before),
  trained: mean(of, after),
});
const result = {
  method,
  seed,
  reward: values.gold ? "true utility" : "model",
  gain,
  utility: sides(({ utility: u }) => u),
  correct: sides(({ correct }) => Number(correct)),
  words: sides(({ words }) => words),
  finished: sides(({ finished }) => Number(finished)),
  kl: trajectory.at(-1)!.kl,
  proxy: { first: trajectory[0]!.proxy, last: trajectory.at(-1)!.proxy },
  rollouts,
  learningRate,
  settings,
  seconds: { start: startSeconds, train: trainSeconds, all: seconds(), ...time },
};
appendFileSync(join(values.folder, "results.jsonl"), `${JSON.stringify(result)}\n`);
console.log(
  `${method}, seed ${seed}: true utility ${gain.mean.toFixed(2)} over SFT (95% ${gain.low.toFixed(2)} to ${gain.high.toFixed(2)}), KL ${result.kl.toFixed(1)}, ${seconds()} s`,
);

function trueUtility(): Reward {
  const taste = tasteOfPeople();
  return eachReward("utility", (item) => utility(world.find(promptText(item))!, answerText(item), taste));
}

async function rewardModel(): Promise<Reward> {
  const { model } = await openModel(start.rewardModel);
  const graph = { config: model.config, weights: bindWeights(model) };
  return modelReward("reward", { backend, model: { graph }, tokenizer });
}
