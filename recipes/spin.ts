/**
 * SPIN on the built-in world: no labels, only demonstrations. SFT on them first; then every iteration answers their prompts
 * with the model as it is, and learns to tell the demonstrations from these answers. Measured: the people's true utility,
 * which nothing was trained on, on prompts nobody has seen, paired with SFT's.
 *
 *   npm run recipe -- spin [ITERATIONS] [SEED] [LEARNING_RATE] [BETA]
 *
 * A line an iteration is added to attune-runs/spin/results.jsonl. SFT is that of the recipe online-utility.
 */
import { appendFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { loadModel, ortBackend, runToEnd, savePolicy, trainOnline } from "attune";
import { createWorld, demonstrations } from "attune/evaluate";
import { compare, measure, measureOnce, sayGain } from "./online-utility/measure.js";
import { makeStart } from "./online-utility/start.js";

const [iterations = 2, seed = 42, learningRate = 1e-4, beta = 0.1] = process.argv.slice(2).map(Number);
const folder = "attune-runs/spin";
const shownRows = 800;
const updateRows = 32;
mkdirSync(folder, { recursive: true });
const backend = ortBackend();
const world = createWorld();
const started = join("attune-runs/online-utility", `seed-${seed}`);
const start = await makeStart({ backend, world, folder: started, seed });
// Those that SFT has seen: SPIN gets more out of the same rows.
const shown = demonstrations(world, { count: shownRows, seed });
const { tokenizer } = await loadModel(start.policy);
const before = await measureOnce(start.policy, { backend, world, tokenizer });

let opponent = start.policy;
for (let iteration = 1; iteration <= iterations; iteration++) {
  // The reference and the opponent of an iteration are the model that the last one left.
  const { policy } = await loadModel(opponent, { seed });
  let margin = Number.NaN;
  const run = trainOnline({
    backend,
    method: "spin",
    policy,
    tokenizer,
    prompts: shown.map(({ prompt, completion }, i) => ({ id: String(i), prompt, answer: completion })),
    settings: {
      // One rollout asks all prompts once.
      per_device_train_batch_size: updateRows,
      num_mini_batches: Math.ceil(shownRows / updateRows),
      num_iterations: 1,
      total_episodes: shownRows,
      max_completion_length: 48,
      beta,
      seed: seed + iteration,
    },
    fit: { learningRate, schedule: "linear", warmup: 0.1, detailSteps: 0, recompute: "none" },
  });
  const { parameters } = await runToEnd(run, ({ metrics }) => {
    margin = metrics["rewards/margins"]!;
  });
  opponent = join(folder, `seed-${seed}-iteration-${iteration}`);
  await savePolicy(opponent, policy, { values: parameters, dtype: "F32" });
  const result = compare(await measure(opponent, { backend, world, tokenizer }), before);
  const line = { iteration, seed, learningRate, beta, margin, ...result };
  appendFileSync(join(folder, "results.jsonl"), `${JSON.stringify(line)}\n`);
  console.log(`iteration ${iteration}: ${sayGain(result)}, last margin ${margin.toFixed(2)}`);
}
await backend.close();
