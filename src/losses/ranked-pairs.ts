/**
 * All pairs of a ranked list under Bradley-Terry, as InstructGPT trains its reward model.
 *
 *   L = mean over the K (K - 1) / 2 pairs i < j of -log sigmoid(s_i - s_j), items in order of rank, best first
 *
 * Ouyang et al. 2022 (2203.02155), eq. 1. Lists are ragged: masked at the end.
 */
import { constant, div, maximum, mul, neg, reshape, softplus, sub, sum } from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import type { RankedInputs } from "./plackett-luce.js";
import { keep } from "./sums.js";

/**
 * Loss [lists]. A list of one item has no pair and gives 0.
 *
 * @example
 * const { loss } = rankedPairs({ rewards: constant([1, 0], [1, 2]), mask: constant(1, [1, 2]) });
 * // loss = [0.3132616875182228]
 */
export function rankedPairs({ rewards, mask }: RankedInputs): LossResult {
  const items = rewards.shape[1]!;
  const scores = keep(rewards, mask);
  const gap = sub(reshape(scores, [-1, items, 1]), reshape(scores, [-1, 1, items])); // [lists, better, worse]
  const above = Array.from({ length: items * items }, (_, i) => (i % items > Math.floor(i / items) ? 1 : 0));
  const both = mul(reshape(mask, [-1, items, 1]), reshape(mask, [-1, 1, items]));
  const weight = mul(both, constant(above, [1, items, items]));
  const pairs = maximum(sum(weight, { axes: [1, 2] }), 1);
  return { loss: div(sum(mul(softplus(neg(gap)), weight), { axes: [1, 2] }), pairs), metrics: {} };
}
