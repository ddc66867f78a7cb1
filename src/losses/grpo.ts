/**
 * Group relative policy optimisation: PPO's clipped surrogate with the group's mean reward in place of a critic.
 *
 *   L = mean over rows of 1/|o| sum_t [ -min(r_t A, clip(r_t, 1 - eps, 1 + eps_high) A) + beta KL_t ],
 *   r_t = pi / pi_old of a token
 *
 * Shao et al. 2024, DeepSeekMath (2402.03300), eq. 3. `importanceLevel: "sequence"` is GSPO (`gspo.ts`).
 */
import { clippedSurrogate, CLIP_OPTIONS } from "./clipping.js";
import type { LossResult } from "./contract.js";
import { choice, resolveOptions, type OptionsOf } from "./options.js";
import { byRowMeans, GROUP_OPTIONS, IMPORTANCE_LEVELS, policyLoss, type PolicyInputs } from "./policy.js";

export const GRPO_OPTIONS = {
  ...CLIP_OPTIONS,
  importanceLevel: choice("token", {
    choices: IMPORTANCE_LEVELS,
    doc: "One ratio a token, or one a sequence: e to the mean log-ratio of its tokens.",
    source: "GRPO: token",
  }),
  ...GROUP_OPTIONS,
} as const;
export type GrpoOptions = OptionsOf<typeof GRPO_OPTIONS>;

/**
 * Loss [rows]; an empty row counts as a row.
 *
 * @example
 * const inputs = { logps: constant([-1, -2], [1, 2]), oldLogps: constant([-2, -2], [1, 2]), mask: constant(1, [1, 2]) };
 * const { loss } = grpo({ ...inputs, advantages: constant([1], [1]) });
 * // loss = [-1.1]
 */
export function grpo(inputs: PolicyInputs, options: Partial<GrpoOptions> = {}): LossResult {
  const resolved = resolveOptions("losses.grpo", GRPO_OPTIONS, options);
  return policyLoss("losses.grpo", inputs, {
    options: resolved,
    level: resolved.importanceLevel,
    aggregate: byRowMeans,
    surrogate: (state) => clippedSurrogate(state, resolved),
  });
}
