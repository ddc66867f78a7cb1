/**
 * Weighted sums of losses on the same rows (mixed preference optimisation, Wang et al. 2024, 2411.10442; DPO plus NLL).
 * Knows no particular loss.
 */
import { AttuneError } from "../errors.js";
import { add, mul, type Tensor } from "../tensor/index.js";
import type { LossResult } from "./contract.js";

export interface Part {
  readonly result: LossResult;
  readonly weight: number;
}

function weighted(parts: readonly { x: Tensor; weight: number }[]): Tensor {
  const [first, ...rest] = parts.map(({ x, weight }) => (weight === 1 ? x : mul(x, weight)));
  return rest.reduce((a, b) => add(a, b), first!);
}

/**
 * sum of weight * loss. Metrics of earlier parts win over those of later ones under the same name; token terms must
 * count the same tokens.
 *
 * @example
 * const pairs = pairsFrom({ chosen: [[-1, -2]], rejected: [[-3]], refChosen: [[-2, -2]], refRejected: [[-2]] });
 * const { loss } = combine([{ result: hinge(pairs, { beta: 0.25 }), weight: 2 }, { result: ipoSum(pairs, { beta: 0.5 }), weight: 0.5 }]);
 * // loss = [1.5]
 */
export function combine(parts: readonly Part[]): LossResult {
  if (parts.length === 0) {
    throw new AttuneError("usage", { where: "losses.combine", expected: "at least one loss", got: "none" });
  }
  const terms = parts.flatMap(({ result: { tokenTerm }, weight }) =>
    tokenTerm ? [{ x: tokenTerm.loss, weight, mask: tokenTerm.mask }] : [],
  );
  const reversed = parts.toReversed().map(({ result }) => result);
  return {
    loss: weighted(parts.map(({ result, weight }) => ({ x: result.loss, weight }))),
    tokenTerm: terms.length === 0 ? undefined : { loss: weighted(terms), mask: terms[0]!.mask },
    metrics: Object.assign({}, ...reversed.map((r) => r.metrics)) as LossResult["metrics"],
    metricRules: Object.assign({}, ...reversed.map((r) => r.metricRules)) as LossResult["metricRules"],
    state: Object.assign({}, ...reversed.map((r) => r.state)) as LossResult["state"],
  };
}
