/**
 * DPO plus the NLL of the chosen completion divided by its own length, as the paper writes it. One mean over all tokens
 * of the batch, as TRL takes it, is `rpo`.
 *
 *   L = -log sigmoid(beta d) - alpha log pi(chosen) / |chosen|
 *
 * Pang et al. 2024, "Iterative Reasoning Preference Optimization" (2404.19733).
 */
import { add, div, mul } from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { dpo } from "./dpo.js";
import { resolveOptions } from "./options.js";
import type { ReferencedPairInputs } from "./pairs.js";
import { RPO_OPTIONS, type RpoOptions } from "./rpo.js";
import { rowLength, rowSum } from "./sums.js";

/**
 * Loss [pairs].
 *
 * @example
 * const pairs = pairsFrom({ chosen: [[-1, -2]], rejected: [[-3]], refChosen: [[-2, -2]], refRejected: [[-2]] });
 * const { loss } = rpoSequence(pairs, { beta: 0.5 });
 * // loss = [1.8132616875182228]
 */
export function rpoSequence(inputs: ReferencedPairInputs, options: Partial<RpoOptions> = {}): LossResult {
  const { rpoAlpha, ...rest } = resolveOptions("losses.rpo_sequence", RPO_OPTIONS, options);
  const preference = dpo(inputs, rest);
  const mean = div(rowSum(inputs.chosenLogps, inputs.chosenMask), rowLength(inputs.chosenMask));
  return {
    loss: add(preference.loss, mul(mean, -rpoAlpha)),
    metrics: { ...preference.metrics, nll_loss: mul(mean, -1) },
  };
}
