/** How often a score agrees with people's choice between two answers, with Wilson's interval. Knows scores, not models. */
import { AttuneError } from "../errors.js";
import { wilsonInterval, type Interval } from "../stats/index.js";

export interface RewardAccuracy extends Interval {
  /** Share of pairs whose chosen answer has the higher score, a tie counting half. */
  accuracy: number;
  pairs: number;
  /** Mean of chosen minus rejected score. */
  margin: number;
}

export interface ScoredPair {
  chosen: number;
  rejected: number;
}

/**
 * Accuracy of a reward model on judged pairs. Put into it what the people's own true utility says of the same pairs and
 * it gives the noise ceiling: no model can be expected to do better, because the judgements themselves are noisy.
 * Refuses an empty list and scores that are no numbers.
 */
export function rewardAccuracy(
  pairs: readonly ScoredPair[],
  options: { level?: number } = {},
): RewardAccuracy {
  const bad = pairs.findIndex(
    ({ chosen, rejected }) => !Number.isFinite(chosen) || !Number.isFinite(rejected),
  );
  if (bad >= 0 || pairs.length === 0) {
    throw new AttuneError(bad >= 0 ? "numeric" : "usage", {
      where: bad >= 0 ? `rewardAccuracy: pair ${bad}` : "rewardAccuracy",
      expected: "at least one pair, finite scores",
      got: bad >= 0 ? JSON.stringify([String(pairs[bad]!.chosen), String(pairs[bad]!.rejected)]) : "none",
    });
  }
  const right = pairs.reduce(
    (sum, { chosen, rejected }) => sum + (chosen > rejected ? 1 : chosen === rejected ? 0.5 : 0),
    0,
  );
  const margin = pairs.reduce((sum, { chosen, rejected }) => sum + chosen - rejected, 0) / pairs.length;
  return {
    accuracy: right / pairs.length,
    pairs: pairs.length,
    margin,
    ...wilsonInterval(right, pairs.length, options),
  };
}
