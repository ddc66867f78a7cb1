/**
 * The list of ops and their attributes: the one place where an op is declared. Shape rules (`rules.ts`),
 * gradients (`gradients.ts`) and every backend have a table keyed by this list, so forgetting one is a type error.
 */
import type { DType, Shape, Tensor, WeightSource } from "./types.js";

type None = Readonly<Record<never, never>>;

export interface OpAttrs {
  // leaves
  input: { readonly name: string };
  /** A literal: one number for every element, or the elements in row-major order. */
  constant: { readonly value: number | Float64Array };
  /** A frozen weight, read by the backend from its file. */
  weight: { readonly name: string; readonly source: WeightSource };

  // elementwise, numpy broadcasting
  add: None;
  sub: None;
  mul: None;
  div: None;
  maximum: None;
  minimum: None;
  equal: None;
  less: None;
  and: None;
  or: None;
  not: None;
  /** (condition: bool, a, b) */
  where: None;
  neg: None;
  exp: None;
  log: None;
  sqrt: None;
  abs: None;
  sign: None;
  tanh: None;
  sigmoid: None;
  /** log(1 + e^x), stable at both ends. */
  softplus: None;
  erf: None;
  /** x * sigmoid(x) */
  silu: None;
  /** `tanh`: the approximation of GPT-2 and Gemma; `erf`: exact. */
  gelu: { readonly approximate: "tanh" | "erf" };
  cast: { readonly dtype: DType };
  /** The value, without its gradient. */
  stopGradient: None;
  /** (x, ...others): x, but not before the others are computed. Orders work so that memory is freed early. */
  after: None;

  /**
   * A traced region (see `block.ts`): `forward` holds its outputs as computed by ordinary nodes from `inputs`.
   * Transparent to backends, which read through it (`resolve`); it exists for its gradient.
   */
  block: {
    readonly body: (inputs: readonly Tensor[]) => readonly Tensor[];
    readonly forward: readonly Tensor[];
    readonly recompute: boolean;
  };

  // movement
  reshape: { readonly shape: Shape };
  transpose: { readonly perm: readonly number[] };
  expand: { readonly shape: Shape };
  slice: { readonly axis: number; readonly start: number; readonly end: number };
  pad: { readonly axis: number; readonly before: number; readonly after: number };
  concat: { readonly axis: number };
  /** Consecutive parts of an axis, one output each. */
  split: { readonly axis: number; readonly sizes: readonly number[] };

  // reductions
  sum: { readonly axes: readonly number[]; readonly keep: boolean };
  max: { readonly axes: readonly number[]; readonly keep: boolean };
  /** Index of the largest entry of the last axis; the first of equals. */
  argmax: None;
  cumsum: { readonly axis: number; readonly reverse: boolean; readonly exclusive: boolean };
  /** Values of the last axis in ascending order, and where each came from. Outputs: values, int32 indices. */
  sort: { readonly descending: boolean };

  // products
  /** (a, b): batched over equal leading dimensions. */
  matmul: { readonly transA: boolean; readonly transB: boolean; readonly alpha: number };
  /** (a, b, c): alpha * a @ b + c for matrices; c broadcasts. */
  gemm: { readonly transA: boolean; readonly transB: boolean; readonly alpha: number };
  /** (x, frozen weight): the backend chooses how (float32, 8-bit); no model knows. */
  frozenMatmul: { readonly transB: boolean };

  // indexing
  /** (x [n, ...], indices int32 [...]) -> [..., ...]: rows of x. */
  gather: None;
  /** (indices int32 [k], updates [k, ...]) -> [rows, ...]: sums of updates by row. */
  scatterAdd: { readonly rows: number };
  /** (x [..., n], indices int32 [...]) -> [...]: one entry of the last axis. */
  take: None;
  /** (indices int32 [...], values [...]) -> [..., size]: zero but for one entry of the last axis. */
  put: { readonly size: number };
  /** (x [..., n], indices int32 [..., k]) -> [..., k]: entries of the last axis. */
  takeAlong: None;
  /** (indices int32 [..., k], values [..., k]) -> [..., size]: the reverse of takeAlong, summing. */
  putAlong: { readonly size: number };

  // neural
  /** Softmax over the last axis. */
  softmax: None;
  logSoftmax: None;
  /** (x [n, d], weight [d]) -> y, inverse deviation [n, 1]. */
  rmsNorm: { readonly eps: number };
  /** (x [n, d], weight [d], bias [d]) -> y, mean [n, 1], inverse deviation [n, 1]. */
  layerNorm: { readonly eps: number };
  /**
   * (x [rows, length, heads * headDim], positions int32 [rows, length], cos [max, rotaryDim/2], sin): rotary
   * embedding of the first rotaryDim entries of every head, halves rotated against each other; `inverse`: backwards.
   */
  rotary: { readonly headDim: number; readonly rotaryDim: number; readonly inverse: boolean };
  /**
   * (hidden [n, d], head weight [v, d], labels int32 [n]) -> log p(label) [n], natural logarithm. Worked in chunks of
   * rows, so that [n, v] never exists. `scale` multiplies the logits (1 / temperature), `softcap` as in Gemma-2 (0: none).
   */
  logProbs: LogProbAttrs;
  /** (hidden, head weight, labels, g [n]) -> gradient of sum(g * logProbs) for hidden [n, d]. */
  logProbsGradHidden: LogProbAttrs;
  /** (hidden, head weight, labels, g [n]) -> gradient for the head weight [v, d]. */
  logProbsGradWeight: LogProbAttrs;
  /** (hidden, head weight, labels) -> entropy [n], 1 where the label is the likeliest [n], mean logit [n]. */
  vocabularyStats: LogProbAttrs;
}

export interface LogProbAttrs {
  readonly chunk: number;
  readonly scale: number;
  readonly softcap: number;
}

export type OpName = keyof OpAttrs;

/** Ops that a backend must compute; leaves are bound by name and blocks are read through. */
export type ComputedOp = Exclude<OpName, "input" | "constant" | "weight" | "block">;
