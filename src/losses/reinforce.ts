/**
 * REINFORCE: the log-probability of an answer, weighted by its advantage.
 *
 *   sequence: L = mean over rows of -A sum_t log pi_t;     token: L = sum of -A_t log pi_t / all tokens
 *
 * Williams 1992. Advantages make the method: a moving average (`movingBaseline`), the greedy answer's reward (ReMax,
 * 2310.10505, `remaxAdvantages`), the group's other answers (`leaveOneOut`). REINFORCE++ (2501.03262) is PPO's clipped loss
 * on `reinforcePlusPlus`.
 */
import { mul, neg } from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { choice, resolveOptions, type OptionsOf } from "./options.js";
import { byRowSums, byTokens, PENALTY_OPTIONS, policyLoss, type PolicyInputs } from "./policy.js";

export const REINFORCE_OPTIONS = {
  average: choice("sequence", {
    choices: ["sequence", "token"],
    doc: "sequence: the mean over rows of their sums; token: one mean over all tokens.",
    source: "Williams 1992",
  }),
  ...PENALTY_OPTIONS,
} as const;
export type ReinforceOptions = OptionsOf<typeof REINFORCE_OPTIONS>;

/**
 * Loss [rows], or [rows, tokens] with `average: "token"`.
 *
 * @example
 * const { loss } = reinforce({ logps: constant([-1, -2], [1, 2]), mask: constant(1, [1, 2]), advantages: constant([0.5], [1]) });
 * // loss = [1.5]
 */
export function reinforce(inputs: PolicyInputs, options: Partial<ReinforceOptions> = {}): LossResult {
  const resolved = resolveOptions("losses.reinforce", REINFORCE_OPTIONS, options);
  return policyLoss("losses.reinforce", inputs, {
    options: resolved,
    aggregate: resolved.average === "token" ? byTokens : byRowSums,
    surrogate: ({ advantages, logps }) => ({
      loss: neg(mul(advantages, logps)),
      metrics: {},
      metricRules: {},
    }),
  });
}
