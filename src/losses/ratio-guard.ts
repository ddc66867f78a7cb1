/**
 * Skips a batch whose policy has left the one that sampled it: where the mean importance ratio passes a bound, the loss
 * is 0. TRL 0.11's `ratio_threshold`. Knows no loss.
 */
import { div, exp, greater, maximum, sum, where, type Tensor } from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { policyState, type PolicyInputs } from "./policy.js";
import { keep } from "./sums.js";

/** 1 where the mean ratio over real tokens is beyond the bound, else 0. [] bool */
function beyond(inputs: PolicyInputs, threshold: number): Tensor {
  const { logRatio, mask } = policyState("losses.guardRatio", inputs, "token");
  return greater(div(sum(keep(exp(logRatio), mask)), maximum(sum(mask), 1)), threshold);
}

/**
 * The result with its losses (and metrics named `loss/...`) 0 where the mean ratio of the batch passes
 * `ratioThreshold` (TRL: 10). Looks across rows: k micro-batches are judged one by one.
 *
 * @example
 * const inputs = { logps: constant([0], [1, 1]), oldLogps: constant([-9], [1, 1]), mask: constant(1, [1, 1]) };
 * const all = { ...inputs, advantages: constant([1], [1]) };
 * const { loss } = guardRatio(ppo(all), all, { ratioThreshold: 10 });
 * // loss = [0]
 */
export function guardRatio(
  result: LossResult,
  inputs: PolicyInputs,
  { ratioThreshold = 10 }: { ratioThreshold?: number } = {},
): LossResult {
  const skip = beyond(inputs, ratioThreshold);
  const metrics = Object.entries(result.metrics).map(([name, x]) => [
    name,
    name.startsWith("loss/") ? where(skip, 0, x) : x,
  ]);
  return {
    ...result,
    loss: where(skip, 0, result.loss),
    ...(result.tokenTerm && {
      tokenTerm: { mask: result.tokenTerm.mask, loss: where(skip, 0, result.tokenTerm.loss) },
    }),
    metrics: Object.fromEntries(metrics) as LossResult["metrics"],
  };
}
