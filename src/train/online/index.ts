/**
 * Learning from one's own answers: rollouts as a source of batches for the one loop. Conventions: KL and entropy in nats, sums
 * over an answer's tokens; rows of one prompt side by side; settings and metrics under TRL's names; an epoch of the loop is a
 * rollout.
 */
export { type CriticOptions, readValueHead } from "./critic.js";
export type { PretrainingText } from "./pretraining-mix.js";
export type { OnlinePrompt, PromptRow } from "./prompts.js";
export type { OnlineMethodEntry } from "./recipe.js";
export type { RolloutReport } from "./rollout.js";
export type { SampledAnswer, Sampler, SampleRequest } from "./sampler.js";
export type { OnlineSettings } from "./settings.js";
export { ONLINE_METHOD_NAMES, ONLINE_METHODS, type OnlineMethodName } from "./table.js";
export { onlineSettingsOf, trainOnline, type TrainOnlineOptions } from "./train-online.js";
export type { LookReport, Watch } from "./watch.js";
