/**
 * Objectives: pure functions of tensors, one a file.
 *
 * Conventions: natural logarithms; log-probabilities are per token and aligned (entry t belongs to completion token t);
 * masks are 0/1 floats, and what stands at masked places may be anything; losses come unreduced, [rows] (the mean over
 * real rows is trained) or [rows, tokens] (the sum over the number of real tokens); metrics are per row and under TRL's
 * names. `reduceLoss` and `metricTotals` reduce them.
 */
export { type Loss, type LossResult, type MetricRule, withMetrics } from "./contract.js";
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
export { PAIR_LOSSES, type PairLossName } from "./registry.js";
export { pairLoss, type AnyPairInputs, type PairLossEntry } from "./pair-loss.js";
export { combine, type Part } from "./combine.js";

export { sft, SFT_OPTIONS, type SftInputs, type SftOptions } from "./sft.js";
export { neftuneBound } from "./neftune.js";

export { alphapo, ALPHAPO_OPTIONS, type AlphapoOptions } from "./alphapo.js";
export { aot, AOT_OPTIONS, type AotOptions } from "./aot.js";
export { AOT_UNPAIRED_OPTIONS, aotUnpaired, type AotUnpairedOptions } from "./aot-unpaired.js";
export { APO_DOWN_OPTIONS, apoDown, type ApoDownOptions } from "./apo-down.js";
export { APO_ZERO_OPTIONS, apoZero, type ApoZeroOptions } from "./apo-zero.js";
export { BCO_PAIR_OPTIONS, bcoPair, type BcoPairOptions } from "./bco-pair.js";
export { BETA_DPO_OPTIONS, betaDpo, type BetaDpoOptions, type BetaDpoInputs } from "./beta-dpo.js";
export { CAL_DPO_OPTIONS, calDpo, type CalDpoOptions } from "./cal-dpo.js";
export { CHOSEN_SFT_OPTIONS, chosenSft, type ChosenSftOptions } from "./chosen-sft.js";
export { cpo, CPO_OPTIONS, type CpoOptions } from "./cpo.js";
export { CPO_SIMPO_OPTIONS, cpoSimpo, type CpoSimpoOptions } from "./cpo-simpo.js";
export { discopop, DISCOPOP_OPTIONS, type DiscopopOptions } from "./discopop.js";
export { dpo, DPO_OPTIONS, type DpoOptions } from "./dpo.js";
export { dpop, DPOP_OPTIONS, type DpopOptions } from "./dpop.js";
export { EXO_PAIR_OPTIONS, exoPair, type ExoPairOptions } from "./exo-pair.js";
export { hinge, HINGE_OPTIONS, type HingeOptions } from "./hinge.js";
export { ipo, IPO_OPTIONS, type IpoOptions } from "./ipo.js";
export { IPO_SUM_OPTIONS, ipoSum, type IpoSumOptions } from "./ipo-sum.js";
export { LD_DPO_OPTIONS, ldDpo, ldInputs, type LdDpoOptions } from "./ld-dpo.js";
export { NCA_PAIR_OPTIONS, ncaPair, type NcaPairOptions } from "./nca-pair.js";
export { orpo, ORPO_OPTIONS, type OrpoOptions, type OrpoInputs } from "./orpo.js";
export { R_DPO_OPTIONS, rDpo, type RDpoOptions } from "./r-dpo.js";
export { robust, ROBUST_OPTIONS, type RobustOptions } from "./robust.js";
export { rpo, RPO_OPTIONS, type RpoOptions } from "./rpo.js";
export { rpoSequence } from "./rpo-sequence.js";
export { SIGMOID_NORM_OPTIONS, sigmoidNorm, type SigmoidNormOptions } from "./sigmoid-norm.js";
export { simpo, SIMPO_OPTIONS, type SimpoOptions } from "./simpo.js";
export { SPPO_HARD_OPTIONS, sppoHard, type SppoHardOptions } from "./sppo-hard.js";
export {
  tdpo1,
  TDPO1_OPTIONS,
  tdpo2,
  TDPO2_OPTIONS,
  type Tdpo1Options,
  type Tdpo2Options,
  type TdpoInputs,
} from "./tdpo.js";
export { tpo, TPO_OPTIONS, type TpoOptions, type TpoInputs } from "./tpo.js";
export { wpo, wpoWeights, type WpoWeightInputs } from "./wpo.js";

