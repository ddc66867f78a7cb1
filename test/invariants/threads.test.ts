/**
 * Two threads, full fine-tuning, the same bytes twice. ONNX Runtime's ScatterND with a sum raced where an index occurs
 * twice; gradients of embeddings are such sums, and only full fine-tuning has them.
 */
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ortBackend } from "../../src/backends/index.js";
import { openModel, writeRandomModel } from "../../src/models/index.js";
import { createPolicy, exampleSource, fitToEnd, sft } from "../../src/train/index.js";
import { checkpointHashes, config, examples, scratch } from "./setup.js";

const folder = scratch();
const backend = ortBackend({ threads: 2 });
const model = join(folder.path, "model");
beforeAll(() =>
  writeRandomModel(model, { ...config, hidden_size: 128, intermediate_size: 256 }, { seed: 1 }),
);
afterAll(async () => {
  await backend.close();
  folder.remove();
});

it("full fine-tuning on two threads gives the same bytes twice, with every token there many times over", async () => {
  const hashes = [];
  for (const name of ["first", "second"]) {
    const output = join(folder.path, name);
    const train = exampleSource(examples(192, { completions: 1 }), { plan: { perDeviceBatchSize: 48 } });
    const policy = createPolicy(await openModel(model));
    await fitToEnd(sft({ policy, train }), { backend, maxSteps: 4, learningRate: 1e-2, output });
    hashes.push(checkpointHashes(join(output, "checkpoint-4")));
  }
  expect(hashes[1]).toEqual(hashes[0]);
});
