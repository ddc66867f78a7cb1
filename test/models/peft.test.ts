import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import {
  adapterValues,
  type LoraConfig,
  loraDefaults,
  mergedParameters,
  normaliseAdapterConfig,
  normaliseConfig,
  openAdapter,
  openModel,
  openModelFolder,
  readTensor,
  resolveLora,
  saveModelFolder,
  writeAdapter,
} from "../../src/models/index.js";
import { golden, missing, readJson } from "../support/shared.js";

interface Summary {
  shape: number[];
  norm: number;
  first8: number[];
  projection: number;
}
interface Case {
  name: string;
  inputs: { checkpoint: string; adapter: string };
  expected: { merged_weights: Record<string, Summary>; gradients_of_loss: Record<string, Summary> };
}

const path = golden("models", "lora.json");
const absent = missing(path);
const note = absent === undefined ? "" : ` (skipped: ${absent})`;
const cases = absent === undefined ? readJson<{ cases: Case[] }>(path).cases : [];
const adapterConfig = (name: string): Record<string, number> =>
  readJson(golden("models", "adapters", name, "adapter_config.json"));
const open = ({ inputs }: Case) => {
  const model = openModelFolder(golden("models", inputs.checkpoint));
  return { model, adapter: openAdapter(golden("models", inputs.adapter), model.config) };
};

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "attune-peft-"));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** frac((i + 1)^2 * golden ratio) - 1/2, as golden/models/README.md defines the projection. */
function projection(values: Float32Array): number {
  return values.reduce((sum, value, i) => {
    const x = (i + 1) ** 2 * 0.6180339887498949;
    return sum + value * (x - Math.floor(x) - 0.5);
  }, 0);
}

describe.skipIf(absent)(`adapters written by peft${note}`, () => {
  const named = cases.map((c) => [c.name, c] as const);

  test.each(named)("%s opens with the tensors that the golden gradients name", (_, c) => {
    expect([...open(c).adapter.tensors.keys()].sort()).toEqual(
      Object.keys(c.expected.gradients_of_loss).sort(),
    );
  });

  test.each(named)("%s merges to the golden weights", (_, c) => {
    const { model, adapter } = open(c);
    const merged = mergedParameters(model, { spec: adapter.spec, values: adapterValues(adapter) });
    const changed = [...model.tensors.keys()].filter((name) => merged.has(name));
    expect(changed.sort()).toEqual(Object.keys(c.expected.merged_weights).sort());
    for (const [name, expected] of Object.entries(c.expected.merged_weights)) {
      const values = merged.get(name)!;
      const close = (actual: number, wanted: number): void =>
        expect(Math.abs(actual - wanted)).toBeLessThan(1e-6 * expected.norm);
      close(Math.hypot(...values), expected.norm);
      close(projection(values), expected.projection);
      expected.first8.forEach((value, i) => close(values[i]!, value));
    }
  });

  test.each(named)("%s is written again with the same numbers and settings", async (name, c) => {
    const { model, adapter } = open(c);
    const folder = join(scratch, name);
    await writeAdapter(folder, model.config, {
      lora: adapter.lora,
      tensors: adapterValues(adapter),
      rawConfig: adapter.rawConfig,
    });
    const again = openAdapter(folder, model.config);
    expect({ ...again.lora, modulesToSave: [] }).toEqual({ ...adapter.lora, modulesToSave: [] });
    expect(again.spec).toEqual(adapter.spec);
    for (const [key, entry] of adapter.tensors)
      expect(readTensor(again.tensors.get(key)!)).toEqual(readTensor(entry));
    const raw = readJson<Record<string, unknown>>(join(folder, "adapter_config.json"));
    const modules = raw["modules_to_save"] as string[] | null;
    expect({ ...raw, modules_to_save: modules && [...modules].sort() }).toEqual({
      ...adapter.rawConfig,
      modules_to_save: adapter.rawConfig["modules_to_save"] && ["classifier", "score"],
    });
  });

  test("rank and alpha patterns reach the modules that they name", () => {
    const c = cases.find(({ name }) => name === "lora_llama_patterns")!;
    const { targets } = open(c).adapter.spec;
    const { r, lora_alpha: alpha } = adapterConfig("lora_llama_patterns");
    const of = (module: string) => targets.find((t) => t.module.endsWith(module))!;
    expect(of("layers.0.self_attn.q_proj")).toMatchObject({ r: 2, scaling: alpha! / 2 });
    expect(of("layers.1.self_attn.v_proj")).toMatchObject({ r, scaling: 3 / r! });
    expect(of("layers.0.self_attn.v_proj")).toMatchObject({ r, scaling: alpha! / r! });
    expect(targets).toHaveLength(6);
  });

  test("rsLoRA divides by the root of the rank", () => {
    const c = cases.find(({ name }) => name === "rslora_llama")!;
    const { r, lora_alpha: alpha } = adapterConfig("rslora_llama");
    expect(open(c).adapter.spec.targets[0]!.scaling).toBeCloseTo(alpha! / Math.sqrt(r!), 12);
  });

  test("an adapter's folder opens with its base and the head it was trained for", async () => {
    const folder = join(scratch, "reward-on-language-model");
    cpSync(golden("models", "adapters", "lora_llama_reward"), folder, { recursive: true });
    const opened = await openModel(folder, { base: golden("models", "checkpoints", "llama_reward") });
    expect(opened.model.config.head).toEqual({ kind: "sequence", numLabels: 1, bias: false });
    expect(opened.adapter!.spec.saved.map(({ parameter }) => parameter)).toEqual(["score.weight"]);
    const plain = await openModel(golden("models", "checkpoints", "llama"));
    expect(plain.adapter).toBeUndefined();
  });

  test("a merged folder holds the merged weights and every other byte as it was", async () => {
    const c = cases.find(({ name }) => name === "lora_llama")!;
    const { model, adapter } = open(c);
    const folder = join(scratch, "merged");
    const parameters = mergedParameters(model, { spec: adapter.spec, values: adapterValues(adapter) });
    await saveModelFolder(folder, model, { parameters });
    const merged = openModelFolder(folder);
    for (const [name, entry] of merged.tensors) {
      expect(readTensor(entry)).toEqual(
        parameters.has(name) ? parameters.get(name) : readTensor(model.tensors.get(name)!),
      );
    }
  });
});

