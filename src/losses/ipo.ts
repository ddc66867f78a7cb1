/**
 * Identity preference optimisation per token, as in TRL: log-ratios are divided by their completion's length. The
 * paper's own, on sums, is `ipo_sum`; the two mean different things by beta.
 *
 *   L = (f(r_chosen) / |chosen| - f(r_rejected) / |rejected| - 1 / (2 beta))^2,  r = log pi/ref
 *
 * Azar et al. 2023 (2310.12036), eq. 17; the division is TRL's, "confirmed with the authors". An empty completion
 * counts as of length 1.
 */
import { div, square, sub } from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { divergenceScore, F_DIVERGENCE_OPTIONS } from "./f-divergence.js";
import { beta, resolveOptions, type OptionsOf } from "./options.js";
import { ratioMetrics, pairRatios, type ReferencedPairInputs } from "./pairs.js";
import { rowLength } from "./sums.js";

export const IPO_OPTIONS = {
  beta: beta(0.1, "tau of the paper: the margin aimed at is 1 / (2 beta) nats a token.", {
    source: "TRL DPOConfig.beta",
  }),
  ...F_DIVERGENCE_OPTIONS,
} as const;
export type IpoOptions = OptionsOf<typeof IPO_OPTIONS>;

/**
 * Loss [pairs]; 1 / (4 beta^2) where policy equals reference.
 *
 * @example
 * const pairs = pairsFrom({ chosen: [[-1, -2]], rejected: [[-3]], refChosen: [[-2, -2]], refRejected: [[-2]] });
 * const { loss } = ipo(pairs, { beta: 0.5 });
 * // loss = [0.25]
 */
export function ipo(inputs: ReferencedPairInputs, options: Partial<IpoOptions> = {}): LossResult {
  const { beta, ...divergence } = resolveOptions("losses.ipo", IPO_OPTIONS, options);
  const pair = pairRatios("losses.ipo", inputs);
  const chosen = div(divergenceScore(pair.chosenRatio, divergence), rowLength(inputs.chosenMask));
  const rejected = div(divergenceScore(pair.rejectedRatio, divergence), rowLength(inputs.rejectedMask));
  return {
    loss: square(sub(sub(chosen, rejected), 1 / (2 * beta))),
    metrics: ratioMetrics(pair, beta),
  };
}
