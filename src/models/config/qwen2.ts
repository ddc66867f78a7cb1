/** config.json of Qwen2 and Qwen2.5: biases on q, k and v; a window from some layer on, where switched on. Knows nothing of weights. */
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
import type { LayerConfig, ModelConfig, RopeConfig } from "./types.js";

export function readQwen2(config: Fields): ModelConfig {
  const sizes = readAttentionSizes(config);
  const common = readCommon(config, { maxPositions: 32_768 });
  const rope = readRope(config, { theta: 10_000, headDim: sizes.headDim, maxPositions: common.maxPositions });
  return {
    family: "qwen2",
    ...llamaLike,
    ...sizes,
    ...common,
    layers: qwenLayers(config, { layerCount: common.layerCount, rope }),
    activation: readActivation(config, { key: "hidden_act", fallback: "silu" }),
    attentionScale: sizes.headDim ** -0.5,
    qkvBias: true,
    tiedEmbeddings: config.boolean("tie_word_embeddings", false),
  };
}

/** A stated `sliding_window` counts only with `use_sliding_window`; without `layer_types` the layers from `max_window_layers` on slide. */
export function qwenLayers(
  config: Fields,
  { layerCount, rope }: { layerCount: number; rope: RopeConfig },
): LayerConfig[] {
  const on = config.boolean("use_sliding_window", false);
  const given = config.has("sliding_window") ? config.optionalInteger("sliding_window") : 4096;
  const from = config.integer("max_window_layers", { min: 0, fallback: 28 });
  const sliding = readSliding(config, { layerCount, older: (layer) => layer >= from });
  return uniformLayers(sliding, { rope, window: on ? given : null });
}
