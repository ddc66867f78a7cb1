/**
 * Objectives: pure functions of tensors, one a file.
 *
 * Conventions: natural logarithms; log-probabilities are per token and aligned (entry t belongs to completion token t);
 * masks are 0/1 floats, and what stands at masked places may be anything; losses come unreduced, [rows] (the mean over
 * real rows is trained) or [rows, tokens] (the sum over the number of real tokens); metrics are per row and under TRL's
 * names. `reduceLoss` and `metricTotals` reduce them.
 */
export type { Loss, LossResult, MetricRule } from "./contract.js";
export {
  resolveOptions,
  type OptionsOf,
  type OptionSpec,
  type OptionSpecs,
  type OptionValue,
} from "./options.js";
export {
  finishMetrics,
  metricTotals,
  reduceLoss,
  type Counts,
  type MetricNumbers,
  type MetricTotal,
} from "./reduce.js";
export { pairsFrom, type PairInputs, type ReferencedPairInputs } from "./pairs.js";
export type { UnpairedInputs } from "./unpaired.js";
export {
  PAIR_LOSSES,
  pairLoss,
  type AnyPairInputs,
  type PairLossEntry,
  type PairLossName,
} from "./registry.js";

export { sft, SFT_OPTIONS, type SftInputs, type SftOptions } from "./sft.js";
export { dpo, DPO_OPTIONS, type DpoOptions } from "./dpo.js";
export { ipo, IPO_OPTIONS, type IpoOptions } from "./ipo.js";
export { ipoSum, IPO_SUM_OPTIONS, type IpoSumOptions } from "./ipo-sum.js";
export { orpo, ORPO_OPTIONS, type OrpoInputs, type OrpoOptions } from "./orpo.js";
export { simpo, SIMPO_OPTIONS, type SimpoOptions } from "./simpo.js";
export { kto, ktoKl, KTO_OPTIONS, type KtoInputs, type KtoOptions } from "./kto.js";
export { reward, REWARD_OPTIONS, type RewardInputs, type RewardOptions } from "./reward.js";
