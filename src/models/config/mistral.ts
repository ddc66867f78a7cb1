/** config.json of Mistral: Llama with a window on every layer. Knows nothing of weights. */
import {
  llamaLike,
  readActivation,
  readAttentionSizes,
  readCommon,
  readSliding,
  uniformLayers,
} from "./common.js";
import type { Fields } from "./fields.js";
import { readRope } from "./rope-fields.js";
import type { ModelConfig } from "./types.js";

export function readMistral(config: Fields): ModelConfig {
  const sizes = readAttentionSizes(config, { kvFallback: 8 });
  const common = readCommon(config, { maxPositions: 131_072 });
  const rope = readRope(config, { theta: 10_000, headDim: sizes.headDim, maxPositions: common.maxPositions });
  // Off where the file says null; transformers' default holds only where the key is missing.
  const window = config.has("sliding_window") ? config.optionalInteger("sliding_window") : 4096;
  const sliding = readSliding(config, { layerCount: common.layerCount, older: () => true });
  return {
    family: "mistral",
    ...llamaLike,
    ...sizes,
    ...common,
    layers: uniformLayers(sliding, { rope, window }),
    activation: readActivation(config, { key: "hidden_act", fallback: "silu" }),
    attentionScale: sizes.headDim ** -0.5,
    tiedEmbeddings: config.boolean("tie_word_embeddings", false),
  };
}
