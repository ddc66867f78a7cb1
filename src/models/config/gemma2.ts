/** config.json of Gemma-2: scaled embeddings, norms around both parts, soft caps, every other layer with a window. Knows nothing of weights. */
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

export function readGemma2(config: Fields): ModelConfig {
  const sizes = readAttentionSizes(config, { kvFallback: 4, headDimFallback: 256 });
  const common = readCommon(config, { maxPositions: 8192 });
  const rope = readRope(config, { theta: 10_000, headDim: sizes.headDim, maxPositions: common.maxPositions });
  const window = config.has("sliding_window") ? config.optionalInteger("sliding_window") : 4096;
  const sliding = readSliding(config, { layerCount: common.layerCount, older: (layer) => layer % 2 === 0 });
  const cap = (key: string, fallback: number): number | null =>
    config.has(key) ? config.optionalNumber(key) : fallback;
  return {
    family: "gemma2",
    ...readGemmaParts(config, { hiddenSize: sizes.hiddenSize, bf16: common.dtype === "BF16" }),
    ...sizes,
    ...common,
    layers: uniformLayers(sliding, { rope, window }),
    attentionSoftcap: cap("attn_logit_softcapping", 50),
    logitSoftcap: cap("final_logit_softcapping", 30),
  };
}

/** What Gemma-2 and Gemma-3 share. */
export function readGemmaParts(config: Fields, { hiddenSize, bf16 }: { hiddenSize: number; bf16: boolean }) {
  if (config.raw["use_bidirectional_attention"] === true) {
    config.refuse("use_bidirectional_attention", { expected: "causal attention" });
  }
  const bias = config.boolean("attention_bias", false);
  return {
    ...llamaLike,
    norm: "rms+1",
    normPlacement: "sandwich",
    activation: readActivation(config, { key: "hidden_activation", fallback: "gelu_pytorch_tanh" }),
    attentionScale: config.number("query_pre_attn_scalar", { fallback: 256 }) ** -0.5,
    // transformers rounds the factor to the weights' type, and the published weights were trained with that.
    embeddingScale: bf16 ? roundToBf16(Math.sqrt(hiddenSize)) : Math.sqrt(hiddenSize),
    qkvBias: bias,
    outputBias: bias,
    tiedEmbeddings: config.boolean("tie_word_embeddings", true),
  } as const;
}

function roundToBf16(value: number): number {
  const step = 2 ** (Math.floor(Math.log2(value)) - 7);
  return Math.round(value / step) * step;
}
