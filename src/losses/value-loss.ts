/**
 * The critic's loss of PPO: squared error of the value of every token, with a clip around the values of the rollout.
 *
 *   L_t = vfCoef * 1/2 max((V - R)^2, (clip(V, V_old - c, V_old + c) - R)^2)
 *
 * Schulman et al. 2017 (1707.06347), eq. 9; the clip is that of its authors' code (baselines) and of TRL.
 */
import {
  add,
  cast,
  greater,
  maximum,
  minimum,
  mul,
  square,
  stopGradient,
  sub,
  type Tensor,
} from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { number, resolveOptions, type OptionsOf } from "./options.js";
import { tokenMeans } from "./policy.js";
import { keep } from "./sums.js";

export const VALUE_OPTIONS = {
  cliprangeValue: number(0.2, {
    min: 0,
    doc: "How far a value may move from the rollout's before the loss stops pulling; 0: no clip.",
    source: "TRL PPOConfig.cliprange_value",
  }),
  vfCoef: number(0.1, {
    above: 0,
    doc: "Weight beside the policy loss; 1 where the critic has parameters of its own.",
    source: "TRL PPOConfig.vf_coef",
  }),
} as const;
export type ValueOptions = OptionsOf<typeof VALUE_OPTIONS>;

export interface ValueInputs {
  /** [rows, tokens], the critic in training. */
  readonly values: Tensor;
  /** [rows, tokens], as the rollout had them. */
  readonly oldValues: Tensor;
  /** [rows, tokens], advantage (not whitened) + old value. */
  readonly returns: Tensor;
  readonly mask: Tensor; // [rows, tokens]
}

/**
 * Loss [rows, tokens], zero at masked places; its sum is divided by the number of tokens.
 *
 * @example
 * const inputs = { values: constant([1], [1, 1]), oldValues: constant([0], [1, 1]), returns: constant([2], [1, 1]) };
 * const { loss } = valueLoss({ ...inputs, mask: constant(1, [1, 1]) }, { vfCoef: 1 });
 * // loss = [1.62]
 */
export function valueLoss(inputs: ValueInputs, options: Partial<ValueOptions> = {}): LossResult {
  const { cliprangeValue, vfCoef } = resolveOptions("losses.value", VALUE_OPTIONS, options);
  const { mask } = inputs;
  const values = keep(inputs.values, mask);
  const old = stopGradient(keep(inputs.oldValues, mask));
  const returns = stopGradient(keep(inputs.returns, mask));
  const error = square(sub(values, returns));
  const held = maximum(minimum(values, add(old, cliprangeValue)), sub(old, cliprangeValue));
  const clipped = cliprangeValue > 0 ? square(sub(held, returns)) : error;
  const each = mul(maximum(error, clipped), 0.5);
  return {
    loss: keep(mul(each, vfCoef), mask),
    ...tokenMeans(
      {
        "loss/value_avg": each,
        "val/clipfrac_avg": cast(greater(clipped, error), "float32"),
        "val/error": error,
        "val/vpred": values,
        "val/mean": old,
        "returns/mean": returns,
      },
      mask,
    ),
  };
}
