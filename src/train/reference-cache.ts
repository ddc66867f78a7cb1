/**
 * Log-probabilities of completions under the model as it was before training, made once and kept in a file that is named
 * by what it was made of (model and tokens). Knows no method.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  type Batch,
  batchPlan,
  type Example,
  type Examples,
  hashExamples,
  layoutBatch,
  rowLengths,
  selectExamples,
} from "../data/index.js";
import { AttuneError } from "../errors.js";
import { openSafetensors, readTensor, writeSafetensors } from "../models/index.js";
import { type Backend, mul, type Program, sum } from "../tensor/index.js";
import { ensureFolder, sha256 } from "../util/files.js";
import { batchInputs, completionLogps, feedsOf, hiddenOf, shapeOf } from "./methods/batch-graph.js";
import { askedReference, type Policy, uploadReference } from "./policy.js";

export interface ReferenceCacheOptions {
  backend: Backend;
  /** Hash of the model's files. */
  modelHash: string;
  /** Where the file is kept. */
  folder: string;
  /** Examples computed at a time. Default 8. */
  batchSize?: number;
  signal?: AbortSignal | undefined;
}

/** Examples that are computed again when a file is read. */
const sampleSize = 8;
/** Float32 sums of a thousand tokens, computed in another order. */
const tolerance = 2e-3;

/**
 * Sum of the trained tokens' log-probabilities of every completion, [examples * completions], examples in order.
 * @throws AttuneError `checkpoint` when a file does not agree with the model, `interrupted`.
 */
export async function referenceLogProbs(
  policy: Policy,
  examples: Examples,
  options: ReferenceCacheOptions,
): Promise<{ logps: Float32Array; source: "cache" | "computed" }> {
  const key = sha256(JSON.stringify([2, options.modelHash, hashExamples(examples)]));
  const file = join(options.folder, `${key.slice(0, 32)}.safetensors`);
  if (existsSync(file)) {
    const logps = readTensor(openSafetensors(file).tensors.get("logps")!);
    await verify(policy, { examples, logps, file, options });
    return { logps, source: "cache" };
  }
  const logps = await compute(policy, examples, options);
  await ensureFolder(options.folder);
  await writeSafetensors(file, [{ name: "logps", shape: [logps.length], dtype: "F32", data: logps }]);
  return { logps, source: "computed" };
}

async function verify(
  policy: Policy,
  {
    examples,
    logps,
    file,
    options,
  }: { examples: Examples; logps: Float32Array; file: string; options: ReferenceCacheOptions },
): Promise<void> {
  const step = Math.max(1, Math.floor(examples.length / sampleSize));
  const places = Array.from(
    { length: Math.min(sampleSize, Math.ceil(examples.length / step)) },
    (_, i) => i * step,
  );
  const fresh = await compute(policy, selectExamples(examples, places), options);
  const perExample = examples.at(0)!.completions.length;
  places.forEach((place, k) => {
    for (let c = 0; c < perExample; c++) {
      const kept = logps[place * perExample + c];
      const now = fresh[k * perExample + c]!;
      if (kept !== undefined && Math.abs(kept - now) <= tolerance * Math.max(1, Math.abs(now))) continue;
      throw new AttuneError("checkpoint", {
        where: `${file}: ${examples.at(place)!.id}`,
        expected: `the reference's log-probability ${now.toPrecision(6)}`,
        got: String(kept),
        fix: "remove the file; it is computed again",
      });
    }
  });
}

async function compute(
  policy: Policy,
  examples: Examples,
  options: ReferenceCacheOptions,
): Promise<Float32Array> {
  const { backend, batchSize = 8, signal } = options;
  const perExample = examples.at(0)!.completions.length;
  const logps = new Float32Array(examples.length * perExample);
  const programs = new Map<string, Program>();
  const kept = await uploadReference(policy, backend);
  try {
    const plan = batchPlan(rowLengths(examples), {
      perDeviceBatchSize: batchSize,
      shuffle: false,
      groupByLength: true,
    });
    for (let number = 0; number < plan.count; number++) {
      const indices = plan.batch(number);
      if (signal?.aborted)
        throw new AttuneError("interrupted", {
          where: "reference log-probabilities",
          expected: "to finish",
          got: "Ctrl-C; nothing was trained",
        });
      const batch = layoutBatch(indices.map((i) => withoutValues(examples.at(i)!)));
      const key = shapeOf(batch);
      const program = programs.get(key) ?? (await compile(policy, batch, backend));
      programs.set(key, program);
      const { sums } = await program.run({ ...feedsOf(batch), ...kept });
      indices.forEach((example, k) => {
        for (let c = 0; c < perExample; c++)
          logps[example * perExample + c] = sums!.data[k * perExample + c]!;
      });
    }
  } finally {
    for (const program of programs.values()) await program.release();
    await backend.free(Object.values(kept));
  }
  return logps;
}

const withoutValues = ({ id, prompt, completions }: Example): Example => ({ id, prompt, completions });

async function compile(policy: Policy, batch: Batch, backend: Backend): Promise<Program> {
  const b = batchInputs(batch);
  const reference = askedReference(policy);
  const bound = reference.bound();
  const logps = completionLogps(bound, b, { hidden: hiddenOf(bound, b, "none") });
  const inputs = { ...b.inputs, ...reference.inputs() };
  return backend.compile({ inputs, outputs: { sums: sum(mul(logps, b.gridMask), { axes: [1] }) } });
}
