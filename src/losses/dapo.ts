/**
 * DAPO: GRPO with a higher upper clip and one mean over all tokens of the accumulated batch.
 *
 *   L = sum over rows and tokens of [ -min(r_t A, clip(r_t, 1 - eps, 1 + eps_high) A) + beta KL_t ] / all tokens
 *
 * Yu et al. 2025 (2503.14476), eq. 8. Its dynamic sampling is `informativeGroups`, its overlong penalty a reward.
 */
import { clippedSurrogate } from "./clipping.js";
import type { LossResult } from "./contract.js";
import { GRPO_OPTIONS } from "./grpo.js";
import { number, resolveOptions, type OptionsOf } from "./options.js";
import { byTokens, policyLoss, type PolicyInputs } from "./policy.js";

export const DAPO_OPTIONS = {
  ...GRPO_OPTIONS,
  epsilonHigh: number(0.28, {
    min: 0,
    doc: "The ratio is clipped at 1 + epsilonHigh; 0: the same as epsilon.",
    source: "DAPO, section 4.1",
  }),
} as const;
export type DapoOptions = OptionsOf<typeof DAPO_OPTIONS>;

/**
 * Loss [rows, tokens], zero at masked places; its sum is divided by the number of tokens.
 *
 * @example
 * const inputs = { logps: constant([-1, -2], [1, 2]), oldLogps: constant([-2, -2], [1, 2]), mask: constant(1, [1, 2]) };
 * const { loss } = dapo({ ...inputs, advantages: constant([1], [1]) });
 * // loss = [-1.28, -1]
 */
export function dapo(inputs: PolicyInputs, options: Partial<DapoOptions> = {}): LossResult {
  const resolved = resolveOptions("losses.dapo", DAPO_OPTIONS, options);
  return policyLoss("losses.dapo", inputs, {
    options: resolved,
    level: resolved.importanceLevel,
    aggregate: byTokens,
    surrogate: (state) => clippedSurrogate(state, resolved),
  });
}
