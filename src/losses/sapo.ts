/**
 * Soft adaptive policy optimisation: a sigmoid gate in place of the clip.
 *
 *   L = mean over rows of 1/|o| sum_t [ -4/tau sigmoid(tau (r_t - 1)) A + beta KL_t ],
 *   tau = sapoTemperaturePos where A > 0, else sapoTemperatureNeg
 *
 * Gao et al. 2025 (2511.20347), eq. 5 and 6. At r = 1 the slope is that of the unclipped surrogate.
 */
import { constant, div, greater, mul, neg, sigmoid, sub, where } from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { choice, number, resolveOptions, type OptionsOf } from "./options.js";
import { byRowMeans, GROUP_OPTIONS, IMPORTANCE_LEVELS, policyLoss, type PolicyInputs } from "./policy.js";

export const SAPO_OPTIONS = {
  sapoTemperaturePos: number(1, {
    above: 0,
    doc: "How fast the gate closes where the advantage is positive.",
    source: "SAPO; TRL GRPOConfig",
  }),
  sapoTemperatureNeg: number(1.05, {
    above: 0,
    doc: "How fast the gate closes elsewhere.",
    source: "SAPO; TRL GRPOConfig",
  }),
  importanceLevel: choice("token", {
    choices: IMPORTANCE_LEVELS,
    doc: "One ratio a token, or one a sequence: e to the mean log-ratio of its tokens.",
    source: "SAPO: token",
  }),
  ...GROUP_OPTIONS,
} as const;
export type SapoOptions = OptionsOf<typeof SAPO_OPTIONS>;

/**
 * Loss [rows]; an empty row counts as a row.
 *
 * @example
 * const inputs = { logps: constant([-1, -2], [1, 2]), oldLogps: constant([-1, -2], [1, 2]), mask: constant(1, [1, 2]) };
 * const { loss } = sapo({ ...inputs, advantages: constant([1], [1]) });
 * // loss = [-2]
 */
export function sapo(inputs: PolicyInputs, options: Partial<SapoOptions> = {}): LossResult {
  const resolved = resolveOptions("losses.sapo", SAPO_OPTIONS, options);
  const { sapoTemperaturePos, sapoTemperatureNeg } = resolved;
  return policyLoss("losses.sapo", inputs, {
    options: resolved,
    level: resolved.importanceLevel,
    aggregate: byRowMeans,
    surrogate: ({ ratio, advantages }) => {
      const positive = greater(advantages, 0);
      const tau = where(positive, constant(sapoTemperaturePos), sapoTemperatureNeg);
      const gate = div(mul(sigmoid(mul(tau, sub(ratio, 1))), 4), tau);
      return { loss: neg(mul(gate, advantages)), metrics: {}, metricRules: {} };
    },
  });
}
