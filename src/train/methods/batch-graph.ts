/**
 * From a Batch to the tensors that losses want: graph inputs, feeds, and log-probabilities by completion.
 * Shared by every method that trains on completions; knows no loss.
 */
import type { Batch } from "../../data/index.js";
import {
  type AttentionPlan,
  causalPlan,
  hiddenStates,
  type Recompute,
  targetLogProbs,
  targetStats,
  tokenInputs,
  type TokenInputs,
} from "../../models/index.js";
import {
  div,
  gather,
  type HostTensor,
  input,
  maximum,
  mul,
  reshape,
  slice,
  sum,
  type Tensor,
  type Tree,
} from "../../tensor/index.js";
import { tokenKeys } from "../dropout.js";
import type { BoundModel } from "../policy.js";
import type { Feeds } from "../trainer.js";

const plans = new WeakMap<Batch, AttentionPlan>();

/** Says which blocks of attention to compute for a batch; they must cover those that it needs. */
export function usePlan(batch: Batch, plan: AttentionPlan): void {
  plans.set(batch, plan);
}

/** Which blocks of attention are computed for a batch; part of its shape. Default: all causal ones. */
export const planOf = (batch: Batch): AttentionPlan => plans.get(batch) ?? causalPlan(batch.length);

export function shapeOf(batch: Batch): string {
  const blocks = planOf(batch)
    .queries.map((q) => q.keys.join("."))
    .join("/");
  return [
    batch.rows,
    batch.length,
    batch.targets,
    batch.sequences,
    batch.width,
    batch.completionsPerGroup,
    blocks,
  ].join("x");
}

const int32 = (shape: readonly number[], data: Int32Array): HostTensor => ({ shape, dtype: "int32", data });
const float32 = (shape: readonly number[], data: Float32Array): HostTensor => ({
  shape,
  dtype: "float32",
  data,
});

/** Arrays of a batch under the names of `batchInputs`, each behind `prefix`. */
export function feedsOf(batch: Batch, prefix = ""): Feeds {
  const { rows, length, targets, sequences, width, groups } = batch;
  const feeds: Record<string, HostTensor> = {
    inputIds: int32([rows, length], batch.inputIds),
    positions: int32([rows, length], batch.positions),
    segments: int32([rows, length], batch.segments),
    parents: int32([rows, length], batch.parents),
    sources: int32([targets], batch.sources),
    labels: int32([targets], batch.labels),
    grid: int32([sequences, width], batch.grid),
    gridMask: float32([sequences, width], batch.gridMask),
    ends: int32([sequences], batch.ends),
    groupMask: float32([groups], groupMask(batch)),
    tokenKeys: float32([2, rows * length], tokenKeys(batch)),
  };
  for (const [name, data] of Object.entries(batch.values)) feeds[`values:${name}`] = float32([groups], data);
  return Object.fromEntries(Object.entries(feeds).map(([name, value]) => [prefix + name, value]));
}

function groupMask({ groups, completionsPerGroup, sequenceMask }: Batch): Float32Array {
  return Float32Array.from({ length: groups }, (_, g) => sequenceMask[g * completionsPerGroup]!);
}

export interface BatchTensors {
  tokens: TokenInputs;
  sources: Tensor; // int32 [targets]
  labels: Tensor; // int32 [targets]
  grid: Tensor; // int32 [sequences, width]
  gridMask: Tensor; // [sequences, width]
  ends: Tensor; // int32 [sequences]
  groupMask: Tensor; // [groups]
  tokenKeys: Tensor; // [2, rows * length], for dropout
  values: Readonly<Record<string, Tensor>>; // each [groups]
  plan: AttentionPlan;
  completionsPerGroup: number;
  /** All of them by name, for the graph. */
  inputs: Tree;
}

