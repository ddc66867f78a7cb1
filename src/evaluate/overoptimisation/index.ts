/**
 * The guard against over-optimisation: observations of a policy in training, verdicts on their series in words, the step to
 * keep, and Gao et al.'s curves. Pure functions; conventions of units in `observation.ts`.
 */
export { type Change, changeBetween } from "./change.js";
export { type CheckpointChoice, chooseCheckpoint, type HeldOut } from "./choose-checkpoint.js";
export { fitGaoCurve, type GaoCoefficient, type GaoCurve, type GaoForm, type GaoPoint } from "./gao-curve.js";
export {
  type Guard,
  type GuardLook,
  type GuardOptions,
  type KeptModel,
  type LookColumns,
  type ModelStore,
  openGuard,
} from "./guard.js";
export { type JudgeOptions, judgeSeries, type SeriesState, type Verdict } from "./judge-series.js";
export {
  type Estimate,
  type Measure,
  type Observation,
  observeAnswers,
  type ObservedAnswer,
  type ObserveOptions,
} from "./observation.js";
export { rolloutAnswers, type RolloutAnswersOptions, type RolloutColumns } from "./rollout-answers.js";
export { renderRunReport, type RunReportInput } from "./run-report.js";
export { distinctNGrams, nGrams } from "./text-metrics.js";
