/** config.json of SmolLM3: Llama with some layers that do not rotate. Knows nothing of weights. */
import { llamaLike, readActivation, readAttentionSizes, readCommon, readSliding } from "./common.js";
import type { Fields } from "./fields.js";
import { readRope } from "./rope-fields.js";
import type { ModelConfig } from "./types.js";

export function readSmollm3(config: Fields): ModelConfig {
  const sizes = readAttentionSizes(config, { kvFallback: 4 });
  const common = readCommon(config, { maxPositions: 32_768 });
  const rope = readRope(config, { theta: 2e6, headDim: sizes.headDim, maxPositions: common.maxPositions });
  const rotates = readRotating(config, common.layerCount);
  const on = config.boolean("use_sliding_window", false);
  const window = on ? config.optionalInteger("sliding_window") : null;
  const sliding = readSliding(config, { layerCount: common.layerCount, older: (layer) => !rotates[layer]! });
  const bias = config.boolean("attention_bias", false);
  return {
    family: "smollm3",
    ...llamaLike,
    ...sizes,
    ...common,
    layers: sliding.map((slides, layer) => ({
      rope: rotates[layer] ? rope : null,
      window: slides ? window : null,
    })),
    activation: readActivation(config, { key: "hidden_act", fallback: "silu" }),
    attentionScale: sizes.headDim ** -0.5,
    qkvBias: bias,
    outputBias: bias,
    mlpBias: config.boolean("mlp_bias", false),
    tiedEmbeddings: config.boolean("tie_word_embeddings", true),
  };
}

/** `no_rope_layers[i]` = 1 means that rope IS used, whatever the name says; without the list every n-th layer has none. */
function readRotating(config: Fields, layerCount: number): boolean[] {
  const given = config.raw["no_rope_layers"];
  if (given === undefined || given === null) {
    const every = config.integer("no_rope_layer_interval", { fallback: 4 });
    return Array.from({ length: layerCount }, (_, layer) => (layer + 1) % every !== 0);
  }
  if (!Array.isArray(given) || given.length !== layerCount || !given.every((x) => x === 0 || x === 1)) {
    return config.refuse("no_rope_layers", { expected: `${layerCount} times 0 or 1` });
  }
  return given.map((x) => x === 1);
}
