/**
 * What the families' config.json files share: sizes, activation, token ids, weight type, head. Knows no family's defaults.
 */
import type { WeightDtype } from "../safetensors-dtype.js";
import { Fields, isRecord } from "./fields.js";
import type { Activation, HeadConfig, LayerConfig, ModelConfig, RopeConfig } from "./types.js";

const activations: Readonly<Record<string, Activation>> = {
  silu: "silu",
  swish: "silu",
  gelu: "gelu",
  gelu_new: "gelu_tanh",
  gelu_pytorch_tanh: "gelu_tanh",
  gelu_fast: "gelu_tanh",
  relu: "relu",
};

export const readActivation = (
  config: Fields,
  { key, fallback }: { key: string; fallback: string },
): Activation => config.choice(key, { table: activations, fallback });

const dtypes: Readonly<Record<string, WeightDtype>> = {
  float32: "F32",
  float: "F32",
  bfloat16: "BF16",
  float16: "F16",
  half: "F16",
  "torch.float32": "F32",
  "torch.bfloat16": "BF16",
  "torch.float16": "F16",
};

/** `dtype` (4.56 and later) wins over `torch_dtype`; neither or `auto` means float32. */
export function readDtype(config: Fields): WeightDtype {
  const key = config.given("dtype") ? "dtype" : "torch_dtype";
  if (config.raw[key] === "auto") return "F32";
  return config.choice(key, { table: dtypes, fallback: "float32" });
}

/** Config names of the weight types, as transformers writes them. */
export const dtypeNames: Readonly<Record<WeightDtype, string>> = {
  F32: "float32",
  BF16: "bfloat16",
  F16: "float16",
};

export function readTokenIds(config: Fields): Pick<ModelConfig, "bosTokenId" | "eosTokenIds" | "padTokenId"> {
  // Early Llama files write -1 for "no pad token".
  const one = (key: string): number | null =>
    config.raw[key] === -1 ? null : config.optionalInteger(key, { min: 0 });
  const eos = config.raw["eos_token_id"];
  if (Array.isArray(eos) && !eos.every((id) => Number.isInteger(id) && (id as number) >= 0)) {
    config.refuse("eos_token_id", { expected: "token ids" });
  }
  const single = Array.isArray(eos) ? null : one("eos_token_id");
  return {
    bosTokenId: one("bos_token_id"),
    eosTokenIds: Array.isArray(eos) ? (eos as number[]) : single === null ? [] : [single],
    padTokenId: one("pad_token_id"),
  };
}

/** The head that `architectures` names: `...ForCausalLM`, `...LMHeadModel`, `...ForSequenceClassification`, `...ForTokenClassification`. */
export function readHead(config: Fields): HeadConfig {
  const given = config.raw["architectures"];
  const name: unknown = Array.isArray(given) ? given[0] : undefined;
  if (name === undefined) return { kind: "lm", numLabels: 0, bias: false };
  if (typeof name !== "string") return config.refuse("architectures", { expected: "a list of class names" });
  if (name.endsWith("ForSequenceClassification"))
    return { kind: "sequence", numLabels: readLabels(config), bias: false };
  if (name.endsWith("ForTokenClassification"))
    return { kind: "token", numLabels: readLabels(config), bias: true };
  if (/(ForCausalLM|LMHeadModel|[a-z0-9]Model)$/.test(name) && !name.endsWith("DoubleHeadsModel")) {
    return { kind: "lm", numLabels: 0, bias: false };
  }
  return config.refuse("architectures", {
    expected: "a causal language model, a sequence classifier or a token classifier",
  });
}

/** transformers writes the number of labels as the size of `id2label`, and nothing when it is its default of 2. */
function readLabels(config: Fields): number {
  const labels = config.raw["id2label"];
  if (isRecord(labels)) return Object.keys(labels).length;
  return config.integer("num_labels", { fallback: 2 });
}

/** Heads and their sizes; refuses counts that do not divide. */
export function readAttentionSizes(
  config: Fields,
  { kvFallback, headDimFallback }: { kvFallback?: number; headDimFallback?: number } = {},
): Pick<ModelConfig, "hiddenSize" | "heads" | "kvHeads" | "headDim"> {
  const hiddenSize = config.integer("hidden_size");
  const heads = config.integer("num_attention_heads");
  const kvHeads = config.integer("num_key_value_heads", { fallback: kvFallback ?? heads });
  if (heads % kvHeads !== 0)
    config.refuse("num_key_value_heads", { expected: `a divisor of the ${heads} attention heads` });
  const given = config.given("head_dim");
  const fallback = config.has("head_dim") ? undefined : headDimFallback;
  if (!given && fallback === undefined && hiddenSize % heads !== 0) {
    config.refuse("num_attention_heads", { expected: `a divisor of hidden_size ${hiddenSize}, or head_dim` });
  }
  const headDim = config.integer("head_dim", { fallback: fallback ?? hiddenSize / heads });
  if (headDim % 2 !== 0) config.refuse("head_dim", { expected: "an even head size for rotary positions" });
  return { hiddenSize, heads, kvHeads, headDim };
}

const layerKinds = { full_attention: false, sliding_attention: true } as const;

/** Which layers slide: `layer_types` where given, else what the family's older keys say. */
export function readSliding(
  config: Fields,
  { layerCount, older }: { layerCount: number; older: (layer: number) => boolean },
): boolean[] {
  const given = config.raw["layer_types"];
  if (given === undefined || given === null)
    return Array.from({ length: layerCount }, (_, layer) => older(layer));
  const fits =
    Array.isArray(given) &&
    given.length === layerCount &&
    given.every((x) => typeof x === "string" && Object.hasOwn(layerKinds, x));
  if (!fits)
    config.refuse("layer_types", { expected: `${layerCount} times full_attention or sliding_attention` });
  return (given as (keyof typeof layerKinds)[]).map((kind) => layerKinds[kind]);
}

/** The same rope in every layer, and the window where a layer slides. */
export const uniformLayers = (
  sliding: readonly boolean[],
  { rope, window }: { rope: RopeConfig | null; window: number | null },
): LayerConfig[] => sliding.map((slides) => ({ rope, window: slides ? window : null }));

/** What a Llama-like decoder has unless its family says otherwise. */
export const llamaLike = {
  norm: "rms",
  normPlacement: "pre",
  mlp: "gated",
  fusedQkv: false,
  fusedGateUp: false,
  linearLayout: "out,in",
  qkvBias: false,
  outputBias: false,
  mlpBias: false,
  qkNorm: false,
  attentionSoftcap: null,
  logitSoftcap: null,
  embeddingScale: 1,
  learnedPositions: false,
} as const satisfies Partial<ModelConfig>;

/** Keys that all Llama-like families spell the same. */
export function readCommon(
  config: Fields,
  { maxPositions, normEps = 1e-6 }: { maxPositions: number; normEps?: number },
) {
  return {
    vocabSize: config.integer("vocab_size"),
    layerCount: config.integer("num_hidden_layers", { max: 10_000 }),
    intermediateSize: config.integer("intermediate_size"),
    normEps: config.number("rms_norm_eps", { fallback: normEps, max: 1 }),
    maxPositions: config.integer("max_position_embeddings", { fallback: maxPositions }),
    head: readHead(config),
    dtype: readDtype(config),
    ...readTokenIds(config),
  };
}
