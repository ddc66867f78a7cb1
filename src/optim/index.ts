/**
 * Optimisers as composable transformations of symbolic trees, and schedules as plain functions.
 *
 * Conventions: steps of optimisers count from 1, those of schedules from 0; state is float32 and starts at zero unless
 * it says otherwise; `lr` is the rate after its schedule.
 */
export {
  type StateEntry,
  type StepInfo,
  type Transform,
  type UpdateInputs,
  type UpdateResult,
} from "./transform.js";
export { chain } from "./chain.js";
export { clipByGlobalNorm, globalNorm } from "./clip.js";
export { adam, adamw, type AdamOptions } from "./adamw.js";
export { sgd, type SgdOptions } from "./sgd.js";
export { lion, type LionOptions } from "./lion.js";
export { rmsprop, type RmspropOptions } from "./rmsprop.js";
export { adafactor, type AdafactorOptions } from "./adafactor.js";
export { ema, referenceSync } from "./averages.js";
export { decayMatrices, type DecayMask, type DecayOptions } from "./weight-decay.js";
export { optimizerGraph, type OptimizerGraph } from "./graph.js";
export {
  schedule,
  SCHEDULE_NAMES,
  warmupSteps,
  type Schedule,
  type ScheduleName,
  type ScheduleOptions,
  type ScheduleSettings,
} from "./schedules.js";
