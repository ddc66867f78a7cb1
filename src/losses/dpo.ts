/**
 * Direct preference optimisation: the logistic loss of the policy's own implicit reward. TRL's name: `sigmoid`.
 *
 *   L = -(1 - s) log sigmoid(beta d) - s log sigmoid(-beta d),
 *   d = f(log pi/ref (chosen)) - f(log pi/ref (rejected)), f the identity for the reverse KL
 *
 * Rafailov et al. 2023 (2305.18290), eq. 7. s > 0 is conservative DPO (Mitchell 2023, "A note on DPO with noisy
 * preferences", https://ericmitchell.ai/cdpo.pdf), f other than the identity is f-DPO (`f-divergence.ts`).
 * Step-DPO (2406.18629) is this loss with masks that cover the differing step only; SPIN (2401.01335), with the last
 * iterate's answer as the rejected one and as the reference model; zeros as reference make it reference-free.
 *
 * Deviations: 1. `labelSmoothing` works, as in TRL up to 0.11; TRL 1.16 ignores it here.
 */
import { mul, sub } from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { divergenceScore, F_DIVERGENCE_OPTIONS } from "./f-divergence.js";
import { smoothedLogistic } from "./numerics.js";
import { beta, number, resolveOptions, type OptionsOf } from "./options.js";
import { ratioMetrics, pairRatios, type ReferencedPairInputs } from "./pairs.js";

export const DPO_OPTIONS = {
  beta: beta(0.1, "Strength of the pull towards the reference; larger stays closer.", {
    source: "DPO, appendix B",
  }),
  labelSmoothing: number(0, {
    min: 0,
    below: 0.5,
    doc: "Probability that a preference is the wrong way round (cDPO).",
    source: "DPO: none",
  }),
  ...F_DIVERGENCE_OPTIONS,
} as const;
export type DpoOptions = OptionsOf<typeof DPO_OPTIONS>;

/**
 * Loss [pairs]; ln 2 where policy equals reference.
 *
 * @example
 * const pairs = pairsFrom({ chosen: [[-1, -2]], rejected: [[-3]], refChosen: [[-2, -2]], refRejected: [[-2]] });
 * const { loss } = dpo(pairs, { beta: 0.5 });
 * // loss = [0.3132616875182228]
 */
export function dpo(inputs: ReferencedPairInputs, options: Partial<DpoOptions> = {}): LossResult {
  const { beta, labelSmoothing, ...divergence } = resolveOptions("losses.sigmoid", DPO_OPTIONS, options);
  const pair = pairRatios("losses.sigmoid", inputs);
  const delta = sub(
    divergenceScore(pair.chosenRatio, divergence),
    divergenceScore(pair.rejectedRatio, divergence),
  );
  return {
    loss: smoothedLogistic(mul(delta, beta), labelSmoothing),
    metrics: ratioMetrics(pair, beta),
  };
}
