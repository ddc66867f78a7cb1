/**
 * From rewards to what losses take: advantages, shaped rewards, pairs. Plain numbers on the host.
 *
 * Conventions: one array a row, as long as the row has tokens (no padding, no masks); the answers of one prompt stand side
 * by side; natural logarithms; NaN for a reward that does not apply; metrics under TRL's names.
 */
export { momentsOf, type Moments, type TokenRows } from "./rows.js";
export { whiten, type WhitenOptions } from "./whiten.js";
export { type Advantages, type GaeInputs, type GaeOptions, generalisedAdvantages } from "./gae.js";
export {
  klOf,
  type RewardKl,
  type ShapedRewards,
  shapeRewards,
  type ShapingInputs,
  type ShapingOptions,
} from "./shape-rewards.js";
export {
  createKlController,
  type KlController,
  type KlControllerSettings,
  type KlControllerState,
} from "./kl-controller.js";
export { type CombinedRewards, type CombineOptions, combineRewards } from "./combine-rewards.js";
export { type GroupSpread, informativeGroups } from "./groups.js";
export { groupAdvantages, type GroupOptions, type RowAdvantages } from "./group-relative.js";
export { leaveOneOut, type LeaveOneOutOptions } from "./leave-one-out.js";
export {
  reinforcePlusPlus,
  type ReinforcePlusPlusInputs,
  type ReinforcePlusPlusOptions,
} from "./reinforce-plus-plus.js";
export { type MovingBaseline, movingBaseline, remaxAdvantages } from "./baselines.js";
export { bestOfNKlBound, chooseBest } from "./best-of-n.js";
export { type ChosenPairs, choosePairs, type ChoosePairsOptions } from "./choose-pairs.js";
