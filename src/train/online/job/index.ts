/** Whole online runs from a configuration: what `attune train ppo` and its kin do. */
export {
  onlineTrainingSections,
  type OnlineTrainingConfig,
  readOnlineTrainingConfig,
  type OnlineJobSettings,
} from "./settings.js";
export { readRewardSpec, type RewardKind, type RewardSpec } from "./reward-spec.js";
export { openRewards, type OpenedReward, type RewardParts } from "./open-rewards.js";
export { RULE_NAMES } from "./rules.js";
export type { GuardParts, OpenRunGuard, RunGuard } from "./guard.js";
export { runOnlineTraining, type RunOnlineOptions } from "./run.js";
