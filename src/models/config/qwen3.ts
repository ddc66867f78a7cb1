/** config.json of Qwen3: norms on q and k, its own head size. Knows nothing of weights. */
import { llamaLike, readActivation, readAttentionSizes, readCommon } from "./common.js";
import type { Fields } from "./fields.js";
import { qwenLayers } from "./qwen2.js";
import { readRope } from "./rope-fields.js";
import type { ModelConfig } from "./types.js";

export function readQwen3(config: Fields): ModelConfig {
  const sizes = readAttentionSizes(config, { headDimFallback: 128 });
  const common = readCommon(config, { maxPositions: 32_768 });
  const rope = readRope(config, { theta: 10_000, headDim: sizes.headDim, maxPositions: common.maxPositions });
  const bias = config.boolean("attention_bias", false);
  return {
    family: "qwen3",
    ...llamaLike,
    ...sizes,
    ...common,
    layers: qwenLayers(config, { layerCount: common.layerCount, rope }),
    activation: readActivation(config, { key: "hidden_act", fallback: "silu" }),
    attentionScale: sizes.headDim ** -0.5,
    qkvBias: bias,
    outputBias: bias,
    qkNorm: true,
    tiedEmbeddings: config.boolean("tie_word_embeddings", false),
  };
}
