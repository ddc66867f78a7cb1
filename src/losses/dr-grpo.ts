/**
 * Dr. GRPO: GRPO without its biases towards long wrong answers and easy prompts. TRL's name: `dr_grpo`.
 *
 *   L = mean over rows of sum_t [ -min(r_t A, clip(r_t) A) + beta KL_t ] / maxCompletionLength,
 *   A = reward - mean of the group, not divided by its deviation (`groupAdvantages` with `scaleRewards: "none"`)
 *
 * Liu et al. 2025 (2503.20783), section 3.
 */
import { mul } from "../tensor/index.js";
import { clippedSurrogate } from "./clipping.js";
import type { LossResult } from "./contract.js";
import { GRPO_OPTIONS } from "./grpo.js";
import { number, resolveOptions, type OptionsOf } from "./options.js";
import { byRowSums, policyLoss, type PolicyInputs } from "./policy.js";

export const DR_GRPO_OPTIONS = {
  ...GRPO_OPTIONS,
  maxCompletionLength: number(512, {
    min: 1,
    doc: "Every row's sum is divided by this constant; the most tokens an answer may have.",
    source: "TRL GRPOConfig.max_completion_length",
  }),
} as const;
export type DrGrpoOptions = OptionsOf<typeof DR_GRPO_OPTIONS>;

/**
 * Loss [rows].
 *
 * @example
 * const inputs = { logps: constant([-1, -2], [1, 2]), oldLogps: constant([-2, -2], [1, 2]), mask: constant(1, [1, 2]) };
 * const { loss } = drGrpo({ ...inputs, advantages: constant([1], [1]) }, { maxCompletionLength: 4 });
 * // loss = [-0.55]
 */
export function drGrpo(inputs: PolicyInputs, options: Partial<DrGrpoOptions> = {}): LossResult {
  const resolved = resolveOptions("losses.dr_grpo", DR_GRPO_OPTIONS, options);
  return policyLoss("losses.dr_grpo", inputs, {
    options: resolved,
    level: resolved.importanceLevel,
    aggregate: (perToken, mask) => mul(byRowSums(perToken, mask), 1 / resolved.maxCompletionLength),
    surrogate: (state) => clippedSurrogate(state, resolved),
  });
}
