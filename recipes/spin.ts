/**
 * SPIN on the built-in world: no labels, only demonstrations. SFT on them first; then every iteration answers their prompts
 * with the model as it is, and learns to tell the demonstrations from these answers. Measured: the people's true utility,
 * which nothing was trained on, on prompts nobody has seen, paired with SFT's.
 *
 *   npm run recipe -- spin [ITERATIONS] [SEED] [LEARNING_RATE] [BETA]
 */
import { appendFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { loadModel, ortBackend, saveModelFolder, trainOnline } from "attune";
import { createWorld, demonstrations } from "attune/evaluate";
import { difference, measure } from "./online-utility/measure.js";
import { makeStart } from "./online-utility/start.js";

const [iterations = 3, seed = 42, learningRate = 1e-4, beta = 0.1] = process.argv.slice(2).map(Number);
const folder = "attune-runs/spin";
const perIteration = 800;
mkdirSync(folder, { recursive: true });
const backend = ortBackend();
const world = createWorld();
const start = await makeStart({
  backend,
  world,
  folder: join("attune-runs/online-utility", `seed-${seed}`),
  seed,
});
// Those that SFT has seen: SPIN gets more out of the same rows.
const shown = demonstrations(world, { count: perIteration, seed });
const { tokenizer } = await loadModel(start.policy);
const before = await measure(start.policy, { backend, world, tokenizer });

let opponent = start.policy;
for (let iteration = 1; iteration <= iterations; iteration++) {
  // The reference and the opponent of an iteration are the model that the last one left.
  const { policy } = await loadModel(opponent, { seed });
  const run = trainOnline({
    backend,
    method: "spin",
    policy,
    tokenizer,
    prompts: shown.map(({ prompt, completion }, i) => ({ id: String(i), prompt, answer: completion })),
    settings: {
      // One rollout asks all prompts once.
      per_device_train_batch_size: 32,
      num_mini_batches: Math.ceil(perIteration / 32),
      num_iterations: 1,
      total_episodes: perIteration,
      max_completion_length: 64,
      beta,
      seed: seed + iteration,
    },
    fit: { learningRate, schedule: "linear", warmup: 0.1, detailSteps: 0, recompute: "none" },
  });
  let margin = Number.NaN;
  for (;;) {
    const next = await run.next();
    if (!next.done) {
      margin = next.value.metrics["rewards/margins"]!;
      continue;
    }
    opponent = join(folder, `seed-${seed}-iteration-${iteration}`);
    await saveModelFolder(opponent, policy.folder, { parameters: next.value.parameters, dtype: "F32" });
    break;
  }
  const after = await measure(opponent, { backend, world, tokenizer });
  const gain = difference(after, before);
  const right = after.filter(({ correct }) => correct).length / after.length;
  const result = { iteration, seed, learningRate, beta, gain, margin, correct: right };
  appendFileSync(join(folder, "results.jsonl"), `${JSON.stringify(result)}\n`);
  console.log(
    `iteration ${iteration}: true utility ${gain.mean.toFixed(2)} over SFT (95% ${gain.low.toFixed(2)} to ${gain.high.toFixed(2)}), right ${(100 * right).toFixed(1)}%, last margin ${margin.toFixed(2)}`,
  );
}
await backend.close();
