/**
 * Statistics: plain numbers in, plain numbers out. Intervals are two-sided and 95% unless said; a coefficient that is
 * undefined is null, never 0, 1 or NaN; everything random takes a seed and gives the same answer for it.
 */
export { binomialTest, mcNemarTest, signTest } from "./binomial-test.js";
export { bootstrapInterval, quantile, type BootstrapOptions } from "./bootstrap.js";
export { brierScore } from "./brier-score.js";
export { expectedCalibrationError, reliabilityCurve, type ReliabilityBin } from "./calibration.js";
export { clopperPearsonInterval } from "./clopper-pearson.js";
export { cohenKappa, crossTable, type Kappa } from "./cohen-kappa.js";
export { fleissKappa, type FleissKappa } from "./fleiss-kappa.js";
export { krippendorffAlpha } from "./krippendorff-alpha.js";
export { meanInterval, type MeanInterval } from "./mean-interval.js";
export { percentAgreement } from "./percent-agreement.js";
export { countRatings } from "./ratings.js";
export { compareScores, winRate, type Comparison, type WinRate } from "./win-rate.js";
export { wilsonInterval, type Interval } from "./wilson.js";
