/**
 * Brings a reward to a common scale as the run goes: running mean and deviation over all answers so far, this batch
 * included.
 *
 *   (r - mean) / max(deviation, 1e-4), held within +- clip
 *
 * Welford 1962, in the form that adds whole batches (Chan et al. 1979). Its state is three numbers.
 */
import { AttuneError } from "../errors.js";
import { gather, partsOf, statesOf } from "./composite.js";
import type { Reward, RewardState } from "./contract.js";

export interface RunningRewardOptions {
  /** Take the mean off. Default true; false divides only (TRL's whitening of rewards). */
  center?: boolean;
  /** Divide by the deviation. Default true. */
  scale?: boolean;
  /** Held within +- this. Default: not; OpenRLHF 10. */
  clip?: number;
}

interface Totals {
  count: number;
  mean: number;
  /** Sum of squared distances from the mean. */
  squares: number;
}

function added({ count, mean, squares }: Totals, values: readonly number[]): Totals {
  if (values.length === 0) return { count, mean, squares };
  const own = values.reduce((a, b) => a + b, 0) / values.length;
  const total = count + values.length;
  const gap = own - mean;
  return {
    count: total,
    mean: mean + (gap * values.length) / total,
    squares:
      squares +
      values.reduce((sum, x) => sum + (x - own) ** 2, 0) +
      (gap * gap * count * values.length) / total,
  };
}

const isTotals = (value: unknown): value is Totals =>
  ["count", "mean", "squares"].every((key) =>
    Number.isFinite((value as Readonly<Record<string, unknown>>)?.[key]),
  );

/**
 * Component: the reward's own scores under its name. Call once an answer: every call counts.
 *
 * @throws AttuneError `config` for a clip that is not above 0; `restore` throws `checkpoint` for a state that is not its own
 */
export function runningReward(reward: Reward, options: RunningRewardOptions = {}): Reward {
  const { center = true, scale = true, clip = Infinity } = options;
  const name = `${reward.name}/normalised`;
  if (!(clip > 0)) {
    throw new AttuneError("config", { where: `rewards: ${name}: clip`, expected: "> 0", got: String(clip) });
  }
  const inner = statesOf([reward]);
  let totals: Totals = { count: 0, mean: 0, squares: 0 };
  const normalised = (x: number): number | null => {
    if (Number.isNaN(x)) return null;
    const deviation = totals.count > 1 ? Math.sqrt(totals.squares / (totals.count - 1)) : 1;
    const shifted = center ? x - totals.mean : x;
    const scaled = scale ? shifted / Math.max(deviation, 1e-4) : shifted;
    return Math.max(-clip, Math.min(clip, scaled));
  };
  return {
    name,
    async score(items, context) {
      const each = await gather([reward], items, context);
      const scores = Array.from(each[0]!.scores);
      totals = added(
        totals,
        scores.filter((x) => !Number.isNaN(x)),
      );
      return { scores: scores.map(normalised), components: partsOf([reward], each) };
    },
    state: () => ({ totals, members: inner.state() }),
    restore(saved) {
      if (!isTotals(saved["totals"])) {
        throw new AttuneError("checkpoint", {
          where: `rewards: ${name}`,
          expected: "running statistics: count, mean, squares",
          got: JSON.stringify(saved).slice(0, 80),
        });
      }
      totals = saved["totals"];
      inner.restore((saved["members"] ?? {}) as RewardState);
    },
    close: inner.close,
    keepsTime: true,
  };
}
