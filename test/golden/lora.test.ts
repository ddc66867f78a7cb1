/** Adapters against peft in float64: on, off, merged, their gradients; rsLoRA, DoRA, patterns, whole modules, Conv1D. */
import { afterAll, describe, expect, it } from "vitest";
import { ortBackend, referenceBackend } from "../../src/backends/index.js";
import {
  adapterValues,
  headOutputs,
  mergedParameters,
  openModel,
  type OpenedModel,
  openSafetensors,
  readTensor64,
  targetLogProbs,
  wholeLogits,
} from "../../src/models/index.js";
import {
  constant,
  gather,
  logSigmoid,
  mul,
  neg,
  reshape,
  sub,
  sum,
  type Tensor,
} from "../../src/tensor/index.js";
import { bindPolicy, bindReference, type BoundModel, createPolicy } from "../../src/train/index.js";
import { golden, missing, readJson } from "../support/shared.js";
import { allClose, type GradientNumbers, gradientHolds, pass, rowStarts, type Values } from "./model-run.js";

interface Case {
  name: string;
  inputs: { checkpoint: string; adapter: string; rows: number[][] };
  options: { task_type: string };
  expected: {
    loss_on: number;
    loss_off: number;
    loss_merged: number;
    token_log_probs_on?: number[][];
    rewards_on?: number[];
    rewards_off?: number[];
    tensors: string;
    merged_weights: Record<string, GradientNumbers>;
    gradients_of_loss: Record<string, GradientNumbers>;
  };
}

const file = golden("models", "lora.json");
const absent = missing(file);
const cases = absent ? [] : readJson<{ cases: Case[] }>(file).cases;
const backends = { reference: referenceBackend(), ort: ortBackend({ threads: 1 }) };
afterAll(async () => {
  for (const backend of Object.values(backends)) await backend.close();
});

const graphName = (key: string): string => key.replace(/^base_model\.model\./, "");
const ints = (values: readonly number[]): Tensor => constant(values, [values.length], "int32");

/** The case's loss and what it is made of: log-probabilities of all real targets, or a reward a row. */
function lossOf({ inputs: { rows }, options }: Case) {
  const starts = rowStarts(rows);
  return (states: Tensor, { model }: BoundModel): { loss: Tensor; outputs: Record<string, Tensor> } => {
    if (options.task_type === "SEQ_CLS") {
      const rewards = gather(
        reshape(headOutputs(model, states), [-1]),
        ints(rows.map((row, r) => starts[r]! + row.length - 1)),
      );
      const side = (k: number): Tensor =>
        gather(rewards, ints(rows.flatMap((_, r) => (r % 2 === k ? [r] : []))));
      return {
        loss: mul(neg(sum(logSigmoid(sub(side(0), side(1))))), 2 / rows.length),
        outputs: { numbers: rewards },
      };
    }
    const sources = ints(rows.flatMap((row, r) => row.slice(1).map((_, t) => starts[r]! + t)));
    const labels = ints(rows.flatMap((row) => row.slice(1)));
    const logps = targetLogProbs(model, states, { sources, labels });
    return {
      loss: mul(neg(sum(logps)), 1 / logps.shape[0]!),
      outputs: { numbers: logps, logits: wholeLogits(model, states) },
    };
  };
}

/** The adapter's numbers, in float64, under the names of the graph. */
const adapterNumbers = ({ adapter }: OpenedModel): Values =>
  new Map(
    [...adapter!.tensors].map(([key, entry]) => [
      graphName(key),
      { shape: entry.shape, data: readTensor64(entry) },
    ]),
  );

describe.skipIf(absent !== undefined)(`adapters as in golden/models${absent ? ` (${absent})` : ""}`, () => {
  it("every case is known by name", () => {
    expect(cases.map((c) => c.name).sort()).toEqual([
      "dora_gpt2",
      "dora_llama",
      "lora_gpt2",
      "lora_llama",
      "lora_llama_patterns",
      "lora_llama_reward",
      "rslora_llama",
    ]);
  });

  for (const [kind, backend] of Object.entries(backends)) {
    const exact = kind === "reference";
    const tolerance = exact ? 1e-10 : 3e-5;
    for (const c of cases) {
      const open = (): Promise<OpenedModel> =>
        openModel(golden("models", c.inputs.adapter), { base: golden("models", c.inputs.checkpoint) });
      const { rows } = c.inputs;
      const read = lossOf(c);

      it(`${c.name} on, with its gradients, on ${kind}`, async () => {
        const opened = await open();
        const policy = createPolicy(opened);
        const run = await pass(backend, {
          rows,
          read,
          trainable: adapterNumbers(opened),
          bind: (tree) => bindPolicy(policy, tree),
        });
        allClose([run.loss], [c.expected.loss_on], { tolerance: exact ? 1e-12 : 1e-5, name: "loss" });
        allClose(run.outputs["numbers"]!, c.expected.rewards_on ?? c.expected.token_log_probs_on!.flat(), {
          tolerance,
          name: "outputs",
        });
        if (run.outputs["logits"]) {
          const stored = readTensor64(
            openSafetensors(golden("models", c.expected.tensors)).tensors.get("logits_on")!,
          );
          allClose(run.outputs["logits"], Array.from(stored), { tolerance, name: "logits" });
        }
        for (const [key, want] of Object.entries(c.expected.gradients_of_loss)) {
          gradientHolds(run.gradients.get(graphName(key))!, want, {
            tolerance: exact ? 1e-9 : 1e-4,
            name: key,
          });
        }
        expect(run.gradients.size).toBe(Object.keys(c.expected.gradients_of_loss).length);
      });

      it(`${c.name} off is the bare model, on ${kind}`, async () => {
        const policy = createPolicy(await open());
        const run = await pass(backend, {
          rows,
          read,
          trainable: new Map(),
          bind: () => bindReference(policy),
        });
        allClose([run.loss], [c.expected.loss_off], { tolerance: exact ? 1e-12 : 1e-5, name: "loss" });
        if (c.expected.rewards_off)
          allClose(run.outputs["numbers"]!, c.expected.rewards_off, { tolerance, name: "rewards" });
      });

      it(`${c.name} merged, on ${kind}`, async () => {
        const { model, adapter } = await open();
        const values = adapterValues(adapter!);
        const merged = mergedParameters(model, { spec: adapter!.spec, values });
        const names = [...model.tensors.keys()].filter((name) => merged.has(name));
        expect(names.sort()).toEqual(Object.keys(c.expected.merged_weights).sort());
        const trainable: Values = new Map(
          names.map((name) => [name, { shape: model.tensors.get(name)!.shape, data: merged.get(name)! }]),
        );
        for (const [name, want] of Object.entries(c.expected.merged_weights)) {
          gradientHolds(trainable.get(name)!.data, want, { tolerance: 1e-6, name });
        }
        const policy = createPolicy({ model, adapter: undefined });
        const run = await pass(backend, { rows, read, trainable, bind: (tree) => bindPolicy(policy, tree) });
        // A merged matrix is rounded to float32 once.
        allClose([run.loss], [c.expected.loss_merged], { tolerance: 1e-5, name: "loss" });
      });
    }
  }
});
