/**
 * SLiC's hinge on the DPO reward: no push once the margin is reached.

 *   L = max(0, 1 - beta d),  d = f(log pi/ref (chosen)) - f(log pi/ref (rejected))

 * Zhao et al. 2023, SLiC-HF (2305.10425), section 2, on DPO's rewards as in TRL.
 * f other than the identity: `f-divergence.ts`.
 */
import { mul, relu, sub } from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { divergenceScore, F_DIVERGENCE_OPTIONS } from "./f-divergence.js";
import { beta, resolveOptions, type OptionsOf } from "./options.js";
import { pairRatios, ratioMetrics, type ReferencedPairInputs } from "./pairs.js";

export const HINGE_OPTIONS = {
  beta: beta(0.1, "Strength of the pull towards the reference; larger stays closer.", {
    source: "TRL DPOConfig.beta",
  }),
  ...F_DIVERGENCE_OPTIONS,
} as const;
export type HingeOptions = OptionsOf<typeof HINGE_OPTIONS>;

/**
 * Loss [pairs]; 1 where policy equals reference.
 *
 * @example
 * const pairs = pairsFrom({ chosen: [[-1, -2]], rejected: [[-3]], refChosen: [[-2, -2]], refRejected: [[-2]] });
 * const { loss } = hinge(pairs, { beta: 0.5 });
 * // loss = [0]
 */
export function hinge(inputs: ReferencedPairInputs, options: Partial<HingeOptions> = {}): LossResult {
  const { beta, ...divergence } = resolveOptions("losses.hinge", HINGE_OPTIONS, options);
  const pair = pairRatios("losses.hinge", inputs);
  const delta = sub(
    divergenceScore(pair.chosenRatio, divergence),
    divergenceScore(pair.rejectedRatio, divergence),
  );
  return { loss: relu(sub(1, mul(delta, beta))), metrics: ratioMetrics(pair, beta) };
}
