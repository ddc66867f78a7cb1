/**
 * The parameters that a model of a given config must have: names as transformers saves them today, shapes, and what each
 * is. Knows nothing of files.
 */
import { families } from "./config/families.js";
import type { ModelConfig } from "./config/types.js";

/** `linear` [out, in], `conv1d` [in, out] (GPT-2): what LoRA can adapt. `head`: score, classifier, v_head weights. */
export type ParameterRole =
  | "embedding"
  | "positions"
  | "norm"
  | "bias"
  | "linear"
  | "conv1d"
  | "lm_head"
  | "head";

export interface ParameterSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly role: ParameterRole;
  /** The name without its last part: `model.layers.0.self_attn.q_proj`. */
  readonly module: string;
  /** null outside the layers. */
  readonly layer: number | null;
}

class List {
  readonly specs: ParameterSpec[] = [];
  layer: number | null = null;

  add(name: string, { shape, role }: { shape: number[]; role: ParameterRole }): void {
    this.specs.push({ name, shape, role, module: name.slice(0, name.lastIndexOf(".")), layer: this.layer });
  }

  norm(module: string, { size, bias = false }: { size: number; bias?: boolean }): void {
    this.add(`${module}.weight`, { shape: [size], role: "norm" });
    if (bias) this.add(`${module}.bias`, { shape: [size], role: "bias" });
  }

  linear(module: string, { into, outOf, bias }: { into: number; outOf: number; bias: boolean }): void {
    this.add(`${module}.weight`, { shape: [into, outOf], role: "linear" });
    if (bias) this.add(`${module}.bias`, { shape: [into], role: "bias" });
  }

  conv1d(module: string, { into, outOf }: { into: number; outOf: number }): void {
    this.add(`${module}.weight`, { shape: [outOf, into], role: "conv1d" });
    this.add(`${module}.bias`, { shape: [into], role: "bias" });
  }
}

/** Every parameter of the model with its head, in the order of the forward pass. Tied output layers have none of their own. */
export function expectedParameters(config: ModelConfig): ParameterSpec[] {
  const list = new List();
  if (config.family === "gpt2") addGpt2(list, config);
  else addDecoder(list, config);
  addHead(list, config);
  return list.specs;
}

function addDecoder(list: List, config: ModelConfig): void {
  const { hiddenSize: hidden, heads, kvHeads, headDim, intermediateSize: inner } = config;
  list.add("model.embed_tokens.weight", { shape: [config.vocabSize, hidden], role: "embedding" });
  for (let layer = 0; layer < config.layerCount; layer++) {
    list.layer = layer;
    const at = `model.layers.${layer}`;
    list.norm(`${at}.input_layernorm`, { size: hidden });
    const qkv = { outOf: hidden, bias: config.qkvBias };
    if (config.fusedQkv)
      list.linear(`${at}.self_attn.qkv_proj`, { into: (heads + 2 * kvHeads) * headDim, ...qkv });
    else {
      list.linear(`${at}.self_attn.q_proj`, { into: heads * headDim, ...qkv });
      list.linear(`${at}.self_attn.k_proj`, { into: kvHeads * headDim, ...qkv });
      list.linear(`${at}.self_attn.v_proj`, { into: kvHeads * headDim, ...qkv });
    }
    list.linear(`${at}.self_attn.o_proj`, { into: hidden, outOf: heads * headDim, bias: config.outputBias });
    if (config.qkNorm) {
      list.norm(`${at}.self_attn.q_norm`, { size: headDim });
      list.norm(`${at}.self_attn.k_norm`, { size: headDim });
    }
    list.norm(`${at}.post_attention_layernorm`, { size: hidden });
    if (config.normPlacement === "sandwich") {
      list.norm(`${at}.pre_feedforward_layernorm`, { size: hidden });
      list.norm(`${at}.post_feedforward_layernorm`, { size: hidden });
    }
    const up = { outOf: hidden, bias: config.mlpBias };
    if (config.fusedGateUp) list.linear(`${at}.mlp.gate_up_proj`, { into: 2 * inner, ...up });
    else {
      list.linear(`${at}.mlp.gate_proj`, { into: inner, ...up });
      list.linear(`${at}.mlp.up_proj`, { into: inner, ...up });
    }
    list.linear(`${at}.mlp.down_proj`, { into: hidden, outOf: inner, bias: config.mlpBias });
  }
  list.layer = null;
  list.norm("model.norm", { size: hidden });
}

function addGpt2(list: List, config: ModelConfig): void {
  const { hiddenSize: hidden, intermediateSize: inner } = config;
  list.add("transformer.wte.weight", { shape: [config.vocabSize, hidden], role: "embedding" });
  list.add("transformer.wpe.weight", { shape: [config.maxPositions, hidden], role: "positions" });
  for (let layer = 0; layer < config.layerCount; layer++) {
    list.layer = layer;
    const at = `transformer.h.${layer}`;
    list.norm(`${at}.ln_1`, { size: hidden, bias: true });
    list.conv1d(`${at}.attn.c_attn`, { into: 3 * hidden, outOf: hidden });
    list.conv1d(`${at}.attn.c_proj`, { into: hidden, outOf: hidden });
    list.norm(`${at}.ln_2`, { size: hidden, bias: true });
    list.conv1d(`${at}.mlp.c_fc`, { into: inner, outOf: hidden });
    list.conv1d(`${at}.mlp.c_proj`, { into: hidden, outOf: inner });
  }
  list.layer = null;
  list.norm("transformer.ln_f", { size: hidden, bias: true });
}

/** Module of the head's weight and bias; undefined for a plain language model. GPT-2's token classifier has its own name. */
export function headModule({ family, head }: Pick<ModelConfig, "family" | "head">): string | undefined {
  if (head.kind === "lm") return undefined;
  if (head.kind === "value") return "v_head.summary";
  return head.kind === "token" && family === "gpt2" ? "classifier" : "score";
}

function addHead(list: List, config: ModelConfig): void {
  const { head, hiddenSize, vocabSize } = config;
  const language = head.kind === "lm" || head.kind === "value";
  if (language && !config.tiedEmbeddings) {
    list.add("lm_head.weight", { shape: [vocabSize, hiddenSize], role: "lm_head" });
  }
  const module = headModule(config);
  if (module === undefined) return;
  list.add(`${module}.weight`, { shape: [head.numLabels, hiddenSize], role: "head" });
  if (head.bias) list.add(`${module}.bias`, { shape: [head.numLabels], role: "head" });
}

/**
 * The name that transformers uses today for a name found in a file: files of the bare model, such as the published
 * GPT-2, leave out the prefix of the module that holds the layers.
 */
export function canonicalName(
  name: string,
  { config, known }: { config: ModelConfig; known: ReadonlySet<string> },
): string {
  if (known.has(name)) return name;
  const prefixed = `${families[config.family].prefix}.${name}`;
  return known.has(prefixed) || isBuffer(prefixed) ? prefixed : name;
}

/** Masks and frequency tables that old checkpoints store beside the weights; they are computed, not learned. */
export function isBuffer(name: string): boolean {
  return /^transformer\.h\.\d+\.attn\.(bias|masked_bias)$|\.rotary_emb\.inv_freq$/.test(name);
}
