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
export { type Batch, type Example, layoutBatch, openDataset } from "./data/index.js";
export { openModel, saveModelFolder } from "./models/index.js";
export { TokenGenerator } from "./generate/index.js";
export { adamw, chain, clipByGlobalNorm, schedule } from "./optim/index.js";
export type { Loss, LossResult } from "./losses/index.js";
export {
  createPolicy,
  dpo,
  exampleSource,
  fit,
  type FitOptions,
  fitToEnd,
  kto,
  ktoSource,
  loadExamples,
  type LoadedModel,
  loadModel,
  orpo,
  pairTrainer,
  type Policy,
  preference,
  reward,
  runTraining,
  savePolicy,
  sft,
  simpo,
  type StepReport,
  type Trainer,
} from "./train/index.js";
