/**
 * Variational sequence-level soft policy optimisation: a smooth weight of the whole answer's ratio in place of the clip.
 *
 *   L = sum over rows and tokens of [ -sg(phi(w)) A log pi + beta KL_t ] / all tokens,
 *   phi(w) = w^k e^(lambda (1 - w)),   w = pi(o) / pi_old(o), times the sampler's correction;
 *   k and lambda by the sign of A
 *
 * 2602.10693. As in TRL, log-ratios of tokens are held within +-20 and log w within [log 1e-8, 20].
 *
 * Deviations: 1. the sampler's correction counts real tokens only; TRL adds up masked places too.
 */
import {
  add,
  clamp,
  exp,
  less,
  log,
  maximum,
  mul,
  neg,
  reshape,
  stopGradient,
  sub,
  where,
  constant,
  type Tensor,
} from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { number, resolveOptions, type OptionsOf } from "./options.js";
import { byTokens, GROUP_OPTIONS, policyLoss, type PolicyInputs, type PolicyState } from "./policy.js";
import { rowShare } from "./row-share.js";
import { rowSum } from "./sums.js";

export const VESPO_OPTIONS = {
  vespoKPos: number(2, {
    min: 0,
    doc: "k where the advantage is not negative: how much small ratios count less.",
    source: "VESPO; TRL GRPOConfig",
  }),
  vespoLambdaPos: number(3, {
    above: 0,
    doc: "lambda where the advantage is not negative: how much large ratios count less.",
    source: "VESPO; TRL GRPOConfig",
  }),
  vespoKNeg: number(3, {
    min: 0,
    doc: "k where the advantage is negative.",
    source: "VESPO; TRL GRPOConfig",
  }),
  vespoLambdaNeg: number(2, {
    above: 0,
    doc: "lambda where the advantage is negative.",
    source: "VESPO; TRL GRPOConfig",
  }),
  ...GROUP_OPTIONS,
} as const;
export type VespoOptions = OptionsOf<typeof VESPO_OPTIONS>;

const LEAST = Math.log(1e-8);

/** phi of each row, [rows, 1] (or [rows, tokens] where advantages differ by token). */
function gammaWeight(state: PolicyState, o: VespoOptions): Tensor {
  const { mask, logRatio, advantages, samplingRatio } = state;
  const rows = mask.shape[0]!;
  let logWeight = reshape(rowSum(clamp(logRatio, -20, 20), mask), [rows, 1]);
  if (samplingRatio !== undefined) {
    const logs = clamp(log(maximum(samplingRatio, 1e-8)), LEAST, 20);
    logWeight = add(
      logWeight,
      samplingRatio.shape[1] === mask.shape[1] ? reshape(rowSum(logs, mask), [rows, 1]) : logs,
    );
  }
  logWeight = clamp(logWeight, LEAST, 20);
  const negative = less(advantages, 0);
  const k = where(negative, constant(o.vespoKNeg), o.vespoKPos);
  const lambda = where(negative, constant(o.vespoLambdaNeg), o.vespoLambdaPos);
  return stopGradient(exp(sub(add(lambda, mul(k, logWeight)), mul(lambda, exp(logWeight)))));
}

/**
 * Loss [rows, tokens], zero at masked places; its sum is divided by the number of tokens.
 *
 * @example
 * const inputs = { logps: constant([-1, -2], [1, 2]), oldLogps: constant([-1, -2], [1, 2]), mask: constant(1, [1, 2]) };
 * const { loss } = vespo({ ...inputs, advantages: constant([1], [1]) });
 * // loss = [1, 2]
 */
export function vespo(inputs: PolicyInputs, options: Partial<VespoOptions> = {}): LossResult {
  const resolved = resolveOptions("losses.vespo", VESPO_OPTIONS, options);
  return policyLoss("losses.vespo", inputs, {
    options: resolved,
    aggregate: byTokens,
    surrogate: (state) => {
      const phi = gammaWeight(state, resolved);
      const { value, rule } = rowShare(phi, { mask: state.mask, perRow: true });
      return {
        loss: neg(mul(mul(phi, state.advantages), state.logps)),
        metrics: { "vespo/phi_seq_mean": value },
        metricRules: { "vespo/phi_seq_mean": rule },
        correctsSampling: true,
      };
    },
  });
}
