/**
 * The clipped surrogate, -min(ratio A, clip(ratio) A), and how often it clips. Shared by PPO and most of GRPO's kin.
 *
 * Schulman et al. 2017 (1707.06347), eq. 7; asymmetric: DAPO (2503.14476), eq. 10; `delta`, a cap on the unclipped ratio
 * too: INTELLECT-2 (2505.07291); dual clip, a cap of the loss at -c A where A < 0: Ye et al. 2020 (1912.09729), eq. 5.
 */
import {
  and,
  cast,
  clamp,
  greater,
  less,
  maximum,
  minimum,
  mul,
  neg,
  or,
  type Tensor,
} from "../tensor/index.js";
import { number } from "./options.js";
import type { Metrics, PolicyState, Surrogate } from "./policy.js";
import { rowShare } from "./row-share.js";

export const CLIP_OPTIONS = {
  epsilon: number(0.2, {
    above: 0,
    below: 1,
    doc: "The ratio is clipped at 1 - epsilon.",
    source: "PPO (1707.06347), table 3; TRL GRPOConfig",
  }),
  epsilonHigh: number(0, {
    min: 0,
    doc: "The ratio is clipped at 1 + epsilonHigh; 0: the same as epsilon.",
    source: "TRL GRPOConfig: as epsilon",
  }),
  delta: number(0, {
    min: 0,
    doc: "Caps the unclipped ratio too, above 1 + epsilonHigh; 0: no cap.",
    source: "TRL GRPOConfig: off; 4 in INTELLECT-2",
  }),
} as const;

export interface Clipping {
  epsilon: number;
  epsilonHigh: number;
  delta?: number;
}

/** The upper clip range, with its default. */
export const highOf = ({ epsilon, epsilonHigh }: Clipping): number =>
  epsilonHigh === 0 ? epsilon : epsilonHigh;

export function clippedSurrogate(state: PolicyState, clipping: Clipping): Surrogate {
  const { ratio, advantages } = state;
  const high = highOf(clipping);
  const clipped = clamp(ratio, 1 - clipping.epsilon, 1 + high);
  const capped = clipping.delta ? minimum(ratio, clipping.delta) : ratio;
  return {
    loss: maximum(neg(mul(capped, advantages)), neg(mul(clipped, advantages))),
    ...clipMetrics(state, {
      below: less(capped, 1 - clipping.epsilon),
      above: greater(capped, 1 + high),
      advantages,
    }),
  };
}

interface Beyond {
  /** bool: beyond the lower end, beyond the upper one. */
  below: Tensor;
  above: Tensor;
  advantages: Tensor;
}

/** TRL's: shares of tokens (of rows, with one ratio a row) that are clipped, and the extremes of rows' shares. */
export function clipMetrics(
  { mask, perRow }: Pick<PolicyState, "mask" | "perRow">,
  { below, above, advantages }: Beyond,
): Metrics {
  const isLow = and(below, less(advantages, 0));
  const isHigh = and(above, greater(advantages, 0));
  const share = (flag: Tensor) => rowShare(cast(flag, "float32"), { mask, perRow });
  const [low, high, region] = [share(isLow), share(isHigh), share(or(isLow, isHigh))] as const;
  return {
    metrics: {
      "clip_ratio/low_mean": low.value,
      "clip_ratio/high_mean": high.value,
      "clip_ratio/region_mean": region.value,
      "clip_ratio/low_min": low.value,
      "clip_ratio/high_max": high.value,
    },
    metricRules: {
      "clip_ratio/low_mean": low.rule,
      "clip_ratio/high_mean": high.rule,
      "clip_ratio/region_mean": region.rule,
      "clip_ratio/low_min": { ...low.rule, reduce: "min" },
      "clip_ratio/high_max": { ...high.rule, reduce: "max" },
    },
  };
}
