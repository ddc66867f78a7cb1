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
import { figureOf, summaryOf } from "./results.js";
import { type RlRun, runRl } from "./run-rl.js";
import { makeStart } from "./start.js";

const [folder = "attune-runs/goodhart", rollouts = "60"] = process.argv.slice(2);
const seed = 42;
const learningRate = 4e-4;
const pairs = 128;
const betas = [0, 0.1];
mkdirSync(folder, { recursive: true });
const backend = ortBackend();
const world = createWorld();
const start = await makeStart({ backend, world, folder, seed, pairs, heldOutPairs: 1200 });
const runs: RlRun[] = [];
for (const beta of betas) {
  // A run that is done is not made again.
  const file = join(folder, `run-${pairs}-${learningRate}-${beta}-${rollouts}.json`);
  if (!existsSync(file)) {
    const count = Number(rollouts);
    const say = (line: string): void => console.log(line);
    const run = await runRl({ ...start, backend, world, seed, rollouts: count, beta, learningRate, say });
    writeFileSync(file, JSON.stringify(run));
  }
  runs.push(JSON.parse(readFileSync(file, "utf8")) as RlRun);
}
await backend.close();
writeFileSync(join(folder, "goodhart.svg"), figureOf(runs));
const summary = runs.map(summaryOf);
writeFileSync(join(folder, "results.json"), JSON.stringify(summary, null, 2));
for (const { lines } of summary) console.log(lines.join("\n"));
console.log(join(folder, "goodhart.svg"));
