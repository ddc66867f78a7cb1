/**
 * SimPO plus the NLL of the chosen completion: steadier than SimPO alone. No reference model.
 *
 *   L = SimPO + alpha NLL(chosen), the NLL one mean over the tokens of the batch
 *
 * Xu et al. 2024, the CPO-SimPO repository (https://github.com/fe1ixxu/CPO_SIMPO), as TRL's CPOTrainer.
 */
import { nllTerm } from "./chosen-nll.js";
import type { LossResult } from "./contract.js";
import { number, resolveOptions, type OptionsOf } from "./options.js";
import type { PairInputs } from "./pairs.js";
import { simpo, SIMPO_OPTIONS } from "./simpo.js";

export const CPO_SIMPO_OPTIONS = {
  ...SIMPO_OPTIONS,
  cpoAlpha: number(1, { min: 0, doc: "Weight of the NLL.", source: "TRL CPOConfig.cpo_alpha" }),
} as const;
export type CpoSimpoOptions = OptionsOf<typeof CPO_SIMPO_OPTIONS>;

/**
 * Loss [pairs]: SimPO's; the NLL is the `tokenTerm`.
 *
 * @example
 * const { loss } = cpoSimpo(pairsFrom({ chosen: [[-1, -2]], rejected: [[-3]] }), { beta: 2, simpoGamma: 1 });
 * // loss = [0.1269280110429726]
 */
export function cpoSimpo(inputs: PairInputs, options: Partial<CpoSimpoOptions> = {}): LossResult {
  const { cpoAlpha, ...rest } = resolveOptions("losses.cpo_simpo", CPO_SIMPO_OPTIONS, options);
  const preference = simpo(inputs, rest);
  const nll = nllTerm({ logps: inputs.chosenLogps, mask: inputs.chosenMask }, cpoAlpha);
  return { ...nll, loss: preference.loss, metrics: { ...preference.metrics, ...nll.metrics } };
}
