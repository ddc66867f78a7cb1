/**
 * A run on a file that the heap could not hold as tokens: node --max-old-space-size=N large-data.mjs MODEL DATA OUTPUT.
 * Prints what it read. Runs the compiled package.
 */
import { ortBackend } from "../../dist/backends/index.js";
import { runTraining } from "../../dist/train/index.js";

const say = (line) => process.stdout.write(`${line}\n`);
const [model, data, output] = process.argv.slice(2);
await runTraining(
  {
    method: "sft",
    model,
    data,
    output,
    max_steps: 2,
    per_device_train_batch_size: 1,
    per_device_eval_batch_size: 1,
    max_length: 1024,
    eval_split: 0,
    threads: 1,
    lora_r: 2,
  },
  {
    openBackend: ortBackend,
    onEvent: (event) => {
      if (event.kind === "rows") say(`rows ${event.train}`);
      if (event.kind === "data") say(`tokens ${event.summary.audit.tokens}`);
      if (event.kind === "step") say(`loss ${event.report.metrics.loss}`);
    },
  },
);
