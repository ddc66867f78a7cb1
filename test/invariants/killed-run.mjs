/**
 * A training run to be killed: node killed-run.mjs MODEL OUTPUT STEPS. Resumes when there is something to resume from;
 * prints the number of each step it has done. Runs the compiled package.
 */
import { ortBackend } from "../../dist/backends/index.js";
import { openModel } from "../../dist/models/index.js";
import { createPolicy, exampleSource, fitToEnd, preference } from "../../dist/train/index.js";
import { createRandom } from "../../dist/util/random.js";

const [model, output, steps] = process.argv.slice(2);
const random = createRandom(3, { stream: "killed run" });
const tokens = (count) => Array.from({ length: count }, () => random.integer(61));
const examples = Array.from({ length: 11 }, (_, i) => ({
  id: `example ${i}`,
  prompt: tokens(3 + (i % 3)),
  completions: [{ tokens: tokens(4 + (i % 5)) }, { tokens: tokens(9 - (i % 5)) }],
}));
const backend = ortBackend({ threads: 1 });
await fitToEnd(
  preference({
    policy: createPolicy(await openModel(model)),
    train: exampleSource(examples, { plan: { perDeviceBatchSize: 2 }, layout: { length: 32 } }),
  }),
  {
    backend,
    output,
    maxSteps: Number(steps),
    saveSteps: 1,
    resume: true,
    gradientAccumulationSteps: 2,
    learningRate: 1e-3,
    detailSteps: 0,
    fingerprint: { model: "tiny" },
    onStep: ({ step }) => process.stdout.write(`${step}\n`),
  },
);
await backend.close();
