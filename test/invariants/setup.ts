/** A random model of a few thousand parameters and examples without meaning: what invariants of training need, fast. */
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Example } from "../../src/data/index.js";
import {
  openModel,
  type OpenedModel,
  type OpenModelOptions,
  writeRandomModel,
} from "../../src/models/index.js";
import {
  createPolicy,
  exampleSource,
  type ExampleSourceOptions,
  kto,
  ktoSource,
  type Policy,
  type PolicyOptions,
  preference,
  reward,
  sft,
  type Trainer,
} from "../../src/train/index.js";
import { createRandom } from "../../src/util/random.js";

export const vocabulary = 61;

/** config.json of the model. */
export const config = {
  model_type: "llama",
  architectures: ["LlamaForCausalLM"],
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: vocabulary,
  max_position_embeddings: 256,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  tie_word_embeddings: true,
  hidden_act: "silu",
  torch_dtype: "float32",
};

/** A folder for the test file; `remove` takes it away. */
export function scratch(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), "attune-invariants-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export async function writeTinyModel(folder: string): Promise<string> {
  const path = join(folder, "model");
  await writeRandomModel(path, config, { seed: 5, std: 0.3 });
  return path;
}

export interface ExampleKind {
  completions: 1 | 2;
  label?: boolean;
}

/** Ragged examples, the same for the same seed. */
export function examples(count: number, { completions, label = false }: ExampleKind, seed = 1): Example[] {
  const random = createRandom(seed, { stream: "invariants" });
  const tokens = (least: number, spread: number): number[] =>
    Array.from({ length: least + random.integer(spread) }, () => random.integer(vocabulary));
  return Array.from({ length: count }, (_, i) => ({
    id: `example ${i}`,
    prompt: tokens(2, 5),
    completions: Array.from({ length: completions }, () => ({ tokens: tokens(2, 12) })),
    ...(label && { values: { label: i % 3 === 0 ? 0 : 1 } }),
  }));
}

export type Method = "sft" | "reward" | "dpo" | "kto" | "orpo" | "simpo";

export interface Setup extends PolicyOptions {
  model: string;
  count?: number;
  perDeviceBatchSize?: number;
  layout?: ExampleSourceOptions["layout"];
  shuffle?: boolean;
  evaluation?: boolean;
}

const opened = (path: string, options: OpenModelOptions): Promise<OpenedModel> => openModel(path, options);

export async function policyFor(
  method: Method,
  { model, ...options }: Pick<Setup, "model" | "lora" | "seed">,
): Promise<Policy> {
  return createPolicy(
    await opened(model, method === "reward" ? { head: "sequence", numLabels: 1 } : {}),
    options,
  );
}

/** A trainer of the method on seeded examples. */
export async function trainerFor(method: Method, o: Setup): Promise<Trainer<unknown>> {
  const policy = await policyFor(method, { model: o.model, lora: o.lora, seed: o.seed });
  const source = {
    plan: { perDeviceBatchSize: o.perDeviceBatchSize ?? 4, shuffle: o.shuffle ?? true },
    ...(o.layout && { layout: o.layout }),
  };
  const count = o.count ?? 16;
  const pairs = exampleSource(examples(count, { completions: 2 }), source);
  const heldOut = o.evaluation ? exampleSource(examples(5, { completions: 2 }, 2), source) : undefined;
  const trainer = {
    sft: () => {
      const evaluation = o.evaluation ? exampleSource(examples(5, { completions: 1 }, 2), source) : undefined;
      return sft({ policy, train: exampleSource(examples(count, { completions: 1 }), source), evaluation });
    },
    reward: () => reward({ policy, train: pairs, evaluation: heldOut }),
    kto: () => kto({ policy, train: ktoSource(examples(count, { completions: 1, label: true }), source) }),
    dpo: () => preference({ policy, train: pairs, evaluation: heldOut }),
    orpo: () => preference({ policy, train: pairs, evaluation: heldOut, lossType: "orpo" }),
    simpo: () => preference({ policy, train: pairs, evaluation: heldOut, lossType: "simpo" }),
  }[method]();
  return trainer as Trainer<unknown>;
}

export const hashOf = (file: string): string => createHash("sha256").update(readFileSync(file)).digest("hex");

/** Hashes of what a checkpoint resumes from. */
export const checkpointHashes = (folder: string): string[] =>
  ["parameters.safetensors", "optimizer.safetensors", "state.json"].map((file) => hashOf(join(folder, file)));

/** The largest difference of two sets of parameters, relative to the largest number. */
export function distance(a: ReadonlyMap<string, Float32Array>, b: ReadonlyMap<string, Float32Array>): number {
  let most = 0;
  let scale = 0;
  for (const [name, values] of a) {
    values.forEach((x, i) => {
      most = Math.max(most, Math.abs(x - b.get(name)![i]!));
      scale = Math.max(scale, Math.abs(x));
    });
  }
  return most / scale;
}
