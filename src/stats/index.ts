/**
 * Statistics: plain numbers in, plain numbers out. Intervals are two-sided and 95% unless said; a coefficient that is
 * undefined is null, never 0, 1 or NaN; everything random takes a seed and gives the same answer for it. Tables of counts take
 * `repeats`, how many items each row stands for, so that a million judgements are a handful of rows.
 */
export { brennanPrediger } from "./agreement/brennan-prediger.js";
export { categoryWeights, fromDisagreement, type CategoryWeights } from "./agreement/category-weights.js";
export { cohenKappa, countTable, crossTable, scottPi, type TableOptions } from "./agreement/cohen-kappa.js";
export { congerKappa } from "./agreement/conger-kappa.js";
export type { Coefficient } from "./agreement/corrected.js";
export { fleissKappa, type FleissKappa } from "./agreement/fleiss-kappa.js";
export { gwetAC } from "./agreement/gwet-ac.js";
export {
  intraclassCorrelation,
  type IntraclassCorrelation,
  type IntraclassForm,
} from "./agreement/intraclass-correlation.js";
export {
  agreementMatrix,
  type AgreementMatrix,
  type PairAgreement,
  type SharedItems,
} from "./agreement/agreement-matrix.js";
export {
  kendallTau,
  kendallW,
  meanPairwiseTau,
  type KendallTau,
  type KendallW,
} from "./agreement/kendall.js";
export { krippendorffAlpha, type AlphaMetric, type AlphaOptions } from "./agreement/krippendorff-alpha.js";
export { percentAgreement, type PercentAgreement } from "./agreement/percent-agreement.js";
export { codeRatings, countRatings } from "./agreement/ratings.js";
export { raterAgreement, raterPairs, type RaterPair } from "./agreement/rater-pairs.js";
export {
  agreementSummary,
  type AgreementSummary,
  type SummaryOptions,
  type WithInterval,
} from "./agreement/summary.js";
export { twoWayBootstrap, type TwoWayOptions } from "./agreement/two-way-bootstrap.js";
export { groupCounts, type CountOptions, type WeightedCountOptions } from "./agreement/units.js";
export { binomialTest, mcNemarTest, signTest } from "./binomial-test.js";
export { bootstrapInterval, quantile, type BootstrapOptions } from "./bootstrap.js";
export { brierDecomposition, brierScore, type BrierDecomposition } from "./brier-score.js";
export {
  expectedCalibrationError,
  reliabilityCurve,
  type BinOptions,
  type ReliabilityBin,
} from "./calibration.js";
export { clopperPearsonInterval } from "./clopper-pearson.js";
export {
  lengthControlledWinRate,
  type LengthComparison,
  type LengthControlledOptions,
  type LengthControlledWinRate,
  type RateWithInterval,
} from "./length-controlled.js";
export { meanInterval, type MeanInterval } from "./mean-interval.js";
export { bootstrapCounts, jackknifeError, type CountStatistic } from "./resampling.js";
export { compareScores, winRate, type Comparison, type WinRate } from "./win-rate.js";
export { wilsonInterval, type Interval } from "./wilson.js";
export * from "./ranking/index.js";
export * from "./annotators/index.js";
export {
  accuracyFromAgreement,
  leaveOneOutAccuracy,
  majorityAccuracy,
  noiseCeiling,
  type NoiseCeiling,
} from "./noise-ceiling.js";
export {
  permutationTest,
  signFlipTest,
  type PermutationOptions,
  type PermutationTest,
} from "./permutation-test.js";
export {
  comparisonsForGap,
  designEffect,
  detectableWinRate,
  itemsForAgreement,
  itemsForMcNemar,
  pairsForHalfWidth,
  pairsForWinRate,
  powerForWinRate,
  type PowerOptions,
} from "./power.js";
export { selectedMean, selectionWeights } from "./selection-weights.js";
