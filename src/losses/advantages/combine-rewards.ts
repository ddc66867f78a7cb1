/**
 * Several rewards of an answer as one: the weighted sum, where NaN stands for "this reward does not apply". Knows no group.
 */
import { AttuneError } from "../../errors.js";
import { momentsOf } from "./rows.js";

export interface CombineOptions {
  /** One a reward function. Default: 1 each. */
  rewardWeights?: readonly number[];
  /** For metrics. Default "0", "1", ... */
  rewardNames?: readonly string[];
}

export interface CombinedRewards {
  /** One a row; NaN where no function gave a number. */
  readonly rewards: Float64Array;
  /** `rewards/{name}/mean`, `rewards/{name}/std`, `reward`, `reward_std`: TRL's, deviations unbiased. */
  readonly metrics: Readonly<Record<string, number>>;
}

const real = (x: number): boolean => !Number.isNaN(x);

/** @param perFunction [rows][functions]. Throws `usage` where rows differ in length or weights do not fit. */
export function combineRewards(
  perFunction: readonly ArrayLike<number>[],
  { rewardWeights, rewardNames }: CombineOptions = {},
): CombinedRewards {
  const functions = perFunction[0]?.length ?? 0;
  const wrong = perFunction.findIndex((row) => row.length !== functions);
  for (const [name, got, ok] of [
    [`row ${wrong}`, perFunction[wrong]?.length, wrong < 0],
    [
      "rewardWeights",
      rewardWeights?.length,
      rewardWeights === undefined || rewardWeights.length === functions,
    ],
    ["rewardNames", rewardNames?.length, rewardNames === undefined || rewardNames.length === functions],
  ] as const) {
    if (ok) continue;
    throw new AttuneError("usage", {
      where: `advantages.combineRewards: ${name}`,
      expected: `${functions} values, one a reward`,
      got: String(got),
    });
  }
  const rewards = Float64Array.from(perFunction, (row) => {
    const given = Array.from(row);
    if (!given.some(real)) return Number.NaN;
    return given.reduce((total, x, k) => (real(x) ? total + x * (rewardWeights?.[k] ?? 1) : total), 0);
  });
  const metrics: Record<string, number> = {};
  for (let k = 0; k < functions; k++) {
    const { mean, variance } = momentsOf(perFunction.map((row) => row[k]!));
    const name = rewardNames?.[k] ?? String(k);
    metrics[`rewards/${name}/mean`] = mean;
    metrics[`rewards/${name}/std`] = Math.sqrt(variance);
  }
  const { mean, variance } = momentsOf(rewards);
  metrics["reward"] = mean;
  metrics["reward_std"] = Math.sqrt(variance);
  return { rewards, metrics };
}
