/**
 * Goodhart's law on the built-in world: RL against a reward model of a few pairs, without and with a KL penalty, watched by
 * the guard. The world's true utility is never trained on.
 *
 *   npm run recipe -- goodhart [--seed 42] [--rollouts 48] [--every 3] [--output attune-runs/goodhart-42]
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ortBackend } from "attune";
import { createWorld } from "attune/evaluate";
import { writeForCommandLine } from "./files.js";
import { figureOf, summaryOf } from "./results.js";
import { type RlRun, runRl } from "./run-rl.js";
import { makeStart } from "./start.js";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "42" },
    rollouts: { type: "string", default: "48" },
    every: { type: "string", default: "3" },
    output: { type: "string" },
  },
});
const whole = (name: "seed" | "rollouts" | "every", least: number): number => {
  const value = Number(values[name]);
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new Error(`goodhart: --${name}: expected a whole number from ${least} on, got ${values[name]}`);
};
const [seed, rollouts, every] = [whole("seed", 0), whole("rollouts", 1), whole("every", 1)];
const folder = values.output ?? `attune-runs/goodhart-${seed}`;
const learningRate = 4e-4;
const pairs = 128;
const betas = [0, 0.1];
mkdirSync(folder, { recursive: true });
// One thread: the same numbers on every machine.
const backend = ortBackend({ threads: 1 });
const world = createWorld();
const start = await makeStart({ backend, world, folder, seed, pairs, heldOutPairs: 1200 });
writeForCommandLine(world, { folder, seed });
const runs: RlRun[] = [];
for (const beta of betas) {
  // A run that is done is not made again.
  const file = join(folder, `run-${pairs}-${learningRate}-${beta}-${rollouts}-${every}.json`);
  if (!existsSync(file)) {
    const say = (line: string): void => console.log(line);
    const run = await runRl({ ...start, backend, world, seed, rollouts, every, beta, learningRate, say });
    writeFileSync(file, JSON.stringify(run));
  }
  runs.push(JSON.parse(readFileSync(file, "utf8")) as RlRun);
}
await backend.close();
writeFileSync(join(folder, "goodhart.svg"), figureOf(runs, world));
const summary = runs.map((run) => summaryOf(run, world));
writeFileSync(join(folder, "results.json"), JSON.stringify(summary, null, 2));
for (const { lines } of summary) console.log(lines.join("\n"));
console.log(join(folder, "goodhart.svg"));
