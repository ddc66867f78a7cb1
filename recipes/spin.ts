/**
 * SPIN on the built-in world: no labels, only demonstrations. A short SFT on them first; then every iteration answers their
 * prompts with the model as it is, and learns to tell the demonstrations from these answers. Measured: the people's true
 * utility, which nothing was trained on, on prompts nobody has seen, paired with SFT's; beside it SFT's own gain from
 * going on over the same demonstrations.
 *
 *   npm run recipe -- spin [SEED] [--iterations N] [--answers N] [--learning-rate X] [--beta X] [--start short|full]
 *
 * `--start full`: the SFT of the recipe online-utility. A line a model is added to attune-runs/spin/results.jsonl.
 */
import { appendFileSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { loadModel, ortBackend, runToEnd, savePolicy, trainOnline } from "attune";
import { createWorld, demonstrations } from "attune/evaluate";
import { compare, measure, measureOnce, sayGain } from "./online-utility/measure.js";
import { trainStage } from "./online-utility/start.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    iterations: { type: "string", default: "2" },
    answers: { type: "string", default: "4" },
    "learning-rate": { type: "string", default: "2e-4" },
    beta: { type: "string", default: "2" },
    start: { type: "string", default: "short" },
  },
});
const seed = Number(positionals[0] ?? 42);
const iterations = Number(values.iterations);
const answers = Number(values.answers);
const learningRate = Number(values["learning-rate"]);
const beta = Number(values.beta);
const starts = { short: { epochs: 1, learningRate: 2e-4 }, full: { epochs: 2, learningRate: 5e-4 } };
if (values.start !== "short" && values.start !== "full") throw new Error("--start is short or full");

const folder = join("attune-runs/spin", `seed-${seed}`);
const shownRows = 800;
/** Prompts of an update. */
const updatePrompts = 32;
mkdirSync(folder, { recursive: true });
const backend = ortBackend();
const world = createWorld();
// SPIN gets more out of the same rows that SFT has seen.
const shown = demonstrations(world, { count: shownRows, seed });
const start = join(folder, `sft-${values.start}`);
if (!existsSync(start))
  await trainStage(
    { backend, seed },
    { from: "models/tiny", to: start, rows: shown, ...starts[values.start] },
  );
const { tokenizer } = await loadModel(start);
const before = await measureOnce(start, { backend, world, tokenizer });

let opponent = start;
for (let iteration = 1; iteration <= iterations; iteration++) {
  // The reference and the opponent of an iteration are the model that the last one left.
  const { policy } = await loadModel(opponent, { seed });
  const told: number[] = [];
  const run = trainOnline({
    backend,
    method: "spin",
    policy,
    tokenizer,
    prompts: shown.map(({ prompt, completion }, i) => ({ id: String(i), prompt, answer: completion })),
    settings: {
      // One rollout asks all prompts once.
      num_generations: answers,
      per_device_train_batch_size: updatePrompts * answers,
      num_mini_batches: Math.ceil(shownRows / updatePrompts),
      num_iterations: 1,
      total_episodes: shownRows * answers,
      max_completion_length: 48,
      beta,
      seed: seed + iteration,
    },
    fit: { learningRate, schedule: "linear", warmup: 0.1, detailSteps: 0, recompute: "none" },
  });
  const { parameters } = await runToEnd(run, ({ metrics }) => {
    told.push(metrics["rewards/accuracies"]!);
  });
  opponent = join(folder, `iteration-${iteration}`);
  await savePolicy(opponent, policy, { values: parameters, dtype: "F32" });
  // Before they were learned from, though with several answers their demonstrations were.
  const lastTold = told.slice(-5).reduce((sum, x) => sum + x, 0) / Math.min(5, told.length);
  await report(`iteration ${iteration}`, opponent, { answers, learningRate, beta, lastTold });
}
// What plain SFT makes of as many more passes over the same rows.
const control = join(folder, "sft-more");
await trainStage(
  { backend, seed },
  { from: start, to: control, rows: shown, epochs: iterations, learningRate: 5e-4 },
);
await report(`SFT, ${iterations} more epochs`, control, { epochs: iterations });
await backend.close();

async function report(name: string, path: string, settings: Record<string, number>): Promise<void> {
  const result = compare(await measure(path, { backend, world, tokenizer }), before);
  const line = { name, seed, start: values.start, ...settings, ...result };
  appendFileSync("attune-runs/spin/results.jsonl", `${JSON.stringify(line)}\n`);
  const { lastTold } = settings;
  const told = lastTold === undefined ? "" : `, told ${(100 * lastTold).toFixed(0)}% of its last pairs apart`;
  console.log(`${name}: ${sayGain(result)}${told}`);
}
