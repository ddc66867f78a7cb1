/**
 * Generation: prompts of token ids to completions, by batched decoding with a key-value cache in place. Conventions:
 * prompts are padded on the right, logarithms are natural, a completion holds its stop token, log-probabilities are
 * one a token.
 */
export { cutAtStop, type DecodeTokens } from "./stop-text.js";
export { drawToken, type Drawn, likeliest, type Truncation } from "./draw.js";
export {
  engineSchema,
  type EngineOptions,
  type Sampling,
  type SamplingOptions,
  samplingSchema,
} from "./options.js";
export type { ChosenToken, FinishReason } from "./sequence.js";
export type { GenerationModel, GenerationStats } from "./step-runner.js";
export { type Completion, type RequestOptions, type TokenEvent, TokenGenerator } from "./token-generator.js";
