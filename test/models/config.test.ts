import { existsSync, readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";

import { normaliseConfig, readConfigFile, type RawConfig } from "../../src/models/index.js";
import { checkpointConfig, data, golden, missing } from "../support/shared.js";

const configs = golden("models", "configs");
const absent = missing(configs);

describe.skipIf(absent)(
  `the two generations of config.json${absent === undefined ? "" : ` (skipped: ${absent})`}`,
  () => {
    const files = absent === undefined ? readdirSync(configs).filter((name) => name.endsWith(".json")) : [];
    test.each(files)("%s says the same as the checkpoint's own", (file) => {
      const name = file.replace(/\.(old|v5)\.json$/, "");
      const other = readConfigFile(`${configs}/${file}`).config;
      expect(other).toEqual(readConfigFile(golden("models", "checkpoints", name, "config.json")).config);
    });
  },
);

describe.skipIf(absent)("what the configs mean", () => {
  const read = (name: string) => readConfigFile(golden("models", "checkpoints", name, "config.json")).config;

  test("Qwen2 with use_sliding_window slides from max_window_layers on", () => {
    expect(read("qwen2_window").layers.map((layer) => layer.window)).toEqual([
      null,
      checkpointConfig("qwen2_window")["sliding_window"],
    ]);
    expect(read("qwen2").layers.map((layer) => layer.window)).toEqual([null, null]);
  });

  test("Gemma-2 slides in even layers, Gemma-3 in all but every third here", () => {
    const { sliding_window: two } = checkpointConfig("gemma2");
    const { sliding_window: three } = checkpointConfig("gemma3");
    expect(read("gemma2").layers.map((layer) => layer.window)).toEqual([two, null]);
    expect(
      read("gemma3").layers.map((layer) => [layer.window, layer.rope?.theta, layer.rope?.scaling.type]),
    ).toEqual([
      [three, 100, "default"],
      [three, 100, "default"],
      [null, 5000, "linear"],
    ]);
  });

  test("SmolLM3's no_rope_layers says 1 where rope is used", () => {
    expect(read("smollm3").layers.map((layer) => layer.rope !== null)).toEqual([true, false, true]);
  });

  test("Phi-3's longrope factor is the ratio of the lengths, half of each head rotates", () => {
    const { rope } = read("phi3_longrope").layers[0]!;
    expect(rope).toMatchObject({
      rotaryDim: checkpointConfig("phi3_longrope")["hidden_size"]! / 4 / 2,
      scaling: { type: "longrope", factor: 2, originalMaxPositions: 64 },
    });
  });

  test("heads come from the class names", () => {
    expect(read("llama").head).toEqual({ kind: "lm", numLabels: 0, bias: false });
    expect(read("llama_reward").head).toEqual({ kind: "sequence", numLabels: 1, bias: false });
    expect(read("llama_process_reward").head).toEqual({ kind: "token", numLabels: 2, bias: true });
  });

  test("Gemma scales scores by query_pre_attn_scalar, not by the head size", () => {
    expect(read("gemma3").attentionScale).toBeCloseTo(
      checkpointConfig("gemma3")["query_pre_attn_scalar"]! ** -0.5,
      15,
    );
    expect(read("gemma2").embeddingScale).toBeCloseTo(checkpointConfig("gemma2")["hidden_size"]! ** 0.5, 15);
  });
});

const stories = data("stories260K", "config.json");
test.skipIf(!existsSync(stories))("stories260K is a tied Llama", () => {
  expect(readConfigFile(stories).config).toMatchObject({
    family: "llama",
    layerCount: 5,
    kvHeads: 4,
    tiedEmbeddings: true,
  });
});

const llama: RawConfig = {
  model_type: "llama",
  vocab_size: 64,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 1,
  num_attention_heads: 4,
};

describe("a bad config.json is refused", () => {
  const refused = (change: RawConfig) => () => normaliseConfig({ ...llama, ...change });

  test("an unknown architecture, with the list of known ones", () => {
    expect(refused({ model_type: "mamba" })).toThrow(
      /model_type: expected one of the known architectures \(llama, mistral/,
    );
    expect(refused({ model_type: undefined })).toThrow(/got nothing/);
  });

  test("Gemma-3 with images says what to do", () => {
    expect(refused({ model_type: "gemma3" })).toThrow(/text_config/);
  });

  test("quantised weights", () => {
    expect(refused({ quantization_config: { bits: 4 } })).toThrow(/unquantised/);
  });

  test.each<[string, RawConfig]>([
    ["hidden_size", { hidden_size: 0 }],
    ["hidden_size", { hidden_size: "16" }],
    ["num_attention_heads", { num_attention_heads: 3 }],
    ["num_key_value_heads", { num_key_value_heads: 3 }],
    ["head_dim", { head_dim: 5 }],
    ["rms_norm_eps", { rms_norm_eps: -1 }],
    ["hidden_act", { hidden_act: "mish" }],
    ["rope_theta", { rope_theta: 0 }],
    ["rope_type", { rope_parameters: { rope_type: "spiral", rope_theta: 1e4 } }],
    ["factor", { rope_scaling: { type: "linear" } }],
    ["partial_rotary_factor", { partial_rotary_factor: 0.5 }],
    ["torch_dtype", { torch_dtype: "int8" }],
    ["eos_token_id", { eos_token_id: -3 }],
    ["architectures", { architectures: ["LlamaForQuestionAnswering"] }],
    ["tie_word_embeddings", { tie_word_embeddings: "yes" }],
  ])("%s out of range: %o", (key, change) => {
    expect(refused(change)).toThrow(new RegExp(`config.json.*${key}: expected`));
  });

  test("layer_types of the wrong length or kind", () => {
    const qwen = { model_type: "qwen2" };
    expect(refused({ ...qwen, layer_types: [] })).toThrow(/layer_types: expected 1 times/);
    expect(refused({ ...qwen, layer_types: ["chunked_attention"] })).toThrow(/layer_types/);
  });
});

describe("defaults of missing keys are transformers'", () => {
  test("Llama: as many key heads as heads, head size by division, theta 10000, untied", () => {
    const config = normaliseConfig(llama);
    expect(config).toMatchObject({
      kvHeads: 4,
      headDim: 4,
      tiedEmbeddings: false,
      dtype: "F32",
      normEps: 1e-6,
    });
    expect(config.layers[0]).toEqual({
      rope: { theta: 10_000, rotaryDim: 4, scaling: { type: "default" } },
      window: null,
    });
  });

  test("dtype wins over torch_dtype, and several stop tokens are kept", () => {
    const config = normaliseConfig({
      ...llama,
      dtype: "bfloat16",
      torch_dtype: "float32",
      eos_token_id: [2, 5],
      pad_token_id: -1,
    });
    expect(config).toMatchObject({ dtype: "BF16", eosTokenIds: [2, 5], padTokenId: null, bosTokenId: null });
  });

  test("a 4.x file with rope_parameters is read, not ignored", () => {
    const config = normaliseConfig({
      ...llama,
      transformers_version: "4.49.0",
      rope_parameters: { rope_theta: 77 },
    });
    expect(config.layers[0]!.rope!.theta).toBe(77);
  });
});
