/**
 * RLOO's loss: REINFORCE on whole answers, with a clipped ratio for several updates a rollout.
 *
 *   L = -min(w A, clip(w, 1 - eps, 1 + eps_high) A),   w = pi(o) / pi_old(o), not normalised by length
 *
 * Ahmadian et al. 2024 (2402.14740), section 3.3; the clip is TRL's. A is the reward, less k1 against the reference,
 * less the mean of the prompt's other answers (`leaveOneOut`).
 */
import {
  clamp,
  exp,
  greater,
  less,
  maximum,
  mul,
  neg,
  reshape,
  sub,
  stopGradient,
  type Tensor,
} from "../tensor/index.js";
import { clipMetrics, highOf } from "./clipping.js";
import type { LossResult } from "./contract.js";
import { number, resolveOptions, type OptionsOf } from "./options.js";
import { checkPolicyShapes, mergeMetrics, tokenMeans, type PolicyInputs } from "./policy.js";
import { klDiagnostics } from "./kl.js";
import { keep, rowSum } from "./sums.js";
import { AttuneError } from "../errors.js";

export const RLOO_OPTIONS = {
  epsilon: number(0.2, {
    above: 0,
    below: 1,
    doc: "The ratio is clipped at 1 - epsilon.",
    source: "TRL RLOOConfig.epsilon",
  }),
  epsilonHigh: number(0, {
    min: 0,
    doc: "The ratio is clipped at 1 + epsilonHigh; 0: the same as epsilon.",
    source: "TRL RLOOConfig: as epsilon",
  }),
} as const;
export type RlooOptions = OptionsOf<typeof RLOO_OPTIONS>;

export interface RlooInputs extends Omit<PolicyInputs, "oldLogps"> {
  /** [rows, tokens], or [rows] already summed. Default: the policy's own, held fixed. */
  readonly oldLogps?: Tensor;
}

/**
 * Loss [rows]; an empty row counts as a row. Takes one advantage a row.
 *
 * @example
 * const inputs = { logps: constant([-1, -2], [1, 2]), oldLogps: constant([-3.1], [1]), mask: constant(1, [1, 2]) };
 * const { loss } = rloo({ ...inputs, advantages: constant([2], [1]) });
 * // loss = [-2.2103418361512953]
 */
export function rloo(inputs: RlooInputs, options: Partial<RlooOptions> = {}): LossResult {
  const resolved = resolveOptions("losses.rloo", RLOO_OPTIONS, options);
  const { oldLogps, ...others } = inputs;
  const { mask } = inputs;
  const summed = oldLogps !== undefined && oldLogps.shape.length === 1;
  checkPolicyShapes("losses.rloo", { ...others, ...(summed || !oldLogps ? {} : { oldLogps }) });
  if (inputs.samplingRatio !== undefined && inputs.samplingRatio.shape[1] !== 1) {
    throw new AttuneError("usage", {
      where: "losses.rloo: samplingRatio",
      expected: "one a row: the action is the whole answer",
      got: "one a token",
    });
  }
  if (inputs.advantages.shape.length !== 1) {
    throw new AttuneError("usage", {
      where: "losses.rloo: advantages",
      expected: "one a row: the action is the whole answer",
      got: "one a token",
    });
  }
  const advantages = stopGradient(inputs.advantages);
  const correction = inputs.samplingRatio && stopGradient(reshape(inputs.samplingRatio, [mask.shape[0]!]));
  const logps = rowSum(inputs.logps, mask);
  const old = stopGradient(oldLogps === undefined ? logps : summed ? oldLogps : rowSum(oldLogps, mask));
  const ratio = exp(clamp(sub(logps, old), -80, 80));
  const high = highOf(resolved);
  const held = clamp(ratio, 1 - resolved.epsilon, 1 + high);
  const column = (x: Tensor): Tensor => reshape(x, [x.shape[0]!, 1]);
  const surrogate = maximum(neg(mul(ratio, advantages)), neg(mul(held, advantages)));
  const loss = correction === undefined ? surrogate : mul(surrogate, correction);
  // The penalty itself is in the advantages.
  const distance = inputs.refLogps && klDiagnostics(keep(inputs.logps, mask), keep(inputs.refLogps, mask));
  return {
    loss,
    ...mergeMetrics(
      { metrics: { policy_loss: loss }, metricRules: {} },
      clipMetrics(
        { mask, perRow: true },
        {
          below: less(column(ratio), 1 - resolved.epsilon),
          above: greater(column(ratio), 1 + high),
          advantages: column(advantages),
        },
      ),
      tokenMeans({ ...(inputs.entropies && { entropy: inputs.entropies }), ...distance }, mask),
    ),
  };
}
