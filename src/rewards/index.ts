/**
 * Rewards: answers in, one number an answer out. Rules, functions of one's own, trained reward models, reward servers, and
 * what is made of them: sums, ensembles, running and centred scales. `scoreItems` asks any of them and checks what comes.
 *
 * Conventions: higher is better; null (NaN once checked) where a reward does not apply; names are those of the log.
 */
export {
  answerText,
  promptText,
  type RawScores,
  type Reward,
  type RewardItem,
  type RewardState,
  type ScoreContext,
  type ScoresWithParts,
} from "./contract.js";
export type { CheckedScores } from "./check-scores.js";
export { scoreItems, type ScoreOptions } from "./score-items.js";
export { rewardMetrics } from "./reward-log.js";
export { eachReward, functionReward, type FunctionRewardOptions } from "./function-reward.js";
export { type RewardPart, sumReward, type SumRewardOptions } from "./sum-reward.js";
export { type EnsembleOptions, ensembleReward } from "./ensemble-reward.js";
export { runningReward, type RunningRewardOptions } from "./running-reward.js";
export { centredReward, referenceOffset } from "./centred-reward.js";
export { httpReward, type HttpRewardOptions } from "./http-reward.js";
export { modelReward, type ModelRewardOptions } from "./model-reward.js";
export {
  endedReward,
  type LengthOptions,
  lengthReward,
  type LengthUnit,
  type OverlongOptions,
  overlongReward,
} from "./rules/length.js";
export { patternReward, type PatternOptions, thinkFormatReward } from "./rules/pattern.js";
export {
  exactMatchReward,
  type ExactMatchOptions,
  lastNumber,
  type MatchOptions,
  numericMatchReward,
  type NumericMatchOptions,
} from "./rules/match.js";
export { repeatedShare, repetitionReward, type RepetitionOptions } from "./rules/repetition.js";
export { jsonSchemaReward, type JsonSchemaOptions } from "./rules/json-schema.js";
export { outcomeReward, stepCostReward } from "./rules/outcome.js";
export * from "./judge/index.js";
