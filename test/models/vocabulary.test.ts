/** Numbers of the whole vocabulary, made a chunk at a time, against those of whole logits; gradients against differences. */
import { rmSync } from "node:fs";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ortBackend, referenceBackend } from "../../src/backends/index.js";
import {
  bindWeights,
  type ModelGraph,
  openModelFolder,
  targetKl,
  targetLogProbs,
  targetLogSumExp,
  targetLogSumSquares,
  targetMeanLogProbs,
  wholeLogits,
  writeRandomModel,
} from "../../src/models/index.js";
import {
  type Backend,
  gather,
  grad,
  input,
  mul,
  sum,
  type Tensor,
  type Tree,
} from "../../src/tensor/index.js";
import { createRandom } from "../../src/util/random.js";

const scratch = mkdtempSync(join(tmpdir(), "attune-vocabulary-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const hiddenSize = 8;
const vocabulary = 37;
const common = {
  vocab_size: vocabulary,
  hidden_size: hiddenSize,
  intermediate_size: 8,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  torch_dtype: "float32",
};
const models: Record<string, Record<string, unknown>> = {
  tied: { ...common, model_type: "llama", architectures: ["LlamaForCausalLM"], tie_word_embeddings: true },
  own: { ...common, model_type: "qwen2", architectures: ["Qwen2ForCausalLM"], tie_word_embeddings: false },
  capped: {
    ...common,
    model_type: "gemma2",
    architectures: ["Gemma2ForCausalLM"],
    head_dim: 4,
    final_logit_softcapping: 3,
  },
};
const graphs: Record<string, ModelGraph> = {};
beforeAll(async () => {
  for (const [name, config] of Object.entries(models)) {
    await writeRandomModel(join(scratch, name), config, { seed: 4, std: 0.7 });
    const folder = openModelFolder(join(scratch, name));
    graphs[name] = { config: folder.config, weights: bindWeights(folder) };
  }
});

const random = createRandom(7, { stream: "vocabulary" });
/** More targets than a chunk holds rows (256), so that chunks are put together. */
const rows = 300;
const targets = 270;
const numbers = (n: number): Float64Array => Float64Array.from({ length: n }, () => random.normal());
const states = numbers(rows * hiddenSize);
const other = numbers(rows * hiddenSize);
const ints = (n: number, below: number) => ({
  shape: [n],
  dtype: "int32" as const,
  data: Int32Array.from({ length: n }, () => random.integer(below)),
});
const sources = ints(targets, rows);
const labels = ints(targets, vocabulary);
const inputs = {
  hidden: input("hidden", [rows, hiddenSize]),
  theirs: input("theirs", [rows, hiddenSize]),
  sources: input("sources", [targets], "int32"),
  labels: input("labels", [targets], "int32"),
} satisfies Tree;
const at = { sources: inputs.sources, labels: inputs.labels };

async function run(backend: Backend, outputs: Tree, hidden = states): Promise<Record<string, number[]>> {
  const program = await backend.compile({ inputs, outputs });
  const float = (data: Float64Array) => ({
    shape: [rows, hiddenSize],
    dtype: "float32" as const,
    data: backend.precision === "float64" ? data : Float32Array.from(data),
  });
  const results = await program.run({ hidden: float(hidden), theirs: float(other), sources, labels });
  await program.release();
  return Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, Array.from(data)]));
}

function graphOf(model: ModelGraph): Record<string, Tensor> {
  const logps = targetLogProbs(model, inputs.hidden, at);
  const logSumExp = targetLogSumExp(model, inputs.hidden, { ...at, logps });
  return {
    logSumExp,
    mean: targetMeanLogProbs(model, inputs.hidden, { ...at, logSumExp }),
    squares: targetLogSumSquares(model, inputs.hidden, at),
    kl: targetKl({ model, hidden: inputs.hidden }, { model, hidden: inputs.theirs }, at),
  };
}

/** The same from whole logits, in plain numbers. */
function expected(logits: number[], theirs: number[]): Record<string, number[]> {
  const rowsOf = (flat: number[]): number[][] =>
    Array.from({ length: targets }, (_, i) => flat.slice(i * vocabulary, (i + 1) * vocabulary));
  const normaliser = (row: number[]): number => Math.log(row.reduce((n, x) => n + Math.exp(x), 0));
  const logpsOf = (row: number[]): number[] => row.map((x) => x - normaliser(row));
  const own = rowsOf(logits);
  return {
    logSumExp: own.map(normaliser),
    mean: own.map((row) => logpsOf(row).reduce((a, b) => a + b, 0) / vocabulary),
    squares: own.map((row) => Math.log(logpsOf(row).reduce((n, x) => n + Math.exp(2 * x), 0))),
    kl: rowsOf(theirs).map((row, i) => {
      const policy = logpsOf(own[i]!);
      return logpsOf(row).reduce((n, x, v) => n + Math.exp(x) * (x - policy[v]!), 0);
    }),
  };
}

for (const kind of ["reference", "ort"] as const) {
  describe(`numbers of the whole vocabulary, ${kind}`, () => {
    const backend = kind === "ort" ? ortBackend({ threads: 1 }) : referenceBackend();
    afterAll(() => backend.close());

    it.each(Object.keys(models))("agree with whole logits: output layer %s", async (name) => {
      const model = graphs[name]!;
      const whole = await run(backend, {
        logits: wholeLogits(model, gather(inputs.hidden, inputs.sources)),
        theirs: wholeLogits(model, gather(inputs.theirs, inputs.sources)),
      });
      const want = expected(whole["logits"]!, whole["theirs"]!);
      const got = await run(backend, graphOf(model));
      for (const [key, values] of Object.entries(want))
        values.forEach((x, i) => expect(got[key]![i], `${key} ${i}`).toBeCloseTo(x, kind === "ort" ? 4 : 10));
    });

    it("the divergence of a model from itself is 0", async () => {
      const model = graphs["tied"]!;
      const kl = targetKl({ model, hidden: inputs.hidden }, { model, hidden: inputs.hidden }, at);
      const { kl: got } = await run(backend, { kl });
      expect(Math.max(...got!.map(Math.abs))).toBeLessThan(1e-6);
    });
  });
}

describe("their gradients", () => {
  it.each(Object.keys(models))("agree with central differences: output layer %s", async (name) => {
    const backend = referenceBackend();
    const { squares, ...differentiable } = graphOf(graphs[name]!);
    for (const [key, x] of Object.entries(differentiable)) {
      const loss = sum(mul(x, x));
      const { slope } = await run(backend, { slope: grad(loss, [inputs.hidden])[0]! });
      for (const place of [0, 5, sources.data[0]! * hiddenSize + 3]) {
        const moved = async (by: number): Promise<number> => {
          const nudged = Float64Array.from(states);
          nudged[place]! += by;
          return (await run(backend, { loss }, nudged))["loss"]![0]!;
        };
        const difference = ((await moved(1e-5)) - (await moved(-1e-5))) / 2e-5;
        expect(slope![place], `${key} at ${place}`).toBeCloseTo(difference, 4);
      }
    }
    // Weights made of them carry no gradient.
    const { none } = await run(backend, { none: grad(sum(squares!), [inputs.hidden])[0]! });
    expect(none!.every((x) => x === 0)).toBe(true);
    await backend.close();
  });
});
