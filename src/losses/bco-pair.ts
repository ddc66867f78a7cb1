/**
 * Binary classifier optimisation on pairs: each side classified on its own, without the shift of the running mean (that
 * is `bco`, on unpaired data).

 *   L = -log sigmoid(c) - log sigmoid(-r),  c, r = beta log pi/ref (chosen, rejected)

 * Jung et al. 2024, "Binary Classifier Optimization" (2404.04656), section 4, as TRL.
 */
import { add, mul, neg, softplus } from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { beta, resolveOptions, type OptionsOf } from "./options.js";
import { pairRatios, ratioMetrics, type ReferencedPairInputs } from "./pairs.js";

export const BCO_PAIR_OPTIONS = {
  beta: beta(0.01, "Strength of the pull towards the reference; larger stays closer.", {
    source: "BCO, appendix C",
  }),
} as const;
export type BcoPairOptions = OptionsOf<typeof BCO_PAIR_OPTIONS>;

/**
 * Loss [pairs]; 2 ln 2 where policy equals reference.
 *
 * @example
 * const pairs = pairsFrom({ chosen: [[-1, -2]], rejected: [[-3]], refChosen: [[-2, -2]], refRejected: [[-2]] });
 * const { loss } = bcoPair(pairs, { beta: 0.5 });
 * // loss = [0.9481539683602134]
 */
export function bcoPair(inputs: ReferencedPairInputs, options: Partial<BcoPairOptions> = {}): LossResult {
  const { beta } = resolveOptions("losses.bco_pair", BCO_PAIR_OPTIONS, options);
  const pair = pairRatios("losses.bco_pair", inputs);
  return {
    loss: add(softplus(neg(mul(pair.chosenRatio, beta))), softplus(mul(pair.rejectedRatio, beta))),
    metrics: ratioMetrics(pair, beta),
  };
}
