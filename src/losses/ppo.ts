/**
 * PPO's policy loss: the clipped surrogate on advantages of tokens, with asymmetric and dual clip.
 *
 *   L_t = max(-r_t A_t, -clip(r_t, 1 - eps, 1 + eps_high) A_t),   where A_t < 0 at most -dualClip A_t
 *
 * Schulman et al. 2017 (1707.06347), eq. 7; the higher upper clip: DAPO (2503.14476); dual clip: Ye et al. 2020
 * (1912.09729), eq. 5. The critic's part is `valueLoss`; `combine` adds them.
 *
 * Deviations: 1. the KL penalty is a term of the reward in the papers (`shapeRewards`); `beta` puts it in the loss instead.
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
  square,
  sub,
  where,
  type Tensor,
} from "../tensor/index.js";
import { highOf } from "./clipping.js";
import { type LossResult, withMetrics } from "./contract.js";
import { number, resolveOptions, type OptionsOf } from "./options.js";
import {
  byTokens,
  PENALTY_OPTIONS,
  policyLoss,
  tokenMeans,
  type PolicyInputs,
  type PolicyState,
  type Surrogate,
} from "./policy.js";

export const PPO_OPTIONS = {
  epsilon: number(0.2, {
    above: 0,
    below: 1,
    doc: "The ratio is clipped at 1 - epsilon.",
    source: "PPO (1707.06347), table 3; TRL PPOConfig.cliprange",
  }),
  epsilonHigh: number(0, {
    min: 0,
    doc: "The ratio is clipped at 1 + epsilonHigh; 0: the same as epsilon.",
    source: "PPO: as epsilon",
  }),
  dualClip: number(0, {
    min: 0,
    doc: "Caps the loss at -dualClip A where the advantage is negative; above 1, or 0 for none.",
    source: "TRL: none; 3 in Ye et al. and verl",
  }),
  ...PENALTY_OPTIONS,
} as const;
export type PpoOptions = OptionsOf<typeof PPO_OPTIONS>;

function surrogate(state: PolicyState, o: PpoOptions): Surrogate {
  const { mask, ratio, advantages, logRatio } = state;
  const plain = neg(mul(advantages, ratio));
  const clipped = neg(mul(advantages, clamp(ratio, 1 - o.epsilon, 1 + highOf(o))));
  let loss = maximum(plain, clipped);
  const shares: Record<string, Tensor> = {
    "policy/clipfrac_avg": cast(greater(clipped, plain), "float32"),
  };
  if (o.dualClip > 0) {
    const most = neg(mul(advantages, o.dualClip));
    const negative = less(advantages, 0);
    shares["policy/dual_clipfrac_avg"] = cast(and(greater(loss, most), negative), "float32");
    loss = where(negative, minimum(loss, most), loss);
  }
  const means = {
    ...shares,
    "loss/policy_avg": loss,
    "policy/policykl": neg(logRatio),
    // Around 1, which is the mean under the policy that sampled.
    "val/ratio_var": square(sub(ratio, 1)),
  };
  return {
    loss,
    ...tokenMeans({ ...means, "policy/advantages_mean": mul(advantages, mask) }, mask),
  };
}

/**
 * Loss [rows, tokens], zero at masked places; its sum is divided by the number of tokens.
 *
 * @example
 * const inputs = { logps: constant([-1, -2], [1, 2]), oldLogps: constant([-2, -2], [1, 2]), mask: constant(1, [1, 2]) };
 * const { loss } = ppo({ ...inputs, advantages: constant([1, -0.5], [1, 2]) });
 * // loss = [-1.2, 0.5]
 */
export function ppo(inputs: PolicyInputs, options: Partial<PpoOptions> = {}): LossResult {
  const resolved = resolveOptions("losses.ppo", PPO_OPTIONS, options);
  const { entropies, mask } = inputs;
  const result = policyLoss("losses.ppo", inputs, {
    options: resolved,
    aggregate: byTokens,
    surrogate: (state) => surrogate(state, resolved),
  });
  return withMetrics(result, tokenMeans(entropies ? { "policy/entropy_avg": entropies } : {}, mask));
}
