/**
 * Which rows and tokens a policy loss keeps: rows that are not too far off policy, tokens of high entropy. No gradient
 * flows through either.
 */
import {
  cast,
  div,
  greater,
  less,
  maximum,
  minimum,
  mul,
  neg,
  add,
  not,
  or,
  reshape,
  sort,
  stopGradient,
  sub,
  sum,
  takeAlong,
  where,
  type Tensor,
} from "../tensor/index.js";
import { keep, rowLength, rowSum } from "./sums.js";

interface Drift {
  mask: Tensor; // [rows, tokens]
  logps: Tensor; // [rows, tokens], kept
  logRatio: Tensor; // [rows, tokens], log policy - log old
  advantages: Tensor; // [rows, 1] or [rows, tokens]
  samplingLogps: Tensor | undefined; // [rows, tokens]
}

/** 0 for rows with a negative advantage whose mean of sampler - policy log-probability passes the threshold. */
export function keptRows(
  { mask, logps, logRatio, advantages, samplingLogps }: Drift,
  threshold: number,
): Tensor {
  const drift = samplingLogps === undefined ? neg(logRatio) : sub(keep(samplingLogps, mask), logps);
  const mean = reshape(div(rowSum(stopGradient(drift), mask), rowLength(mask)), [mask.shape[0]!, 1]);
  return cast(or(not(less(advantages, 0)), not(greater(mean, threshold))), "float32");
}

/** Larger than any entropy: masked places sort last. */
const LAST = 1e30;

/**
 * 1 where the entropy is among the top share of all real tokens of the batch, ties at the edge included; the edge is
 * interpolated linearly, as torch.quantile's.
 */
export function topEntropy(given: Tensor, mask: Tensor, { share }: { share: number }): Tensor {
  const entropies = stopGradient(given);
  const size = mask.shape[0]! * mask.shape[1]!;
  const sorted = sort(reshape(where(greater(mask, 0), entropies, LAST), [1, size])).values;
  const last = maximum(sub(sum(mask), 1), 0);
  const at = mul(last, 1 - share);
  const below = cast(at, "int32");
  const above = cast(minimum(add(cast(below, "float32"), 1), last), "int32");
  const entry = (index: Tensor): Tensor => takeAlong(sorted, reshape(index, [1, 1]));
  const low = entry(below);
  const edge = add(low, mul(sub(entry(above), low), sub(at, cast(below, "float32"))));
  return cast(not(less(keep(entropies, mask), edge)), "float32");
}