export { UNPAIRED_LOSSES, type UnpairedLossEntry, type UnpairedLossName } from "./unpaired-registry.js";
export { kto, ktoKl, KTO_OPTIONS, type KtoInputs, type KtoOptions } from "./kto.js";
export {
  apoZeroUnpaired,
  APO_ZERO_UNPAIRED_OPTIONS,
  type ApoZeroUnpairedOptions,
} from "./apo-zero-unpaired.js";
export { bco, BCO_OPTIONS, type BcoInputs, type BcoOptions } from "./bco.js";

export { reward, REWARD_OPTIONS, type RewardInputs, type RewardOptions } from "./reward.js";
export { davidson, raoKupper, type TieInputs } from "./ties.js";
export {
  plackettLuce,
  PLACKETT_LUCE_OPTIONS,
  type PlackettLuceOptions,
  type RankedInputs,
} from "./plackett-luce.js";
export { rankedPairs } from "./ranked-pairs.js";
export { rewardRegression, type RegressionInputs } from "./reward-regression.js";
export { prm, prmSoft, type PrmInputs, type PrmSoftInputs } from "./prm.js";

export { POLICY_LOSSES, type PolicyLossEntry, type PolicyLossName } from "./policy-registry.js";
export { IMPORTANCE_LEVELS, type ImportanceLevel, type PolicyInputs } from "./policy.js";
export { fullKl, KL_ESTIMATORS, klEstimate, type KlEstimator } from "./kl.js";
export { entropyFromLogits } from "./entropy.js";
export { ppo, PPO_OPTIONS, type PpoOptions } from "./ppo.js";
export { VALUE_OPTIONS, valueLoss, type ValueInputs, type ValueOptions } from "./value-loss.js";
export { guardRatio } from "./ratio-guard.js";
export { grpo, GRPO_OPTIONS, type GrpoOptions } from "./grpo.js";
export { bnpo } from "./bnpo.js";
export { DR_GRPO_OPTIONS, drGrpo, type DrGrpoOptions } from "./dr-grpo.js";
export { dapo, DAPO_OPTIONS, type DapoOptions } from "./dapo.js";
export { gspo, GSPO_OPTIONS, type GspoOptions } from "./gspo.js";
export { cispo, CISPO_OPTIONS, type CispoOptions } from "./cispo.js";
export { sapo, SAPO_OPTIONS, type SapoOptions } from "./sapo.js";
export { luspo, LUSPO_OPTIONS, type LuspoOptions } from "./luspo.js";
export { vespo, VESPO_OPTIONS, type VespoOptions } from "./vespo.js";
export { gmpo, GMPO_OPTIONS, type GmpoOptions } from "./gmpo.js";
export { rloo, RLOO_OPTIONS, type RlooInputs, type RlooOptions } from "./rloo.js";
export {
  SAMPLING_MODES,
  type SamplingCorrection,
  samplingCorrection,
  type SamplingCorrectionInputs,
  type SamplingCorrectionOptions,
  type SamplingMode,
} from "./sampling-correction.js";
export { reinforce, REINFORCE_OPTIONS, type ReinforceOptions } from "./reinforce.js";
export {
  geometricMixture,
  NASH_MD_OPTIONS,
  nashMd,
  type NashMdInputs,
  type NashMdOptions,
} from "./nash-md.js";
export { xpo, XPO_OPTIONS, type XpoInputs, type XpoOptions } from "./xpo.js";

export * from "./advantages/index.js";
