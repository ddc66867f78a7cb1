/**
 * Simple preference optimisation: the logistic loss of the mean log-probability of a token, with a target margin. No
 * reference model, and no NLL term (that is CPO-SimPO).
 *
 *   L = -(1 - s) log sigmoid(x) - s log sigmoid(-x),
 *   x = beta (log pi(chosen) / |chosen| - log pi(rejected) / |rejected|) - gamma
 *
 * Meng et al. 2024 (2405.14734), eq. 6.
 *
 * Deviations: 1. an empty completion counts as of length 1; TRL gives NaN.
 */
import { div, mul, sub } from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { smoothedLogistic } from "./numerics.js";
import { beta, number, resolveOptions, type OptionsOf } from "./options.js";
import { pairMetrics, pairSums, type PairInputs } from "./pairs.js";
import { rowLength } from "./sums.js";

export const SIMPO_OPTIONS = {
  beta: beta(2, "Scale of the reward; it is a mean over tokens, so that it is larger than DPO's.", {
    source: "SimPO's README: 2.0 or 2.5",
  }),
  simpoGamma: number(1, {
    min: 0,
    doc: "Target margin between the rewards; the paper tunes gamma / beta, about 0.5.",
    source: "SimPO's README: gamma / beta = 0.5 to start with",
  }),
  labelSmoothing: number(0, {
    min: 0,
    below: 0.5,
    doc: "Probability that a preference is the wrong way round.",
    source: "SimPO: none",
  }),
} as const;
export type SimpoOptions = OptionsOf<typeof SIMPO_OPTIONS>;

/**
 * Loss [pairs].
 *
 * @example
 * const { loss } = simpo(pairsFrom({ chosen: [[-1, -2]], rejected: [[-3]] }), { beta: 2, simpoGamma: 1 });
 * // loss = [0.1269280110429726]
 */
export function simpo(inputs: PairInputs, options: Partial<SimpoOptions> = {}): LossResult {
  const { beta, simpoGamma, labelSmoothing } = resolveOptions("losses.simpo", SIMPO_OPTIONS, options);
  const sums = pairSums("losses.simpo", inputs);
  const chosen = div(sums.chosen, rowLength(inputs.chosenMask));
  const rejected = div(sums.rejected, rowLength(inputs.rejectedMask));
  return {
    loss: smoothedLogistic(sub(mul(sub(chosen, rejected), beta), simpoGamma), labelSmoothing),
    metrics: pairMetrics({ chosen: mul(chosen, beta), rejected: mul(rejected, beta) }, { chosen, rejected }),
  };
}
