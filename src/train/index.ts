/**
 * Training: one loop, one file a method. Losses are divided by global counts; metrics are means over real rows and tokens
 * and carry TRL's names; steps count from 1.
 */
export { checkpointName, listCheckpoints, type RunState } from "./checkpoint.js";
export { evaluate, type EvaluationReport } from "./evaluate.js";
export { exampleSource, type ExampleSourceOptions, fixedSource, groupedSource } from "./example-source.js";
export {
  type EndOfRun,
  fit,
  type FitOptions,
  type FitResult,
  fitToEnd,
  runToEnd,
  type StepReport,
} from "./fit.js";
export type { StartCheck } from "./invariants.js";
export { addSums, emptySums, type MetricSums, metricValues } from "./metrics.js";
export {
  batchInputs,
  type BatchTensors,
  completionLogps,
  completionOf,
  detailMetrics,
  feedsOf,
  hiddenOf,
  shapeOf,
} from "./methods/batch-graph.js";
export { kto, type KtoBatch, ktoSource, type KtoTrainerOptions } from "./methods/kto.js";
export {
  type PairExtra,
  type PairTensors,
  pairTrainer,
  type PairTrainerOptions,
  type ReferenceMode,
} from "./methods/pairs.js";
export { dpo, orpo, preference, type PreferenceOptions, simpo } from "./methods/preference.js";
export { loadExamples, type LoadedModel, type LoadExamplesOptions, loadModel } from "./load.js";
export { reward, type RewardTrainerOptions } from "./methods/reward.js";
export { unpaired, type UnpairedOptions } from "./methods/unpaired.js";
export { sft, type SftTrainerOptions } from "./methods/sft.js";
export {
  bindPolicy,
  bindReference,
  type BoundModel,
  createPolicy,
  downloadParameters,
  type Policy,
  type PolicyOptions,
  savePolicy,
  uploadParameters,
} from "./policy.js";
export { StepPrograms } from "./step-programs.js";
export type {
  BatchSource,
  Companion,
  Feeds,
  StartInvariant,
  TraceContext,
  Traced,
  Trainer,
} from "./trainer.js";
export {
  estimateTraining,
  type MemoryReport,
  METHOD_NAMES,
  type MethodName,
  readTrainingConfig,
  runTraining,
  type RunTrainingOptions,
  type TrainingConfig,
  type TrainingEvent,
  type TrainingInput,
  type TrainingResult,
} from "./job/index.js";
export { estimateMemory, type MemoryEstimate, type MemoryRequest, type MemoryTerm } from "./memory.js";
export { referenceLogProbs, type ReferenceCacheOptions } from "./reference-cache.js";
export {
  type CriticOptions,
  type LookReport,
  ONLINE_METHOD_NAMES,
  ONLINE_METHODS,
  type OnlineMethodEntry,
  type OnlineMethodName,
  type OnlinePrompt,
  type OnlineSettings,
  onlineSettingsOf,
  type PretrainingText,
  readValueHead,
  type RolloutReport,
  type SampledAnswer,
  type Sampler,
  trainOnline,
  type TrainOnlineOptions,
  type Watch,
} from "./online/index.js";
