/**
 * Attune's public surface: explicit names. Each folder has more under its own subpath (`attune/losses`, `attune/train`...).
 *
 * ```ts
 * const model = await loadModel("models/tiny", { lora: { r: 8 } });
 * const train = exampleSource(await loadExamples("pairs.jsonl", model));
 * for await (const { step, metrics } of fit(dpo({ policy: model.policy, train }), { backend: ortBackend(), maxSteps: 20, output: "runs/first" })) {
 *   console.log(step, metrics["loss"], metrics["rewards/accuracies"]);
 * }
 * ```
 */
export { AttuneError, type ErrorCode } from "./errors.js";
export { ortBackend, type OrtOptions, referenceBackend } from "./backends/index.js";
export type { Backend, Tensor } from "./tensor/index.js";
export { loadTokenizer, type Tokenizer } from "./text/index.js";
export {
  type Batch,
  batchPlan,
  type BatchPlan,
  type BatchPlanOptions,
  type CachedExamples,
  cachedExamples,
  type CachedExamplesOptions,
  type Example,
  type Examples,
  hashExamples,
  layoutBatch,
  openDataset,
  promptHash,
  rowLengths,
  selectExamples,
  sizesOf,
  splitOfHash,
  type SplitOptions,
  withValues,
} from "./data/index.js";
export { openModel, saveModelFolder } from "./models/index.js";
export { cutAtStop, TokenGenerator } from "./generate/index.js";
export { adamw, chain, clipByGlobalNorm, schedule } from "./optim/index.js";
export {
  bestOfNKlBound,
  chooseBest,
  choosePairs,
  createKlController,
  generalisedAdvantages,
  groupAdvantages,
  grpo,
  klEstimate,
  leaveOneOut,
  type Loss,
  type LossResult,
  POLICY_LOSSES,
  ppo,
  rloo,
  samplingCorrection,
  shapeRewards,
  valueLoss,
} from "./losses/index.js";
export {
  centredReward,
  eachReward,
  endedReward,
  ensembleReward,
  exactMatchReward,
  functionReward,
  httpReward,
  jsonSchemaReward,
  lengthReward,
  modelReward,
  numericMatchReward,
  outcomeReward,
  overlongReward,
  patternReward,
  referenceOffset,
  repetitionReward,
  type Reward,
  type RewardItem,
  rewardMetrics,
  runningReward,
  scoreItems,
  stepCostReward,
  sumReward,
  thinkFormatReward,
} from "./rewards/index.js";
export {
  createPolicy,
  type CriticOptions,
  dpo,
  type EndOfRun,
  exampleSource,
  fit,
  type FitOptions,
  fitToEnd,
  kto,
  ktoSource,
  loadExamples,
  type LoadedModel,
  loadModel,
  ONLINE_METHOD_NAMES,
  ONLINE_METHODS,
  type OnlineMethodEntry,
  type OnlineMethodName,
  type OnlinePrompt,
  type OnlineSettings,
  onlineSettingsOf,
  orpo,
  type PairExtra,
  pairTrainer,
  type Policy,
  preference,
  readValueHead,
  reward,
  type RolloutReport,
  runToEnd,
  runTraining,
  type SampledAnswer,
  type Sampler,
  savePolicy,
  sft,
  simpo,
  type StepReport,
  type Trainer,
  trainOnline,
  type TrainOnlineOptions,
  unpaired,
  type UnpairedOptions,
} from "./train/index.js";
