/**
 * Plackett-Luce: the likelihood of a whole ranking, as a sequence of choices of the best among those left.
 *
 *   L = -sum_k (s_k - log sum_{j >= k} e^{s_j}),  items in order of rank, best first; the last choice adds 0
 *
 * Plackett 1975, "The Analysis of Permutations"; Luce 1959. Lists are ragged: masked at the end.
 */
import {
  add,
  concat,
  constant,
  div,
  greater,
  maximum,
  slice,
  softplus,
  sub,
  where,
  type Tensor,
} from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { choice, resolveOptions, type OptionsOf } from "./options.js";
import { keep, rowCount, rowSum } from "./sums.js";

export const PLACKETT_LUCE_OPTIONS = {
  normalize: choice("list", {
    choices: ["list", "choices"],
    doc: "list: a long list weighs more; choices: each list is divided by its number of choices (length - 1).",
    source: "Plackett-Luce: the likelihood itself",
  }),
} as const;
export type PlackettLuceOptions = OptionsOf<typeof PLACKETT_LUCE_OPTIONS>;

export interface RankedInputs {
  readonly rewards: Tensor; // [lists, items], in order of rank, best first
  readonly mask: Tensor; // [lists, items], 0 or 1, items first
}

/** Far below any reward: what masked items count as. */
const NOTHING = -1e9;

/** log(e^a + e^b) = b + softplus(a - b) */
const logAddExp = (a: Tensor, b: Tensor): Tensor => add(b, softplus(sub(a, b)));

/** log of the sum of e^x over each entry and all after it; by doubling, so that no exponential overflows. [lists, items] */
function tailLogSumExp(x: Tensor): Tensor {
  const [lists, items] = x.shape as [number, number];
  let total = x;
  for (let width = 1; width < items; width *= 2) {
    const after = slice(total, 1, { start: width, end: items });
    total = logAddExp(concat([after, constant(NOTHING, [lists, width])], 1), total);
  }
  return total;
}

/**
 * Loss [lists]. A list of one item has nothing to choose and gives 0.
 *
 * @example
 * const { loss } = plackettLuce({ rewards: constant([0, 0, 0], [1, 3]), mask: constant(1, [1, 3]) });
 * // loss = [1.791759469228055]
 */
export function plackettLuce(
  { rewards, mask }: RankedInputs,
  options: Partial<PlackettLuceOptions> = {},
): LossResult {
  const { normalize } = resolveOptions("losses.plackett_luce", PLACKETT_LUCE_OPTIONS, options);
  const scores = where(greater(mask, 0), rewards, NOTHING);
  const list = rowSum(sub(tailLogSumExp(scores), keep(rewards, mask)), mask);
  return { loss: normalize === "list" ? list : div(list, maximum(sub(rowCount(mask), 1), 1)), metrics: {} };
}
