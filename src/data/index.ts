/**
 * Data: from files in any known format to records, and from tokenised examples to batches.
 * Conventions: arrays row-major, padding on the right, lengths in tokens, masks 0 or 1, seeds default to 42.
 */
export type { Batch, Completion, Example } from "./batch.js";
export { maximumStepsPerOctave, roundToBucket, type BucketOptions } from "./buckets.js";
export {
  countTrained,
  layoutBatch,
  paddingShare,
  samePrompt,
  unitLengths,
  unpackBatch,
  type LayoutOptions,
} from "./layout.js";
export { batchPlan, planBatches, type BatchPlan, type BatchPlanOptions } from "./plan.js";
export {
  hashExamples,
  rowLengths,
  selectExamples,
  sizesOf,
  withValues,
  type Examples,
  type RowLengths,
} from "./examples.js";
export {
  createExampleFile,
  openExampleFile,
  type ExampleFile,
  type ExampleFileWriter,
} from "./example-file.js";
export { cachedExamples, type CachedExamples, type CachedExamplesOptions } from "./example-cache.js";
export { growingUint32 } from "./growing.js";
export { planRows, type RowOptions, type RowPlan } from "./rows.js";
export { fileKind, type OtherFile, type RowFileKind } from "./file-kind.js";
export { fetchHubDataset, isHubId, type HubOptions } from "./hub.js";
export { readFileRows, readRows, resolveSource } from "./read-rows.js";
export { type BadRow, type Progress, type ReadOptions, type SourceRow } from "./source-row.js";
export { kindConversion, preferenceToUnpaired, reachableKinds, type AnyRecord } from "./convert-kind.js";
export { openDataset, type Dataset, type DatasetOptions } from "./dataset.js";
export { openJudged, type JudgedOptions, type JudgedSource } from "./judged-source.js";
export { asRow, detectFile, detectRows, requireFormat, type Detected } from "./detect.js";
export {
  RowProblem,
  RowSetAside,
  type Decision,
  type Format,
  type Judged,
  type RecordKind,
  type RecordKinds,
} from "./formats/format.js";
export { readTranscript, writeTranscript } from "./formats/hh-rlhf.js";
export { formatNames, formats, type FormatName } from "./formats/table.js";
export {
  extractPrompt,
  extractPromptLikeTrl,
  maybeExtractPromptLikeTrl,
  unpairPreferences,
  type Extracted,
} from "./prompts.js";
export { checkReport, emptyReport, openQuarantine, type DataReport, type Quarantine } from "./quarantine.js";
export { packRows, type PackedRow, type PackingOptions } from "./packing.js";
export { promptHash, promptKey, splitOfHash, splitOfPrompt, takeSplit, type SplitOptions } from "./split.js";
export {
  createDuplicateCounter,
  summariseLengths,
  type DuplicateReport,
  type LengthSummary,
} from "./summary.js";
export { createTruncator, type TruncationPolicy, type TruncationReport, type Truncator } from "./truncate.js";
export { writeJsonLines, writeParquet } from "./write.js";
