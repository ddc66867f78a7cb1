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
