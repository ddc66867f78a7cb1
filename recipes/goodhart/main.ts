/**
 * Goodhart's law on the built-in world: RL against a reward model of a few pairs, without and with a KL penalty, watched by
 * the guard. The world's true utility is never trained on.
 *
 *   npm run recipe -- goodhart [FOLDER] [ROLLOUTS]
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ortBackend } from "attune";
import { createWorld } from "attune/evaluate";
import { type RlRun, runRl } from "./run-rl.js";
import { makeStart } from "./start.js";

const [folder = "attune-runs/goodhart", rollouts = "60"] = process.argv.slice(2);
const seed = 42;
const pairs = Number(process.env["PAIRS"] ?? 128);
const learningRate = Number(process.env["LR"] ?? 4e-4);
const betas = (process.env["BETAS"] ?? "0,0.1").split(",").map(Number);
mkdirSync(folder, { recursive: true });
const backend = ortBackend();
const world = createWorld();
const start = await makeStart({ backend, world, folder, seed, pairs, heldOutPairs: 1200 });
const runs: RlRun[] = [];
for (const beta of betas) {
  const file = join(folder, `rl-${pairs}-${learningRate}-${beta}-${rollouts}.json`);
  if (!existsSync(file)) {
    const run = await runRl({
      ...start,
      backend,
      world,
      seed,
      rollouts: Number(rollouts),
      beta,
      learningRate,
      say: console.log,
    });
    writeFileSync(file, JSON.stringify(run));
  }
  runs.push(JSON.parse(readFileSync(file, "utf8")) as RlRun);
}
await backend.close();
