/**
 * Measuring: how far people agree, how good a reward model is, how models compare, and the report that says so in words.
 * Scores are larger for better; rates and shares lie in [0, 1]; KL is in nats an answer; intervals are 95% unless said.
 */
export { pairAgreement, type PairAgreement } from "./agreement.js";
export { clusteredMean, type ClusteredMean, type ClusteredValue } from "./clustered-mean.js";
export { pairedWinRate, type ScoredAnswer } from "./compare-policies.js";
export { rewardAccuracy, type RewardAccuracy, type ScoredPair } from "./reward-accuracy.js";
export { sampledKl, type SampledAnswer } from "./sampled-kl.js";
export { type ScoreOptions, sequenceLogProbs, sequenceRewards } from "./sequence-scores.js";
export * from "./frontier/index.js";
export * from "./overoptimisation/index.js";
export * from "./report/index.js";
export * from "./world/index.js";
