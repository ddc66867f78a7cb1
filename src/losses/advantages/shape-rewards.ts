/**
 * Rewards of tokens: a KL penalty at each, the answer's score at the last.
 *
 *   r_t = -klCoef KL_t + [t is the last token] (score - missingEosPenalty where the answer did not end)
 *
 * Ziegler et al. 2019 (1909.08593), eq. 2; Ouyang et al. 2022 (2203.02155), eq. 2.
 *
 * Deviations: 1. the score stands at the last token, as in TRL 0.11; TRL 0.29 put it one place later where there was room.
 */
import { AttuneError } from "../../errors.js";
import { checkCount, checkRows, mapRows, sumOf, type TokenRows } from "./rows.js";

export type RewardKl = "k1" | "k2" | "k3" | "abs";

/** KL(policy || reference) of one token, from d = log policy - log reference. See `klEstimate`. */
export function klOf(d: number, estimator: RewardKl): number {
  switch (estimator) {
    case "k1":
      return d;
    case "k2":
      return (d * d) / 2;
    case "k3":
      return Math.exp(Math.min(-d, 80)) - 1 + d;
    case "abs":
      return Math.abs(d);
  }
}

export interface ShapingInputs {
  /** Under the policy that sampled. */
  readonly logps: TokenRows;
  readonly refLogps: TokenRows;
  /** One a row. */
  readonly scores: ArrayLike<number>;
  /** One a row: whether the answer ended by itself. Default: all did. */
  readonly hasEos?: readonly boolean[];
}

export interface ShapingOptions {
  /** Default 0.05 (TRL PPOConfig.kl_coef). */
  klCoef?: number;
  /** Default "k1" (TRL PPOConfig.kl_estimator). */
  klEstimator?: RewardKl;
  /** Taken off the score of an answer that did not end. Default 0. */
  missingEosPenalty?: number;
  /** Scores (less the penalty) are held within +- this. Default: none; OpenRLHF 10. */
  rewardClip?: number;
}

export interface ShapedRewards {
  readonly rewards: Float64Array[];
  /** The penalty's part: -klCoef KL. */
  readonly nonScoreRewards: Float64Array[];
  readonly kl: Float64Array[];
  /** One a row, as they went into `rewards`. */
  readonly scores: Float64Array;
  /** Rows without a token: nothing carries their score. */
  readonly emptyRows: readonly number[];
  /** Under TRL's names: means over rows of sums over tokens. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** Throws `usage` where rows do not fit, `numeric` where a score or a log-probability is not finite. */
export function shapeRewards(inputs: ShapingInputs, options: ShapingOptions = {}): ShapedRewards {
  const { klCoef = 0.05, klEstimator = "k1", missingEosPenalty = 0, rewardClip = Infinity } = options;
  const { logps, refLogps, hasEos } = inputs;
  const where = "advantages.shapeRewards";
  checkRows(where, logps, { refLogps });
  checkCount(where, logps.length, { scores: inputs.scores, hasEos });
  const scores = Float64Array.from(inputs.scores, (score, r) => {
    const given = finite(`${where}: scores`, score, r);
    const paid = given - (hasEos?.[r] === false ? missingEosPenalty : 0);
    return Math.max(-rewardClip, Math.min(rewardClip, paid));
  });
  const kl = mapRows(logps, (x, r, t) =>
    finite(`${where}: log-probabilities`, klOf(x - refLogps[r]![t]!, klEstimator), r),
  );
  const nonScoreRewards = mapRows(kl, (x) => -klCoef * x);
  const rewards = mapRows(nonScoreRewards, (x, r, t) => (t === kl[r]!.length - 1 ? x + scores[r]! : x));
  const rowMean = (rows: TokenRows): number =>
    rows.length === 0 ? 0 : rows.reduce((total, row) => total + sumOf(row), 0) / rows.length;
  return {
    rewards,
    nonScoreRewards,
    kl,
    scores,
    emptyRows: logps.flatMap((row, r) => (row.length === 0 ? [r] : [])),
    metrics: {
      "objective/kl": rowMean(kl),
      "objective/non_score_reward": rowMean(nonScoreRewards),
      "objective/scores": rowMean([scores]) / Math.max(1, scores.length),
      "objective/rlhf_reward": rowMean(rewards),
    },
  };
}

function finite(where: string, x: number, row: number): number {
  if (Number.isFinite(x)) return x;
  throw new AttuneError("numeric", {
    where: `${where}, row ${row}`,
    expected: "a finite number",
    got: String(x),
  });
}
