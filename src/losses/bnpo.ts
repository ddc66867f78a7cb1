/**
 * GRPO with one mean over all tokens of the micro-batch. TRL's name: `bnpo`.
 *
 *   L = sum over rows and tokens of [ -min(r_t A, clip(r_t) A) + beta KL_t ] / tokens of the micro-batch
 *
 * After Xiao et al. 2025 (2506.02864); the form is TRL's.
 *
 * Deviations: 1. a loop that divides by the tokens of the whole accumulated batch, as Attune's does unless told
 * `lossNormalisation: "micro-batch"`, makes this DAPO's mean.
 */
import { clippedSurrogate } from "./clipping.js";
import type { LossResult } from "./contract.js";
import { GRPO_OPTIONS, type GrpoOptions } from "./grpo.js";
import { resolveOptions } from "./options.js";
import { byTokens, policyLoss, type PolicyInputs } from "./policy.js";

/**
 * Loss [rows, tokens], zero at masked places; its sum is divided by the number of tokens.
 *
 * @example
 * const inputs = { logps: constant([-1, -2], [1, 2]), oldLogps: constant([-2, -2], [1, 2]), mask: constant(1, [1, 2]) };
 * const { loss } = bnpo({ ...inputs, advantages: constant([1], [1]) });
 * // loss = [-1.2, -1]
 */
export function bnpo(inputs: PolicyInputs, options: Partial<GrpoOptions> = {}): LossResult {
  const resolved = resolveOptions("losses.bnpo", GRPO_OPTIONS, options);
  return policyLoss("losses.bnpo", inputs, {
    options: resolved,
    level: resolved.importanceLevel,
    aggregate: byTokens,
    surrogate: (state) => clippedSurrogate(state, resolved),
  });
}
