/**
 * Does learning from one's own answers help? On the built-in world: SFT, a reward model of 1,500 judged pairs, then METHOD
 * against it; at the end the people's true utility, which nothing was trained on, against SFT's on prompts nobody has seen.
 *
 *   npm run recipe -- online-utility METHOD [SEED] [--gold] [--folder FOLDER] [--rollouts N]
 *
 * METHOD: ppo, rloo, grpo, online-dpo. `--gold` rewards the true utility itself. A line is added to FOLDER/results.jsonl;
 * SFT and reward model of a seed are made once and found again.
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
  runToEnd,
  savePolicy,
  type Tokenizer,
  trainOnline,
} from "attune";
import { createWorld, drawQuestions, promptOf, tasteOfPeople, utility } from "attune/evaluate";
import { bindWeights, openModel } from "attune/models";
import { answerText, promptText } from "attune/rewards";
import { compare, measure, measureOnce, sayGain } from "./measure.js";
import { answers, isMeasured, runSettings } from "./settings.js";
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
if (!isMeasured(method)) throw new Error(`METHOD is one of ${Object.keys(runSettings).join(", ")}`);
const seed = Number(seedText);
const { learningRate, settings, ...usual } = runSettings[method];
const rollouts = Number(values.rollouts ?? usual.rollouts);

const backend = ortBackend();
const world = createWorld();
/** Seconds on the clock, and of the processor: user and system, all threads. */
const spent = (): { wall: number; processor: number } => {
  const { user, system } = process.cpuUsage();
  return { wall: Math.round(performance.now() / 1000), processor: Math.round((user + system) / 1e6) };
};
const start = await makeStart({ backend, world, folder: join(values.folder, `seed-${seed}`), seed });
const { policy, tokenizer } = await loadModel(start.policy, { seed });
const before = await measureOnce(start.policy, { backend, world, tokenizer });
const atStart = spent();

const reward = values.gold ? trueUtility() : await rewardModel(tokenizer);
const questions = drawQuestions(world, { count: 1000, seed, stream: "online-utility" });
const time = { generation: 0, reward: 0, scoring: 0 };
const trajectory: { kl: number; reward: number; tokens: number }[] = [];
const { parameters } = await runToEnd(
  trainOnline({
    backend,
    method,
    policy,
    tokenizer,
    reward,
    prompts: questions.map((question) => ({ id: question.text, prompt: promptOf(question) })),
    settings: { ...settings, total_episodes: rollouts * answers, max_completion_length: 48, seed },
    onRollout: ({ rollout, metrics: m }) => {
      for (const name of ["generation", "reward", "scoring"] as const) time[name] += m[`time/${name}`]!;
      const now = {
        kl: m["objective/kl"]!,
        reward: m["objective/scores"]!,
        tokens: m["completions/mean_length"]!,
      };
      trajectory.push(now);
      const said = Object.entries(now).map(([name, x]) => `${name} ${x.toFixed(2)}`);
      console.log(`${method} ${seed} rollout ${rollout}: ${said.join(", ")}, ${spent().wall} s`);
    },
    fit: { learningRate, schedule: "linear", warmup: 0.1, detailSteps: 0, recompute: "none" },
  }),
);
await reward.close?.();
const trained = join(values.folder, `seed-${seed}`, `${method}${values.gold ? "-gold" : ""}`);
await savePolicy(trained, policy, { values: parameters, dtype: "F32" });
const atEnd = spent();
const result = compare(await measure(trained, { backend, world, tokenizer }), before);
await backend.close();

const line = {
  method,
  seed,
  rewardedBy: values.gold ? "true utility" : "model",
  ...result,
  /** At the first and at the last rollout, whose answers the last update has yet to learn from. */
  trajectory: { first: trajectory[0], last: trajectory.at(-1) },
  rollouts,
  learningRate,
  settings,
  seconds: { start: atStart, train: atEnd, all: spent(), ...time },
};
appendFileSync(join(values.folder, "results.jsonl"), `${JSON.stringify(line)}\n`);
const { wall, processor } = spent();
console.log(
  `${method}, seed ${seed}: ${sayGain(result)}, KL ${trajectory.at(-1)!.kl.toFixed(1)}; ${wall} s, of the processor ${processor} s`,
);

function trueUtility(): Reward {
  const taste = tasteOfPeople();
  return eachReward("utility", (item) => utility(world.find(promptText(item))!, answerText(item), taste));
}

async function rewardModel(own: Tokenizer): Promise<Reward> {
  const { model } = await openModel(start.rewardModel);
  const graph = { config: model.config, weights: bindWeights(model) };
  return modelReward("reward", { backend, model: { graph }, tokenizer: own });
}
