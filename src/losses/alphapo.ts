/**
 * AlphaPO: SimPO with another shape of reward, which bends how fast likelihood is displaced. No reference model.
 *
 *   L = -log sigmoid(beta (r(chosen) - r(rejected)) - gamma),  r = (1 - p^-alpha) / alpha,
 *   log p = mean log-probability of a token; alpha = 0 is SimPO
 *
 * Gupta et al. 2025, "AlphaPO: Reward Shape Matters for LLM Alignment" (2501.03884).
 *
 * Deviations: 1. the exponent -alpha log p is capped at 80, where float32 would overflow. 2. An empty completion
 * counts as of length 1.
 */
import { div, exp, minimum, mul, sub, type Tensor } from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { smoothedLogistic } from "./numerics.js";
import { beta, number, resolveOptions, type OptionsOf } from "./options.js";
import { pairMetrics, pairSums, type PairInputs } from "./pairs.js";
import { SIMPO_OPTIONS } from "./simpo.js";
import { rowLength } from "./sums.js";

export const ALPHAPO_OPTIONS = {
  ...SIMPO_OPTIONS,
  beta: beta(2.5, "Scale of the reward.", { source: "AlphaPO, table 3, Mistral-Instruct" }),
  simpoGamma: number(0.1, {
    min: 0,
    doc: "Target margin between the rewards.",
    source: "AlphaPO, table 3, Mistral-Instruct",
  }),
  alpha: number(0.25, {
    doc: "Shape of the reward; 0 is SimPO's.",
    source: "AlphaPO, table 3, Mistral-Instruct",
  }),
} as const;
export type AlphapoOptions = OptionsOf<typeof ALPHAPO_OPTIONS>;

const EXPONENT_CAP = 80;

function shaped(logp: Tensor, alpha: number): Tensor {
  if (alpha === 0) return logp;
  return mul(sub(1, exp(minimum(mul(logp, -alpha), EXPONENT_CAP))), 1 / alpha);
}

/**
 * Loss [pairs].
 *
 * @example
 * const { loss } = alphapo(pairsFrom({ chosen: [[-1, -2]], rejected: [[-3]] }), { beta: 2, simpoGamma: 1, alpha: 0 });
 * // loss = [0.1269280110429726]
 */
export function alphapo(inputs: PairInputs, options: Partial<AlphapoOptions> = {}): LossResult {
  const { beta, simpoGamma, labelSmoothing, alpha } = resolveOptions(
    "losses.alphapo",
    ALPHAPO_OPTIONS,
    options,
  );
  const sums = pairSums("losses.alphapo", inputs);
  const logps = {
    chosen: div(sums.chosen, rowLength(inputs.chosenMask)),
    rejected: div(sums.rejected, rowLength(inputs.rejectedMask)),
  };
  const chosen = mul(shaped(logps.chosen, alpha), beta);
  const rejected = mul(shaped(logps.rejected, alpha), beta);
  return {
    loss: smoothedLogistic(sub(sub(chosen, rejected), simpoGamma), labelSmoothing),
    metrics: pairMetrics({ chosen, rejected }, logps),
  };
}
