/** config.json of Llama, and of SmolLM2 which is one. Knows nothing of weights. */
import { llamaLike, readActivation, readAttentionSizes, readCommon, uniformLayers } from "./common.js";
import type { Fields } from "./fields.js";
import { readRope } from "./rope-fields.js";
import type { ModelConfig } from "./types.js";

export function readLlama(config: Fields): ModelConfig {
  const sizes = readAttentionSizes(config);
  const common = readCommon(config, { maxPositions: 2048 });
  const rope = readRope(config, { theta: 10_000, headDim: sizes.headDim, maxPositions: common.maxPositions });
  const bias = config.boolean("attention_bias", false);
  return {
    family: "llama",
    ...llamaLike,
    ...sizes,
    ...common,
    layers: uniformLayers(Array<boolean>(common.layerCount).fill(false), { rope, window: null }),
    activation: readActivation(config, { key: "hidden_act", fallback: "silu" }),
    attentionScale: sizes.headDim ** -0.5,
    qkvBias: bias,
    outputBias: bias,
    mlpBias: config.boolean("mlp_bias", false),
    tiedEmbeddings: config.boolean("tie_word_embeddings", false),
  };
}
