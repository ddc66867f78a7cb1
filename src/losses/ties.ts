/**
 * Reward models that know ties: Rao-Kupper and Davidson, two ways to give a tie its own probability.
 *
 *   Rao-Kupper: P(a > b) = e^a / (e^a + t e^b),  P(tie) = (t^2 - 1) e^a e^b / ((e^a + t e^b) (e^b + t e^a)),  t = e^logTheta
 *   Davidson:   P(a > b) = e^a / Z,  P(tie) = nu sqrt(e^a e^b) / Z,  Z = e^a + e^b + nu sqrt(e^a e^b),  nu = e^logNu
 *
 * Rao and Kupper 1967, "Ties in Paired-Comparison Experiments"; Davidson 1970, "On Extending the Bradley-Terry Model to
 * Accommodate Ties". The tie parameter is learned or given; logTheta must be above 0.
 */
import {
  add,
  concat,
  exp,
  logSoftmax,
  mul,
  neg,
  reshape,
  slice,
  softplus,
  sub,
  take,
  type Tensor,
} from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { log1mexp } from "./numerics.js";

export interface TieInputs {
  readonly rewardsA: Tensor; // [pairs]
  readonly rewardsB: Tensor; // [pairs]
  readonly outcome: Tensor; // [pairs] int32: 0 a wins, 1 b wins, 2 tie
}

const columns = (parts: readonly Tensor[]): Tensor =>
  concat(
    parts.map((x) => reshape(x, [-1, 1])),
    1,
  );

/** logps [pairs, 3]: a wins, b wins, tie. */
function outcomeLoss(logps: Tensor, { rewardsA, rewardsB, outcome }: TieInputs): LossResult {
  const p = exp(logps);
  const column = (at: number): Tensor => reshape(slice(p, 1, { start: at, end: at + 1 }), [-1]);
  return {
    loss: neg(take(logps, outcome)),
    metrics: {
      margin: sub(rewardsA, rewardsB),
      "probability/a": column(0),
      "probability/b": column(1),
      "probability/tie": column(2),
    },
  };
}

/**
 * Rao-Kupper. Loss [pairs]; logTheta [].
 *
 * @example
 * const even = { rewardsA: constant(0, [1]), rewardsB: constant(0, [1]), outcome: constant([2], [1], "int32") };
 * const { loss } = raoKupper({ ...even, logTheta: constant(Math.log(3)) });
 * // loss = [0.6931471805599453]
 */
export function raoKupper(inputs: TieInputs & { readonly logTheta: Tensor }): LossResult {
  const { rewardsA: a, rewardsB: b, logTheta } = inputs;
  const aWins = neg(softplus(add(sub(b, a), logTheta)));
  const bWins = neg(softplus(add(sub(a, b), logTheta)));
  // log(t^2 - 1) = 2 logTheta + log(1 - e^(-2 logTheta))
  const twice = mul(logTheta, 2);
  const tie = add(add(twice, log1mexp(neg(twice))), add(aWins, bWins));
  return outcomeLoss(columns([aWins, bWins, tie]), inputs);
}

/**
 * Davidson. Loss [pairs]; logNu [].
 *
 * @example
 * const even = { rewardsA: constant(0, [1]), rewardsB: constant(0, [1]), outcome: constant([2], [1], "int32") };
 * const { loss } = davidson({ ...even, logNu: constant(Math.log(2)) });
 * // loss = [0.6931471805599453]
 */
export function davidson(inputs: TieInputs & { readonly logNu: Tensor }): LossResult {
  const { rewardsA: a, rewardsB: b, logNu } = inputs;
  return outcomeLoss(logSoftmax(columns([a, b, add(mul(add(a, b), 0.5), logNu)])), inputs);
}
