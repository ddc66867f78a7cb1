/** config.json of Gemma-3's text models: two ropes, a full layer after every few with a window, norms on q and k. Knows nothing of weights. */
import { readAttentionSizes, readCommon, readSliding } from "./common.js";
import type { Fields } from "./fields.js";
import { readGemmaParts } from "./gemma2.js";
import { readRopePair } from "./rope-fields.js";
import type { ModelConfig } from "./types.js";

export function readGemma3(config: Fields): ModelConfig {
  const sizes = readAttentionSizes(config, { kvFallback: 4, headDimFallback: 256 });
  const common = readCommon(config, { maxPositions: 131_072 });
  const place = { headDim: sizes.headDim, maxPositions: common.maxPositions };
  const ropes = readRopePair(config, { full: { theta: 1e6, ...place }, sliding: { theta: 1e4, ...place } });
  const window = config.has("sliding_window") ? config.optionalInteger("sliding_window") : 4096;
  const key = config.given("sliding_window_pattern") ? "sliding_window_pattern" : "_sliding_window_pattern";
  const every = config.integer(key, { fallback: 6 });
  const sliding = readSliding(config, {
    layerCount: common.layerCount,
    older: (layer) => (layer + 1) % every !== 0,
  });
  return {
    family: "gemma3_text",
    ...readGemmaParts(config, { hiddenSize: sizes.hiddenSize, bf16: common.dtype === "BF16" }),
    ...sizes,
    ...common,
    layers: sliding.map((slides) =>
      slides ? { rope: ropes.sliding, window } : { rope: ropes.full, window: null },
    ),
    qkNorm: true,
    attentionSoftcap: config.optionalNumber("attn_logit_softcapping"),
    logitSoftcap: config.optionalNumber("final_logit_softcapping"),
  };
}