describe.skipIf(absent)(`adapters that do not fit are refused${note}`, () => {
  const copy = (change: Record<string, unknown>): string => {
    const folder = mkdtempSync(join(scratch, "bad-"));
    for (const name of readdirSync(golden("models", "adapters", "lora_llama"))) {
      writeFileSync(join(folder, name), readFileSync(golden("models", "adapters", "lora_llama", name)));
    }
    const file = join(folder, "adapter_config.json");
    writeFileSync(file, JSON.stringify({ ...readJson<Record<string, unknown>>(file), ...change }));
    return folder;
  };
  const config = () => openModelFolder(golden("models", "checkpoints", "llama")).config;

  test.each<[string, Record<string, unknown>, RegExp]>([
    ["another kind", { peft_type: "IA3" }, /peft_type: expected "LORA"/],
    ["biases", { bias: "all" }, /bias: expected "none"/],
    ["another rank", { r: 8 }, /lora_A.weight: expected \[8, (\d+)\], got \[\d, \1\]/],
    ["fewer targets", { target_modules: ["q_proj"] }, /24 more: /],
    [
      "DoRA without magnitudes",
      { use_dora: true },
      /lora_magnitude_vector: expected \[\d+\], got no such tensor/,
    ],
    ["another task", { task_type: "SEQ_CLS" }, /task_type: expected CAUSAL_LM/],
    [
      "a misspelt target",
      { target_modules: ["q_proj", "kproj"] },
      /target_modules: expected names of linear layers: q_proj.*got kproj/,
    ],
    ["a broken pattern", { target_modules: "(" }, /a regular expression, got/],
    ["rank 0", { r: 0 }, /r: expected a whole number from 1/],
  ])("%s", (_, change, message) => {
    expect(() => openAdapter(copy(change), config())).toThrow(message);
  });

  test("a pickled adapter, by name", () => {
    const folder = copy({});
    rmSync(join(folder, "adapter_model.safetensors"));
    writeFileSync(join(folder, "adapter_model.bin"), "");
    expect(() => openAdapter(folder, config())).toThrow(/adapter_model.bin.*pickle/s);
  });

  test("an adapter of another model", () => {
    const gpt2 = openModelFolder(golden("models", "checkpoints", "gpt2")).config;
    expect(() => openAdapter(golden("models", "adapters", "lora_llama"), gpt2)).toThrow(
      /target_modules: expected modules of a gpt2/,
    );
  });
});

