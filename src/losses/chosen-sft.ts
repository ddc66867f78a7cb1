/**
 * Plain NLL of the chosen completion, as a member of the pairwise family (TRL's `sft` loss type): a term of mixtures, or
 * a baseline on preference data.
 *
 *   L = -(1 / tokens) sum over the chosen tokens of the whole batch of log pi
 *
 * Deviations: 1. a batch without any token gives 0; TRL gives NaN.
 */
import { constant } from "../tensor/index.js";
import { nllTerm } from "./chosen-nll.js";
import type { LossResult } from "./contract.js";
import { beta, resolveOptions, type OptionsOf } from "./options.js";
import { pairRatios, ratioMetrics, type ReferencedPairInputs } from "./pairs.js";

export const CHOSEN_SFT_OPTIONS = {
  beta: beta(0.1, "Scale of the rewards that are logged; the loss does not read it.", {
    source: "TRL DPOConfig.beta",
  }),
} as const;
export type ChosenSftOptions = OptionsOf<typeof CHOSEN_SFT_OPTIONS>;

/**
 * Loss [pairs], all 0: everything is in the `tokenTerm`.
 *
 * @example
 * const { tokenTerm } = chosenSft(pairsFrom({ chosen: [[-1, -2]], rejected: [[-3]] }));
 * const loss = tokenTerm.loss;
 * // loss = [1, 2]
 */
export function chosenSft(inputs: ReferencedPairInputs, options: Partial<ChosenSftOptions> = {}): LossResult {
  const { beta } = resolveOptions("losses.sft", CHOSEN_SFT_OPTIONS, options);
  const pair = pairRatios("losses.sft", inputs);
  const nll = nllTerm({ logps: inputs.chosenLogps, mask: inputs.chosenMask }, 1);
  return {
    ...nll,
    loss: constant(0, pair.chosen.shape),
    metrics: { ...ratioMetrics(pair, beta), ...nll.metrics },
  };
}
