/**
 * Geometric-mean policy optimisation: GRPO with the geometric mean of the token ratios, clipped in log space.
 *
 *   L = mean over rows of [ -A exp(mean_t c_t) + beta mean_t KL_t ],
 *   c_t = min(log r_t, epsilonHigh) where A >= 0, else max(log r_t, -epsilon)
 *
 * Zhao et al. 2025 (2507.20673), eq. 6.
 */
import {
  add,
  div,
  exp,
  greater,
  less,
  maximum,
  minimum,
  mul,
  neg,
  not,
  reshape,
  where,
  type Tensor,
} from "../tensor/index.js";
import { AttuneError } from "../errors.js";
import { clipMetrics, highOf } from "./clipping.js";
import type { LossResult } from "./contract.js";
import { number, resolveOptions, type OptionsOf } from "./options.js";
import {
  klTerm,
  mergeMetrics,
  PENALTY_OPTIONS,
  policyState,
  tokenMeans,
  type PolicyInputs,
} from "./policy.js";
import { rowLength, rowSum } from "./sums.js";

export const GMPO_OPTIONS = {
  epsilon: number(0.4, {
    above: 0,
    doc: "Log-ratios are clipped at -epsilon.",
    source: "GMPO, section 4.1",
  }),
  epsilonHigh: number(0, {
    min: 0,
    doc: "Log-ratios are clipped at epsilonHigh; 0: the same as epsilon.",
    source: "GMPO: as epsilon",
  }),
  beta: PENALTY_OPTIONS.beta,
  klEstimator: PENALTY_OPTIONS.klEstimator,
} as const;
export type GmpoOptions = OptionsOf<typeof GMPO_OPTIONS>;

/**
 * Loss [rows]; an empty row counts as a row. Takes one advantage a row.
 *
 * @example
 * const inputs = { logps: constant([-1, -2], [1, 2]), oldLogps: constant([-2, -2], [1, 2]), mask: constant(1, [1, 2]) };
 * const { loss } = gmpo({ ...inputs, advantages: constant([1], [1]) });
 * // loss = [-1.2214027581601699]
 */
export function gmpo(inputs: PolicyInputs, options: Partial<GmpoOptions> = {}): LossResult {
  const resolved = resolveOptions("losses.gmpo", GMPO_OPTIONS, options);
  const state = policyState("losses.gmpo", inputs, "token");
  const { mask, logRatio, advantages, samplingRatio } = state;
  const [rows] = mask.shape as [number, number];
  if (advantages.shape[1] !== 1 || (samplingRatio !== undefined && samplingRatio.shape[1] !== 1)) {
    throw new AttuneError("usage", {
      where: "losses.gmpo",
      expected:
        "advantages [rows] and, where given, samplingRatio [rows, 1]: a geometric mean has one weight a row",
      got: "one a token",
    });
  }
  const high = highOf(resolved);
  const clipped = where(
    not(less(advantages, 0)),
    minimum(logRatio, high),
    maximum(logRatio, -resolved.epsilon),
  );
  const column = (x: Tensor): Tensor => reshape(x, [rows]);
  const ratio = exp(div(rowSum(clipped, mask), rowLength(mask)));
  // An empty row has no ratio to move.
  const real = greater(rowSum(mask, mask), 0);
  let loss = where(real, neg(mul(ratio, column(advantages))), 0);
  if (samplingRatio !== undefined) loss = mul(loss, column(samplingRatio));
  const divergence = klTerm("losses.gmpo", inputs, { options: { ...resolved, entropyCoef: 0 }, state });
  if (divergence.penalty !== undefined)
    loss = add(loss, mul(div(rowSum(divergence.penalty, mask), rowLength(mask)), resolved.beta));
  const beyond = { below: less(logRatio, -resolved.epsilon), above: greater(logRatio, high), advantages };
  return {
    loss,
    ...mergeMetrics(
      divergence,
      clipMetrics(state, beyond),
      tokenMeans(inputs.entropies === undefined ? {} : { entropy: inputs.entropies }, mask),
    ),
  };
}
