/** config.json of GPT-2: its own key names, learned positions, layer norm, fused and transposed weights. Knows nothing of weights. */
import { readActivation, readDtype, readHead, readTokenIds, uniformLayers } from "./common.js";
import type { Fields } from "./fields.js";
import type { ModelConfig } from "./types.js";

export function readGpt2(config: Fields): ModelConfig {
  const hiddenSize = config.integer("n_embd");
  const heads = config.integer("n_head");
  if (hiddenSize % heads !== 0) config.refuse("n_head", { expected: `a divisor of n_embd ${hiddenSize}` });
  const layerCount = config.integer("n_layer", { max: 10_000 });
  config.mustBe("scale_attn_by_inverse_layer_idx", { value: false });
  config.mustBe("add_cross_attention", { value: false });
  const headDim = hiddenSize / heads;
  return {
    family: "gpt2",
    vocabSize: config.integer("vocab_size"),
    hiddenSize,
    layerCount,
    layers: uniformLayers(Array<boolean>(layerCount).fill(false), { rope: null, window: null }),
    heads,
    kvHeads: heads,
    headDim,
    intermediateSize: config.integer("n_inner", { fallback: 4 * hiddenSize }),
    activation: readActivation(config, { key: "activation_function", fallback: "gelu_new" }),
    norm: "layer",
    normEps: config.number("layer_norm_epsilon", { fallback: 1e-5, max: 1 }),
    normPlacement: "pre",
    mlp: "plain",
    fusedQkv: true,
    fusedGateUp: false,
    linearLayout: "in,out",
    qkvBias: true,
    outputBias: true,
    mlpBias: true,
    qkNorm: false,
    attentionScale: config.boolean("scale_attn_weights", true) ? headDim ** -0.5 : 1,
    attentionSoftcap: null,
    logitSoftcap: null,
    embeddingScale: 1,
    tiedEmbeddings: config.boolean("tie_word_embeddings", true),
    learnedPositions: true,
    maxPositions: config.integer("n_positions", { fallback: 1024 }),
    head: readHead(config),
    dtype: readDtype(config),
    ...readTokenIds(config),
  };
}
