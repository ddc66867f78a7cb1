/**
 * Identity preference optimisation on summed log-probabilities, as in the paper. TRL's length-normalised form is
 * `ipo`; the two mean different things by beta.
 *
 *   L = (log pi/ref (chosen) - log pi/ref (rejected) - 1 / (2 beta))^2
 *
 * Azar et al. 2023, "A General Theoretical Paradigm to Understand Learning from Human Preferences" (2310.12036),
 * eq. 17, tau = beta.
 */
import { square, sub } from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { beta, resolveOptions, type OptionsOf } from "./options.js";
import { ratioMetrics, pairRatios, type ReferencedPairInputs } from "./pairs.js";

export const IPO_SUM_OPTIONS = {
  beta: beta(0.1, "tau of the paper: the margin aimed at is 1 / (2 beta) nats a completion.", {
    source: "TRL DPOConfig.beta",
  }),
} as const;
export type IpoSumOptions = OptionsOf<typeof IPO_SUM_OPTIONS>;

/**
 * Loss [pairs]; 1 / (4 beta^2) where policy equals reference.
 *
 * @example
 * const pairs = pairsFrom({ chosen: [[-1, -2]], rejected: [[-3]], refChosen: [[-2, -2]], refRejected: [[-2]] });
 * const { loss } = ipoSum(pairs, { beta: 0.5 });
 * // loss = [1]
 */
export function ipoSum(inputs: ReferencedPairInputs, options: Partial<IpoSumOptions> = {}): LossResult {
  const { beta } = resolveOptions("losses.ipo_sum", IPO_SUM_OPTIONS, options);
  const pair = pairRatios("losses.ipo_sum", inputs);
  return {
    loss: square(sub(sub(pair.chosenRatio, pair.rejectedRatio), 1 / (2 * beta))),
    metrics: ratioMetrics(pair, beta),
  };
}
