/**
 * Length-unbiased sequence policy optimisation: GSPO whose rows weigh as much as they have tokens.
 *
 *   L = mean over rows of sum_t [ -min(s A, clip(s) A) + beta KL_t ]
 *
 * 2602.05261.
 */
import { clippedSurrogate } from "./clipping.js";
import type { LossResult } from "./contract.js";
import { GRPO_OPTIONS } from "./grpo.js";
import { choice, number, resolveOptions, type OptionsOf } from "./options.js";
import { byRowSums, IMPORTANCE_LEVELS, policyLoss, type PolicyInputs } from "./policy.js";

export const LUSPO_OPTIONS = {
  ...GRPO_OPTIONS,
  epsilon: number(2e-3, {
    above: 0,
    below: 1,
    doc: "The ratio is clipped at 1 - epsilon.",
    source: "LUSPO, section 5.1",
  }),
  epsilonHigh: number(2.5e-3, {
    min: 0,
    doc: "The ratio is clipped at 1 + epsilonHigh; 0: the same as epsilon.",
    source: "LUSPO, section 5.1",
  }),
  importanceLevel: choice("sequence", {
    choices: IMPORTANCE_LEVELS,
    doc: "One ratio a token, or one a sequence: e to the mean log-ratio of its tokens.",
    source: "LUSPO",
  }),
} as const;
export type LuspoOptions = OptionsOf<typeof LUSPO_OPTIONS>;

/**
 * Loss [rows], not divided by length.
 *
 * @example
 * const inputs = { logps: constant([-1, -2], [1, 2]), oldLogps: constant([-2, -2], [1, 2]), mask: constant(1, [1, 2]) };
 * const { loss } = luspo({ ...inputs, advantages: constant([1], [1]) });
 * // loss = [-2.005]
 */
export function luspo(inputs: PolicyInputs, options: Partial<LuspoOptions> = {}): LossResult {
  const resolved = resolveOptions("losses.luspo", LUSPO_OPTIONS, options);
  return policyLoss("losses.luspo", inputs, {
    options: resolved,
    level: resolved.importanceLevel,
    aggregate: byRowSums,
    surrogate: (state) => clippedSurrogate(state, resolved),
  });
}
