/** The negative log-likelihood of the chosen completion, as the second term of several pairwise losses. */
import { concat, constant, div, mul, neg, type Tensor } from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { keep, rowCount, rowLength, rowSum } from "./sums.js";

/**
 * weight * NLL as a mean over all tokens of the (accumulated) batch, with TRL's metric `nll_loss`. A weight of 0 leaves
 * the term out and reports 0, as TRL does.
 */
export function nllTerm(
  { logps, mask }: { logps: Tensor; mask: Tensor }, // [rows, tokens]
  weight: number,
): Pick<LossResult, "tokenTerm" | "metrics" | "metricRules"> {
  const mean = div(neg(rowSum(logps, mask)), rowLength(mask));
  if (weight === 0) return { metrics: { nll_loss: constant(0, mean.shape) } };
  return {
    tokenTerm: { loss: mul(keep(logps, mask), -weight), mask },
    metrics: { nll_loss: mean },
    metricRules: { nll_loss: { weight: rowCount(mask) } },
  };
}

/** Two stretches of tokens of the same rows, one after the other. */
export const joinTokens = (a: Tensor, b: Tensor): Tensor => concat([a, b], 1);
