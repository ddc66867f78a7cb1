/** Rewards of one's own: a function of many answers, or of one. */
import type { RawScores, Reward, RewardItem, ScoreContext } from "./contract.js";

export interface FunctionRewardOptions {
  /** Items a call. Default: all at once. */
  batchSize?: number;
}

/** A function of many answers: one number (or null) each, in order, at once or later. */
export const functionReward = (
  name: string,
  score: (items: readonly RewardItem[], context: ScoreContext) => Promise<RawScores> | RawScores,
  { batchSize }: FunctionRewardOptions = {},
): Reward => ({ name, score, ...(batchSize !== undefined && { batchSize }) });

/** A function of one answer, asked for all of them at the same time. */
export const eachReward = (
  name: string,
  score: (item: RewardItem, context: ScoreContext) => Promise<number | null> | number | null,
): Reward => ({
  name,
  score: (items, context) => Promise.all(items.map((item) => score(item, context))),
});