export function batchInputs(batch: Batch, prefix = ""): BatchTensors {
  const { rows, length, targets, sequences, width, groups } = batch;
  const of = (name: string, shape: readonly number[], dtype: "int32" | "float32"): Tensor =>
    input(prefix + name, shape, dtype);
  const raw = prefix === "" ? tokenInputs(rows, length) : undefined;
  const token = (name: keyof TokenInputs): Tensor => raw?.[name] ?? of(name, [rows, length], "int32");
  const tokens: TokenInputs = {
    inputIds: token("inputIds"),
    positions: token("positions"),
    segments: token("segments"),
    parents: token("parents"),
  };
  const rest = {
    sources: of("sources", [targets], "int32"),
    labels: of("labels", [targets], "int32"),
    grid: of("grid", [sequences, width], "int32"),
    gridMask: of("gridMask", [sequences, width], "float32"),
    ends: of("ends", [sequences], "int32"),
    groupMask: of("groupMask", [groups], "float32"),
    tokenKeys: of("tokenKeys", [2, rows * length], "float32"),
  };
  const values = Object.fromEntries(
    Object.keys(batch.values).map((name) => [name, of(`values:${name}`, [groups], "float32")]),
  );
  const named = {
    ...tokens,
    ...rest,
    ...Object.fromEntries(Object.entries(values).map(([name, t]) => [`values:${name}`, t])),
  };
  const inputs = Object.fromEntries(Object.entries(named).map(([name, t]) => [prefix + name, t]));
  return {
    tokens,
    ...rest,
    values,
    plan: planOf(batch),
    completionsPerGroup: batch.completionsPerGroup,
    inputs,
  };
}

/** Hidden states of all tokens, [rows * length, hidden]. */
export const hiddenOf = (bound: BoundModel, b: BatchTensors, recompute: Recompute): Tensor =>
  hiddenStates(bound.model, b.tokens, {
    adapters: bound.dropped ? bound.dropped(b.tokenKeys) : bound.adapters,
    plan: b.plan,
    recompute,
  });

/**
 * log p of every trained token of every completion, [sequences, width]; junk where `gridMask` is 0. `temperature`: that of
 * the sampler whose answers they are.
 */
export function completionLogps(
  bound: BoundModel,
  b: BatchTensors,
  { hidden, temperature = 1 }: { hidden: Tensor; temperature?: number | undefined },
): Tensor {
  return gather(targetLogProbs(bound.model, hidden, { ...b, head: { scale: 1 / temperature } }), b.grid);
}

/** The k-th completion of every group: [sequences, width] -> [groups, width]. */
export function completionOf(x: Tensor, k: number, perGroup: number): Tensor {
  if (perGroup === 1) return x;
  const [sequences, width] = x.shape as [number, number];
  const groups = sequences / perGroup;
  return reshape(
    slice(reshape(x, [groups, perGroup * width]), 1, { start: k * width, end: (k + 1) * width }),
    [groups, width],
  );
}

export interface DetailMetrics {
  metrics: Record<string, Tensor>;
  weights: Record<string, { weight: Tensor }>;
}

/** Mean over the real tokens of a row: value and weight. */
function tokenMean(x: Tensor, mask: Tensor): { value: Tensor; weight: Tensor } {
  const weight = sum(mask, { axes: [1] });
  return { value: div(sum(mul(x, mask), { axes: [1] }), maximum(weight, 1)), weight };
}

/**
 * TRL's metrics that need the whole vocabulary, by group: `entropy` over all completions, `mean_token_accuracy` over the
 * first (of a pair: the chosen one), and the mean logit of each completion under the names given.
 */
export function detailMetrics(
  bound: BoundModel,
  b: BatchTensors,
  o: { hidden: Tensor; logits: readonly string[] },
): DetailMetrics {
  const stats = targetStats(bound.model, o.hidden, b);
  const perGroup = b.completionsPerGroup;
  const groups = b.grid.shape[0]! / perGroup;
  const byGroup = (t: Tensor): Tensor => reshape(t, [groups, -1]);
  const mask = byGroup(b.gridMask);
  const out: DetailMetrics = { metrics: {}, weights: {} };
  const put = (name: string, { value, weight }: { value: Tensor; weight: Tensor }): void => {
    out.metrics[name] = value;
    out.weights[name] = { weight };
  };
  put("entropy", tokenMean(byGroup(gather(stats.entropy, b.grid)), mask));
  const first = (t: Tensor): Tensor => completionOf(t, 0, perGroup);
  put("mean_token_accuracy", tokenMean(first(gather(stats.correct, b.grid)), first(b.gridMask)));
  const logits = gather(stats.meanLogit, b.grid);
  o.logits.forEach((name, k) =>
    put(name, tokenMean(completionOf(logits, k, perGroup), completionOf(b.gridMask, k, perGroup))),
  );
  return out;
}
