/**
 * Anchored preference optimisation, zero, on unpaired data: raise good completions, lower bad ones.
 *
 *   good: L = w_good (1 - sigmoid(beta r));   bad: L = w_bad sigmoid(beta r);   r = log pi/ref
 *
 * D'Oosterlinck et al. 2024 (2408.06266), eq. 7, each half on its own rows, as TRL's KTOTrainer.
 */
import { constant, mul, neg, sigmoid } from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { beta, resolveOptions, type OptionsOf } from "./options.js";
import { byLabel, unpairedMetrics, unpairedRatios, WEIGHT_OPTIONS, type UnpairedInputs } from "./unpaired.js";

export const APO_ZERO_UNPAIRED_OPTIONS = {
  beta: beta(0.1, "Strength of the pull towards the reference; larger stays closer.", {
    source: "APO, section 5.2",
  }),
  ...WEIGHT_OPTIONS,
} as const;
export type ApoZeroUnpairedOptions = OptionsOf<typeof APO_ZERO_UNPAIRED_OPTIONS>;

/**
 * Loss [rows], in batch order, weights included; 1/2 times the weight where policy equals reference.
 *
 * @example
 * const inputs = { logps: constant([-1, -3], [2, 1]), mask: constant(1, [2, 1]), refLogps: constant(-2, [2]) };
 * const { loss } = apoZeroUnpaired({ ...inputs, desirable: constant([1, 0], [2]) }, { beta: 1 });
 * // loss = [0.2689414213699951, 0.2689414213699951]
 */
export function apoZeroUnpaired(
  inputs: UnpairedInputs,
  options: Partial<ApoZeroUnpairedOptions> = {},
): LossResult {
  const where = "losses.apo_zero_unpaired";
  const { beta, desirableWeight, undesirableWeight } = resolveOptions(
    where,
    APO_ZERO_UNPAIRED_OPTIONS,
    options,
  );
  const { desirable } = inputs;
  const { policy, ratio } = unpairedRatios(where, inputs);
  const reward = mul(ratio, beta);
  const weight = byLabel(desirable, constant(desirableWeight), undesirableWeight);
  return {
    ...unpairedMetrics({ reward, policy }, desirable),
    loss: mul(sigmoid(byLabel(desirable, neg(reward), reward)), weight),
  };
}