describe("which modules are adapted", () => {
  const sizes = {
    vocab_size: 8,
    hidden_size: 8,
    intermediate_size: 8,
    num_hidden_layers: 2,
    num_attention_heads: 2,
  };
  const llama = normaliseConfig({ model_type: "llama", ...sizes });
  const tied = normaliseConfig({ model_type: "llama", ...sizes, tie_word_embeddings: true });
  const modules = (change: Partial<LoraConfig>, config = llama): string[] =>
    resolveLora(config, { ...loraDefaults, ...change }).targets.map(({ module }) => module);

  test("all-linear leaves out the output layer and heads", () => {
    expect(modules({})).toHaveLength(14);
    expect(modules({}).some((module) => module.includes("lm_head"))).toBe(false);
  });

  test("a regular expression must match the whole path, in Python's spelling", () => {
    expect(modules({ targetModules: "model\\.layers\\.(?P<n>0)\\..*_proj" })).toHaveLength(7);
    expect(() => modules({ targetModules: "q_proj" })).toThrow(/target_modules/);
  });

  test("the output layer on demand, when it is one", () => {
    expect(modules({ targetModules: ["lm_head"] })).toEqual(["lm_head"]);
    expect(() => modules({ targetModules: ["lm_head"] }, tied)).toThrow(/target_modules/);
  });

  test("excluded modules and chosen layers", () => {
    expect(modules({ excludeModules: ["down_proj"], layersToTransform: [1] })).toHaveLength(6);
  });

  test("norms, embeddings and heads are no targets", () => {
    expect(() => modules({ targetModules: ["q_proj", "embed_tokens"] })).toThrow(/modules_to_save/);
  });

  test("modules to save: tied embeddings and unknown names are refused", () => {
    expect(resolveLora(llama, { ...loraDefaults, modulesToSave: ["lm_head"] }).saved[0]).toEqual({
      parameter: "lm_head.weight",
      shape: [8, 8],
      key: "base_model.model.lm_head.weight",
    });
    expect(() => modules({ modulesToSave: ["embed_tokens"] }, tied)).toThrow(/tie_word_embeddings/);
    expect(() => modules({ modulesToSave: ["heads"] })).toThrow(
      /modules_to_save: expected modules of the model, got heads/,
    );
  });

  test("modules to save are matched by the end of the text, as in peft: norm is every norm whose name ends so", () => {
    const { saved } = resolveLora(llama, { ...loraDefaults, modulesToSave: ["norm"] });
    expect(saved.map(({ parameter }) => parameter)).toEqual([
      "model.layers.0.input_layernorm.weight",
      "model.layers.0.post_attention_layernorm.weight",
      "model.layers.1.input_layernorm.weight",
      "model.layers.1.post_attention_layernorm.weight",
      "model.norm.weight",
    ]);
  });

  test("a target that modules_to_save names whole is not adapted, by a part of its name it is refused", () => {
    expect(modules({ modulesToSave: ["o_proj"] })).toHaveLength(12);
    expect(() => modules({ modulesToSave: ["proj"] })).toThrow(/whole names of modules that are targets/);
  });

  test("defaults of a sparse adapter_config.json are peft's", () => {
    const raw = { peft_type: "LORA", r: 4, lora_alpha: 8, target_modules: ["q_proj"] };
    expect(normaliseAdapterConfig(raw)).toEqual({ ...loraDefaults, r: 4, targetModules: ["q_proj"] });
  });
});
