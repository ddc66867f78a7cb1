/**
 * A PPO run to be killed: node online-killed-run.mjs MODEL OUTPUT ROLLOUTS. Goes on where it stopped. Says `rollout N` when the
 * reward is asked (the answers of rollout N are there, and nothing of them is learned), `step N` behind every update. Runs the
 * compiled package.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { ortBackend } from "../../dist/backends/index.js";
import { openModel } from "../../dist/models/index.js";
import { functionReward, runningReward } from "../../dist/rewards/index.js";
import { loadTokenizer } from "../../dist/text/index.js";
import { createPolicy, trainOnline } from "../../dist/train/index.js";

const [model, output, rollouts] = process.argv.slice(2);
const say = (line) => process.stdout.write(`${line}\n`);
const backend = ortBackend({ threads: 1 });
let asked = 0;
const reward = functionReward("letters", async (items) => {
  say(`reward ${asked++}`);
  // Time to be killed in.
  await sleep(20);
  return items.map(({ completion }) => [...completion].reduce((n, c) => n + (c.codePointAt(0) % 7) / 10, 0));
});
const run = trainOnline({
  backend,
  method: "ppo",
  policy: createPolicy(await openModel(model)),
  tokenizer: await loadTokenizer(model),
  prompts: ["cats", "dogs", "cows", "birds", "fish"].map((who) => ({
    id: who,
    prompt: [{ role: "user", content: `What do ${who} eat?` }],
  })),
  // Running statistics, an adaptive controller and a value head: all of it has to go on.
  reward: runningReward(reward),
  settings: {
    max_completion_length: 6,
    per_device_train_batch_size: 2,
    num_mini_batches: 2,
    num_iterations: 2,
    kl_controller: "adaptive",
    kl_target: 0.01,
    kl_horizon: 20,
    total_episodes: Number(rollouts) * 4,
    stop_kl: 0,
  },
  fit: {
    output,
    saveSteps: 1,
    resume: true,
    learningRate: 1e-2,
    detailSteps: 0,
    fingerprint: { run: "ppo" },
  },
});
for await (const { step } of run) say(`step ${step}`);
await backend.close();
