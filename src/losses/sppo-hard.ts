/**
 * Self-play preference optimisation with hard labels: each log-ratio is pulled to its own target.

 *   L = (log pi/ref (chosen) - 1 / (2 beta))^2 + (log pi/ref (rejected) + 1 / (2 beta))^2

 * Wu et al. 2024 (2405.00675), eq. 4.7 with P = 1 for the winner and 0 for the loser, as TRL.
 */
import { add, square, sub } from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { beta, resolveOptions, type OptionsOf } from "./options.js";
import { pairRatios, ratioMetrics, type ReferencedPairInputs } from "./pairs.js";

export const SPPO_HARD_OPTIONS = {
  beta: beta(0.1, "Targets are +-1 / (2 beta) nats a completion.", {
    source: "TRL DPOConfig.beta",
  }),
} as const;
export type SppoHardOptions = OptionsOf<typeof SPPO_HARD_OPTIONS>;

/**
 * Loss [pairs]; 1 / (2 beta^2) where policy equals reference.
 *
 * @example
 * const pairs = pairsFrom({ chosen: [[-1, -2]], rejected: [[-3]], refChosen: [[-2, -2]], refRejected: [[-2]] });
 * const { loss } = sppoHard(pairs, { beta: 0.5 });
 * // loss = [0]
 */
export function sppoHard(inputs: ReferencedPairInputs, options: Partial<SppoHardOptions> = {}): LossResult {
  const { beta } = resolveOptions("losses.sppo_hard", SPPO_HARD_OPTIONS, options);
  const pair = pairRatios("losses.sppo_hard", inputs);
  const target = 0.5 / beta;
  return {
    loss: add(square(sub(pair.chosenRatio, target)), square(add(pair.rejectedRatio, target))),
    metrics: ratioMetrics(pair, beta),
  };
}
