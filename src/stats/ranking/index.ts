/**
 * Rankings: strengths are natural logarithms with mean 0 (probits for Thurstone), players are places from 0, comparisons are counted
 * per pair, and results that leave a strength infinite are refused unless a prior is given.
 */
export { bootstrapPairs, type BootstrapFit } from "./bootstrap-pairs.js";
export { bradleyTerry, bradleyTerryMM, type MinorizeOptions } from "./bradley-terry.js";
export { comparisonGroups, type ComparisonGroups } from "./comparison-groups.js";
export { strengthDifference, type Estimate, type FitOptions, type PairedFit } from "./fit-pairs.js";
export { fragility, type Fragility } from "./fragility.js";
export { intransitivity, type Cycle, type Intransitivity } from "./intransitivity.js";
export { arenaChances, mostInformativePairs, pairInformation, type PairInformation } from "./next-pair.js";
export {
  eloExpected,
  eloRatings,
  eloUpdate,
  skillRatings,
  type EloOptions,
  type Game,
  type OnlineRatings,
  type OnlineWarning,
  type SkillOptions,
} from "./online-ratings.js";
export { orderIsTold } from "./order-effect.js";
export { pairsFromMatrix, pairsFromRankings, type PairCount } from "./pairs.js";
export { plackettLuce, plackettLuceMM, type PlackettLuceFit, type Ranking } from "./plackett-luce.js";
export { rankBounds, toElo, toWorths, type RankBounds } from "./scales.js";
export { thurstone, thurstoneClassical } from "./thurstone.js";
export { davidson, raoKupper, raoKupperMM } from "./tie-models.js";
