/**
 * From unreduced losses and per-row metrics to what a loop trains and prints: sums divided by global counts, so that
 * k micro-batches equal one batch. Knows no loss.
 */
import {
  add,
  constant,
  div,
  greater,
  max,
  maximum,
  mul,
  neg,
  reshape,
  sum,
  where,
  type Operand,
  type Tensor,
} from "../tensor/index.js";
import type { LossResult, MetricRule } from "./contract.js";

export interface Counts {
  /** [rows], 0 for rows that only fill up the batch. Default: all real. */
  rowMask?: Tensor;
  /** Real rows of all accumulated micro-batches. Default: those of this batch. */
  rows?: Operand;
  /** Real tokens of all accumulated micro-batches. Default: those of this batch. */
  tokens?: Operand;
  /** [rows, tokens], for losses per token: which are real. Needed only where `tokens` is not given. */
  tokenMask?: Tensor;
}

/** x where the row is real, else 0. [rows] or [rows, tokens] */
function realRows(x: Tensor, rowMask: Tensor | undefined): Tensor {
  if (rowMask === undefined) return x;
  const real = greater(rowMask, 0);
  return where(x.shape.length === 1 ? real : reshape(real, [rowMask.shape[0]!, 1]), x, 0);
}

const atLeastOne = (count: Operand): Operand =>
  typeof count === "number" ? Math.max(count, 1) : maximum(count, 1);

/** The scalar to differentiate; 0 where nothing is real. */
export function reduceLoss(result: LossResult, counts: Counts = {}): Tensor {
  const { loss, tokenTerm } = result;
  const { rowMask } = counts;
  const perToken = (x: Tensor, mask = constant(1, x.shape)): Tensor =>
    div(sum(realRows(x, rowMask)), atLeastOne(counts.tokens ?? sum(realRows(mask, rowMask))));
  if (loss.shape.length === 2) return perToken(loss, counts.tokenMask);
  const rows = counts.rows ?? (rowMask === undefined ? loss.shape[0]! : sum(rowMask));
  const main = div(sum(realRows(loss, rowMask)), atLeastOne(rows));
  return tokenTerm === undefined ? main : add(main, perToken(tokenTerm.loss, tokenTerm.mask));
}

/** One metric of one batch: for a mean, `total / weight` after both are added over batches. */
export interface MetricTotal {
  readonly total: Tensor; // []
  readonly weight: Tensor; // []
  readonly reduce: "mean" | "min" | "max";
}

/** Below every float32 number that a metric takes. */
const LOWEST = -3.4e38;

function totalOf(x: Tensor, { weight, reduce = "mean" }: MetricRule, rowMask?: Tensor): MetricTotal {
  const ones = constant(1, x.shape);
  const w = realRows(weight ?? ones, rowMask);
  if (reduce === "mean") return { total: sum(where(greater(w, 0), mul(x, w), 0)), weight: sum(w), reduce };
  const real = greater(w, 0);
  const extreme = reduce === "max" ? max(where(real, x, LOWEST)) : neg(max(where(real, neg(x), LOWEST)));
  return { total: extreme, weight: sum(w), reduce };
}

/** Every metric as a total and a weight, to be added up over micro-batches (`finishMetrics`). */
export function metricTotals(
  result: LossResult,
  { rowMask }: Pick<Counts, "rowMask"> = {},
): Record<string, MetricTotal> {
  return Object.fromEntries(
    Object.entries(result.metrics).map(([name, x]) => [
      name,
      totalOf(x, result.metricRules?.[name] ?? {}, rowMask),
    ]),
  );
}

export interface MetricNumbers {
  readonly total: number;
  readonly weight: number;
  readonly reduce: "mean" | "min" | "max";
}

/**
 * The metrics of several batches together. One whose weight is 0 everywhere is left out; so is a difference that
 * misses a part.
 */
export function finishMetrics(
  batches: readonly Readonly<Record<string, MetricNumbers>>[],
  differences: Readonly<Record<string, readonly [string, string]>> = {},
): Record<string, number> {
  const values: Record<string, number> = {};
  for (const name of new Set(batches.flatMap((batch) => Object.keys(batch)))) {
    const parts = batches.flatMap((batch) => (batch[name] && batch[name].weight > 0 ? [batch[name]] : []));
    if (parts.length === 0) continue;
    const totals = parts.map((part) => part.total);
    if (parts[0]!.reduce === "mean") {
      values[name] = totals.reduce((a, b) => a + b, 0) / parts.reduce((n, part) => n + part.weight, 0);
    } else values[name] = parts[0]!.reduce === "max" ? Math.max(...totals) : Math.min(...totals);
  }
  for (const [name, [a, b]] of Object.entries(differences)) {
    if (values[a] !== undefined && values[b] !== undefined) values[name] = values[a] - values[b];
  }
  return values;
}
