/**
 * Model folders, configs, heads, adapters. Conventions: names are the ones transformers saves today
 * (`model.layers.0.self_attn.q_proj.weight`), Linear weights are [out, in], GPT-2's Conv1D [in, out].
 */
export { architectureName, families, normaliseConfig, readConfigFile } from "./config/families.js";
export type { RawConfig } from "./config/fields.js";
export type {
  Activation,
  HeadConfig,
  HeadKind,
  LayerConfig,
  ModelConfig,
  ModelFamily,
  RopeConfig,
  RopeScaling,
} from "./config/types.js";
export { openModelFolder, type ModelFolder, type OpenOptions, type ParameterEntry } from "./folder.js";
export { expectedParameters, headModule, type ParameterRole, type ParameterSpec } from "./parameters.js";
export { openSafetensors, type SafetensorsFile, type TensorEntry } from "./safetensors.js";
export type { StoredDtype, WeightDtype } from "./safetensors-dtype.js";
export { elementCount, readTensor, readTensor64 } from "./safetensors-read.js";
export { openWeights } from "./safetensors-shards.js";
export {
  type TensorPieces,
  type TensorToWrite,
  writeSafetensors,
  writeWeights,
} from "./safetensors-write.js";
export { ropeFrequencies, ropeTables, type RopeFrequencies, type RopeTables } from "./rope.js";
export { attention, attentionMasks, type TokenInputs } from "./graph/attention.js";
export {
  type AttentionPlan,
  attentionBlock,
  causalPlan,
  planAttention,
  planCost,
  planCovers,
} from "./graph/attention-plan.js";
export {
  embeddingName,
  type ForwardOptions,
  hiddenStates,
  type ModelGraph,
  type Recompute,
  tokenInputs,
} from "./graph/decoder.js";
export {
  type CachedForward,
  type CachedOptions,
  cacheShape,
  type LayerCache,
  nextForward,
  promptForward,
  type StepTokens,
} from "./graph/cached-decoder.js";
export {
  headOutputs,
  outputWeight,
  targetLogProbs,
  targetStats,
  type TargetInputs,
  wholeLogits,
} from "./graph/heads.js";
export {
  targetEntropies,
  targetKl,
  targetLogSumExp,
  targetLogSumSquares,
  targetMeanLogProbs,
} from "./graph/vocabulary.js";
export { type AdaptedModule, type AdaptedModules, linear } from "./graph/linear.js";
export { bindWeights, frozenWeight, parameter, parameterInputs, type Weights } from "./graph/weights.js";
export { choosePadToken, type PadToken, writePadToken } from "./pad-token.js";
export { type ParameterSource, savedConfig, saveModelFolder, type SaveOptions } from "./save.js";
export { type RandomModelOptions, writeRandomModel } from "./random-model.js";
export { resolveModel, type ResolveOptions } from "./hub.js";
export { openModel, type OpenedModel, type OpenModelOptions } from "./open.js";
export { mergeLora, type MergeOptions } from "./lora-merge.js";
export {
  adapterTensors,
  type LoraSpec,
  type LoraTarget,
  resolveLora,
  type SavedParameter,
} from "./lora-spec.js";
export { type LoraConfig, loraDefaults, type LoraTask, normaliseAdapterConfig } from "./peft-config.js";
export {
  type Adapter,
  type AdapterToWrite,
  adapterValues,
  isAdapterFolder,
  mergedParameters,
  openAdapter,
  writeAdapter,
} from "./peft.js";
