/**
 * DPO plus the NLL of the chosen completion ("iterative reasoning preference optimisation", TRL's sigmoid + sft): keeps
 * the chosen answer likely. Here the NLL is one mean over all tokens of the batch; per row it is `rpoSequence`.
 *
 *   L = -log sigmoid(beta d) + alpha NLL(chosen)
 *
 * Pang et al. 2024 (2404.19733), with TRL's normalisation.
 */
import { nllTerm } from "./chosen-nll.js";
import type { LossResult } from "./contract.js";
import { dpo, DPO_OPTIONS } from "./dpo.js";
import { number, resolveOptions, type OptionsOf } from "./options.js";
import type { ReferencedPairInputs } from "./pairs.js";

export const RPO_OPTIONS = {
  ...DPO_OPTIONS,
  rpoAlpha: number(1, { min: 0, doc: "Weight of the NLL.", source: "Pang et al.: 1" }),
} as const;
export type RpoOptions = OptionsOf<typeof RPO_OPTIONS>;

/**
 * Loss [pairs]: DPO's; the NLL is the `tokenTerm`.
 *
 * @example
 * const pairs = pairsFrom({ chosen: [[-1, -2]], rejected: [[-3]], refChosen: [[-2, -2]], refRejected: [[-2]] });
 * const { loss } = rpo(pairs, { beta: 0.5 });
 * // loss = [0.3132616875182228]
 */
export function rpo(inputs: ReferencedPairInputs, options: Partial<RpoOptions> = {}): LossResult {
  const { rpoAlpha, ...rest } = resolveOptions("losses.rpo", RPO_OPTIONS, options);
  const preference = dpo(inputs, rest);
  const nll = nllTerm({ logps: inputs.chosenLogps, mask: inputs.chosenMask }, rpoAlpha);
  return { ...nll, loss: preference.loss, metrics: { ...preference.metrics, ...nll.metrics } };
}
