/**
 * Noise-contrastive alignment on pairs: absolute rewards, so that the chosen one's likelihood does not fall.

 *   L = -log sigmoid(c) - 1/2 log sigmoid(-c) - 1/2 log sigmoid(-r),  c, r = beta log pi/ref (chosen, rejected)

 * Chen et al. 2024, "Noise Contrastive Alignment of Language Models with Explicit Rewards" (2402.05369), section 4.1.
 */
import { add, mul, softplus, neg } from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { beta, resolveOptions, type OptionsOf } from "./options.js";
import { pairRatios, ratioMetrics, type ReferencedPairInputs } from "./pairs.js";

export const NCA_PAIR_OPTIONS = {
  beta: beta(0.01, "Strength of the pull towards the reference; larger stays closer.", {
    source: "NCA, appendix C: its alpha",
  }),
} as const;
export type NcaPairOptions = OptionsOf<typeof NCA_PAIR_OPTIONS>;

/**
 * Loss [pairs]; 2 ln 2 where policy equals reference.
 *
 * @example
 * const pairs = pairsFrom({ chosen: [[-1, -2]], rejected: [[-3]], refChosen: [[-2, -2]], refRejected: [[-2]] });
 * const { loss } = ncaPair(pairs, { beta: 0.5 });
 * // loss = [1.198153968360213]
 */
export function ncaPair(inputs: ReferencedPairInputs, options: Partial<NcaPairOptions> = {}): LossResult {
  const { beta } = resolveOptions("losses.nca_pair", NCA_PAIR_OPTIONS, options);
  const pair = pairRatios("losses.nca_pair", inputs);
  const chosen = mul(pair.chosenRatio, beta);
  const rejected = mul(pair.rejectedRatio, beta);
  return {
    loss: add(softplus(neg(chosen)), mul(add(softplus(chosen), softplus(rejected)), 0.5)),
    metrics: ratioMetrics(pair, beta),
  };
}
