/** config.json of Phi-3 and Phi-4-mini: fused weights, partial rotation, longrope. Knows nothing of weights. */
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

export function readPhi3(config: Fields): ModelConfig {
  const sizes = readAttentionSizes(config);
  const common = readCommon(config, { maxPositions: 4096, normEps: 1e-5 });
  const rope = readRope(config, {
    theta: 10_000,
    headDim: sizes.headDim,
    maxPositions: common.maxPositions,
    partial: true,
  });
  config.mustBe("attention_bias", { value: false });
  const sliding = readSliding(config, { layerCount: common.layerCount, older: () => true });
  return {
    family: "phi3",
    ...llamaLike,
    ...sizes,
    ...common,
    layers: uniformLayers(sliding, { rope, window: config.optionalInteger("sliding_window") }),
    activation: readActivation(config, { key: "hidden_act", fallback: "silu" }),
    attentionScale: sizes.headDim ** -0.5,
    fusedQkv: true,
    fusedGateUp: true,
    tiedEmbeddings: config.boolean("tie_word_embeddings", false),
  };
}
