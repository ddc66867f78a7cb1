/** Frontiers: reward against KL for methods and betas, as points, table, picture and page. */
export { bestOfReward, bestOfWeights, measuredBestOfKl, type SampledReward } from "./best-of.js";
export { frontierCsv, type FrontierPoint, type Measured, undominated } from "./point.js";
export { frontierSvg, renderFrontier } from "./report.js";
