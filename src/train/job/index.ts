/** Whole runs from a configuration: what `attune train` does, for library users too. Settings carry TRL's names. */
export {
  type CommonSettings,
  readTrainingConfig,
  settingNames,
  settingSections,
  type SettingSections,
  type TrainingConfig,
  type TrainingInput,
  trainingSchema,
  unknownSetting,
} from "./config.js";
export type { MemoryReport } from "../memory.js";
export type { Accuracy, TrainingEvent, TrainingResult } from "./events.js";
export { METHOD_NAMES, methodEntry, type MethodEntry, type MethodName, METHODS } from "./methods.js";
export { type DataSummary, prepareData, type PreparedData, type PrepareOptions } from "./prepare-data.js";
export { defaultOutput, estimateTraining, runTraining, type RunTrainingOptions } from "./run-training.js";
export { expectedOf, settingDefault, settingInfo, type SettingInfo, type SettingKind } from "./setting.js";
export { conversationTemplate, isConversation } from "./tokenise.js";
