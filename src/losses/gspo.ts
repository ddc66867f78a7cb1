/**
 * Group sequence policy optimisation: GRPO whose ratio belongs to the whole answer.
 *
 *   L = mean over rows of -min(s A, clip(s, 1 - eps, 1 + eps_high) A),   s = (pi(o) / pi_old(o))^(1/|o|)
 *
 * Zheng et al. 2025 (2507.18071), eq. 5. The ratio moves little, hence the narrow clip range.
 */
import { clippedSurrogate } from "./clipping.js";
import type { LossResult } from "./contract.js";
import { GRPO_OPTIONS } from "./grpo.js";
import { choice, number, resolveOptions, type OptionsOf } from "./options.js";
import { byRowMeans, policyLoss, type PolicyInputs } from "./policy.js";

export const GSPO_OPTIONS = {
  ...GRPO_OPTIONS,
  epsilon: number(3e-4, {
    above: 0,
    below: 1,
    doc: "The ratio is clipped at 1 - epsilon.",
    source: "GSPO, section 5.1",
  }),
  epsilonHigh: number(4e-4, {
    min: 0,
    doc: "The ratio is clipped at 1 + epsilonHigh; 0: the same as epsilon.",
    source: "GSPO, section 5.1",
  }),
  importanceLevel: choice("sequence", {
    choices: ["sequence", "sequence_token"],
    doc: "`sequence_token`: the sequence's ratio with each token's own gradient, for advantages that differ by token.",
    source: "GSPO; GSPO-token, section 4.3",
  }),
} as const;
export type GspoOptions = OptionsOf<typeof GSPO_OPTIONS>;

/**
 * Loss [rows]; an empty row counts as a row.
 *
 * @example
 * const inputs = { logps: constant([-1, -2], [1, 2]), oldLogps: constant([-2, -2], [1, 2]), mask: constant(1, [1, 2]) };
 * const { loss } = gspo({ ...inputs, advantages: constant([1], [1]) });
 * // loss = [-1.0004]
 */
export function gspo(inputs: PolicyInputs, options: Partial<GspoOptions> = {}): LossResult {
  const resolved = resolveOptions("losses.gspo", GSPO_OPTIONS, options);
  return policyLoss("losses.gspo", inputs, {
    options: resolved,
    level: resolved.importanceLevel,
    aggregate: byRowMeans,
    surrogate: (state) => clippedSurrogate(state, resolved),
  });
}
