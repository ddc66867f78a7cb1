/**
 * Several judges of the same thing, combined against over-optimisation, with their disagreement in the log.
 *
 *   mean:         the mean
 *   min:          the smallest (worst-case optimisation)
 *   lower_bound:  mean - deviations * unbiased standard deviation between members
 *
 * Coste et al. 2023, "Reward model ensembles help mitigate overoptimization" (2310.02743), section 3.
 *
 * Deviations: 1. their uncertainty-weighted form takes off the variance; the deviation has the reward's own unit.
 */
import { AttuneError } from "../errors.js";
import { gather, partsOf, statesOf, uniqueNames } from "./composite.js";
import type { Reward } from "./contract.js";

export interface EnsembleOptions {
  /** Default "mean". */
  combine?: "mean" | "min" | "lower_bound";
  /** For lower_bound: how many deviations below the mean. Default 1. */
  deviations?: number;
}

/**
 * Components: each member under its name, and `disagreement`, the deviation between members. A member that does not apply is
 * left out; null where none does.
 *
 * @throws AttuneError `config` for no members, two of one name, or deviations below 0
 */
export function ensembleReward(
  name: string,
  members: readonly Reward[],
  { combine = "mean", deviations = 1 }: EnsembleOptions = {},
): Reward {
  uniqueNames(name, members);
  if (!(Number.isFinite(deviations) && deviations >= 0)) {
    const where = `rewards: ${name}: deviations`;
    throw new AttuneError("config", { where, expected: ">= 0", got: String(deviations) });
  }
  const rules = {
    mean: ({ mean }: Spread) => mean,
    min: ({ least }: Spread) => least,
    lower_bound: ({ mean, deviation }: Spread) => mean - deviations * deviation,
  };
  return {
    name,
    async score(items, context) {
      const each = await gather(members, items, context);
      const spreads = items.map((_, row) => spreadOf(each.map(({ scores }) => scores[row]!)));
      return {
        scores: spreads.map((spread) => (spread ? rules[combine](spread) : null)),
        components: {
          ...partsOf(members, each),
          disagreement: spreads.map((spread) => spread?.deviation ?? null),
        },
      };
    },
    ...statesOf(members),
  };
}

interface Spread {
  mean: number;
  least: number;
  deviation: number;
}

function spreadOf(values: readonly number[]): Spread | undefined {
  const real = values.filter((x) => !Number.isNaN(x));
  if (real.length === 0) return undefined;
  const mean = real.reduce((a, b) => a + b, 0) / real.length;
  const squares = real.reduce((total, x) => total + (x - mean) ** 2, 0);
  return {
    mean,
    least: Math.min(...real),
    deviation: real.length > 1 ? Math.sqrt(squares / (real.length - 1)) : 0,
  };
}
