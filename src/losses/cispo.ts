/**
 * Clipped importance sampling policy optimisation: the weight is clipped, not the gradient, so that every token learns.
 *
 *   L = sum over rows and tokens of [ -sg(min(r_t, epsHigh)) A log pi + beta KL_t ] / all tokens
 *
 * MiniMax-M1 2025 (2506.13585), eq. 4; the cap alone, without a lower end: ScaleRL (2510.13786). `epsilonHigh` is the
 * cap itself, not its distance from 1, as in TRL.
 */
import { and, cast, greater, minimum, mul, neg, stopGradient } from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { choice, number, resolveOptions, type OptionsOf } from "./options.js";
import {
  byTokens,
  GROUP_OPTIONS,
  IMPORTANCE_LEVELS,
  policyLoss,
  type PolicyInputs,
  type PolicyState,
  type Surrogate,
} from "./policy.js";
import { rowShare } from "./row-share.js";

export const CISPO_OPTIONS = {
  epsilonHigh: number(5, {
    above: 0,
    doc: "Cap of the importance ratio.",
    source: "ScaleRL (2510.13786); TRL GRPOConfig's advice",
  }),
  importanceLevel: choice("token", {
    choices: IMPORTANCE_LEVELS,
    doc: "One ratio a token, or one a sequence: e to the mean log-ratio of its tokens.",
    source: "CISPO: token",
  }),
  ...GROUP_OPTIONS,
} as const;
export type CispoOptions = OptionsOf<typeof CISPO_OPTIONS>;

function weighted(state: PolicyState, cap: number): Surrogate {
  const { ratio, advantages, logps } = state;
  const weight = stopGradient(minimum(ratio, cap));
  const clipped = cast(and(greater(ratio, cap), greater(advantages, 0)), "float32");
  const { value, rule } = rowShare(clipped, state);
  return {
    loss: neg(mul(mul(weight, advantages), logps)),
    metrics: { cispo_clip_ratio: value },
    metricRules: { cispo_clip_ratio: rule },
  };
}

/**
 * Loss [rows, tokens], zero at masked places; its sum is divided by the number of tokens.
 *
 * @example
 * const inputs = { logps: constant([-1, -2], [1, 2]), oldLogps: constant([-3, -2], [1, 2]), mask: constant(1, [1, 2]) };
 * const { loss } = cispo({ ...inputs, advantages: constant([1], [1]) });
 * // loss = [5, 2]
 */
export function cispo(inputs: PolicyInputs, options: Partial<CispoOptions> = {}): LossResult {
  const resolved = resolveOptions("losses.cispo", CISPO_OPTIONS, options);
  return policyLoss("losses.cispo", inputs, {
    options: resolved,
    level: resolved.importanceLevel,
    aggregate: byTokens,
    surrogate: (state) => weighted(state, resolved.epsilonHigh),
  });
}
