/**
 * The functions of the tensor language: thin names over ops, and the compositions everybody needs.
 * A number stands for a scalar constant of the other operand's dtype.
 */
import { apply, constant, make } from "./node.js";
import { normaliseAxes, sameShape, sizeOf } from "./shape.js";
import type { DType, Shape, Tensor } from "./types.js";

export type Operand = Tensor | number;

function pair(a: Operand, b: Operand): [Tensor, Tensor] {
  if (typeof a === "number") {
    if (typeof b === "number") return [constant(a), constant(b)];
    return [constant(a, [], b.dtype), b];
  }
  return [a, typeof b === "number" ? constant(b, [], a.dtype) : b];
}

export const add = (a: Operand, b: Operand): Tensor => make("add", pair(a, b), {});
export const sub = (a: Operand, b: Operand): Tensor => make("sub", pair(a, b), {});
export const mul = (a: Operand, b: Operand): Tensor => make("mul", pair(a, b), {});
export const div = (a: Operand, b: Operand): Tensor => make("div", pair(a, b), {});
export const maximum = (a: Operand, b: Operand): Tensor => make("maximum", pair(a, b), {});
export const minimum = (a: Operand, b: Operand): Tensor => make("minimum", pair(a, b), {});
export const equal = (a: Operand, b: Operand): Tensor => make("equal", pair(a, b), {});
export const less = (a: Operand, b: Operand): Tensor => make("less", pair(a, b), {});
export const greater = (a: Operand, b: Operand): Tensor => less(b, a);
export const and = (a: Tensor, b: Tensor): Tensor => make("and", [a, b], {});
export const or = (a: Tensor, b: Tensor): Tensor => make("or", [a, b], {});
export const not = (a: Tensor): Tensor => make("not", [a], {});
export const where = (condition: Tensor, a: Operand, b: Operand): Tensor =>
  make("where", [condition, ...pair(a, b)], {});
export const neg = (x: Tensor): Tensor => make("neg", [x], {});
export const exp = (x: Tensor): Tensor => make("exp", [x], {});
export const log = (x: Tensor): Tensor => make("log", [x], {});
export const sqrt = (x: Tensor): Tensor => make("sqrt", [x], {});
export const abs = (x: Tensor): Tensor => make("abs", [x], {});
export const sign = (x: Tensor): Tensor => make("sign", [x], {});
export const tanh = (x: Tensor): Tensor => make("tanh", [x], {});
export const sigmoid = (x: Tensor): Tensor => make("sigmoid", [x], {});
export const softplus = (x: Tensor): Tensor => make("softplus", [x], {});
export const erf = (x: Tensor): Tensor => make("erf", [x], {});
export const silu = (x: Tensor): Tensor => make("silu", [x], {});
export const gelu = (x: Tensor, approximate: "tanh" | "erf"): Tensor => make("gelu", [x], { approximate });
export const stopGradient = (x: Tensor): Tensor => make("stopGradient", [x], {});
export const square = (x: Tensor): Tensor => mul(x, x);
/** log sigmoid(x) = -softplus(-x), stable at both ends. */
export const logSigmoid = (x: Tensor): Tensor => neg(softplus(neg(x)));
export const relu = (x: Tensor): Tensor => maximum(x, 0);
export const clamp = (x: Tensor, low: number, high: number): Tensor => minimum(maximum(x, low), high);
export const cast = (x: Tensor, dtype: DType): Tensor =>
  x.dtype === dtype ? x : make("cast", [x], { dtype });
/** x, but not before the others are computed. */
export const after = (x: Tensor, others: readonly Tensor[]): Tensor =>
  others.length === 0 ? x : make("after", [x, ...others], {});

export function reshape(x: Tensor, shape: Shape): Tensor {
  const free = shape.indexOf(-1);
  const known = shape.reduce((n, d, i) => (i === free ? n : n * d), 1);
  const full = free < 0 ? shape : shape.map((d, i) => (i === free ? sizeOf(x.shape) / known : d));
  return sameShape(full, x.shape) ? x : make("reshape", [x], { shape: full });
}
export const transpose = (x: Tensor, perm: readonly number[]): Tensor => make("transpose", [x], { perm });
export const expand = (x: Tensor, shape: Shape): Tensor =>
  sameShape(x.shape, shape) ? x : make("expand", [x], { shape });
export function slice(x: Tensor, axis: number, range: { start: number; end: number }): Tensor {
  return range.start === 0 && range.end === x.shape[axis] ? x : make("slice", [x], { axis, ...range });
}
export const pad = (x: Tensor, axis: number, widths: { before: number; after: number }): Tensor =>
  widths.before === 0 && widths.after === 0 ? x : make("pad", [x], { axis, ...widths });
export const concat = (parts: readonly Tensor[], axis: number): Tensor =>
  parts.length === 1 ? parts[0]! : make("concat", parts, { axis });
/** Consecutive parts of an axis. */
export const split = (x: Tensor, axis: number, sizes: readonly number[]): Tensor[] =>
  sizes.length === 1 ? [x] : apply("split", [x], { axis, sizes });

export interface ReduceOptions {
  /** Default: all axes. */
  axes?: readonly number[];
  /** Keep reduced axes with size 1. Default false. */
  keep?: boolean;
}

function reduceAttrs(x: Tensor, { axes, keep = false }: ReduceOptions): { axes: number[]; keep: boolean } {
  return { axes: normaliseAxes(axes ?? x.shape.map((_, i) => i), x.shape.length), keep };
}

export function sum(x: Tensor, options: ReduceOptions = {}): Tensor {
  const attrs = reduceAttrs(x, options);
  return attrs.axes.length === 0 ? x : make("sum", [x], attrs);
}
export function max(x: Tensor, options: ReduceOptions = {}): Tensor {
  const attrs = reduceAttrs(x, options);
  return attrs.axes.length === 0 ? x : make("max", [x], attrs);
}
export function mean(x: Tensor, options: ReduceOptions = {}): Tensor {
  const count = reduceAttrs(x, options).axes.reduce((n, axis) => n * x.shape[axis]!, 1);
  return mul(sum(x, options), 1 / count);
}
export const argmax = (x: Tensor): Tensor => make("argmax", [x], {});
export const cumsum = (
  x: Tensor,
  axis: number,
  options: { reverse?: boolean; exclusive?: boolean } = {},
): Tensor =>
  make("cumsum", [x], { axis, reverse: options.reverse ?? false, exclusive: options.exclusive ?? false });
export function sort(x: Tensor, options: { descending?: boolean } = {}): { values: Tensor; indices: Tensor } {
  const [values, indices] = apply("sort", [x], { descending: options.descending ?? false });
  return { values: values!, indices: indices! };
}

export interface ProductOptions {
  transA?: boolean;
  transB?: boolean;
  /** Multiplies the product. Default 1. */
  alpha?: number;
}

export function matmul(a: Tensor, b: Tensor, options: ProductOptions = {}): Tensor {
  const { transA = false, transB = false, alpha = 1 } = options;
  if (b.node.op === "weight" && b.shape.length === 2 && a.shape.length === 2 && !transA && alpha === 1) {
    return make("frozenMatmul", [a, b], { transB });
  }
  return make("matmul", [a, b], { transA, transB, alpha });
}
/** alpha * a @ b + c for matrices. */
export function gemm(a: Tensor, b: Tensor, c: Tensor, options: ProductOptions = {}): Tensor {
  const { transA = false, transB = false, alpha = 1 } = options;
  return make("gemm", [a, b, c], { transA, transB, alpha });
}

/** Rows of x. */
export const gather = (x: Tensor, indices: Tensor): Tensor => make("gather", [x, indices], {});
/** Sums updates into `rows` rows. */
export const scatterAdd = (indices: Tensor, updates: Tensor, rows: number): Tensor =>
  make("scatterAdd", [indices, updates], { rows });
/** One entry of the last axis. */
export const take = (x: Tensor, indices: Tensor): Tensor => make("take", [x, indices], {});
export const put = (indices: Tensor, values: Tensor, size: number): Tensor =>
  make("put", [indices, values], { size });
export const takeAlong = (x: Tensor, indices: Tensor): Tensor => make("takeAlong", [x, indices], {});
export const putAlong = (indices: Tensor, values: Tensor, size: number): Tensor =>
  make("putAlong", [indices, values], { size });

export const softmax = (x: Tensor): Tensor => make("softmax", [x], {});
export const logSoftmax = (x: Tensor): Tensor => make("logSoftmax", [x], {});
export const rmsNorm = (x: Tensor, weight: Tensor, options: { eps: number }): Tensor =>
  make("rmsNorm", [x, weight], options);
export const layerNorm = (x: Tensor, weight: Tensor, options: { bias: Tensor; eps: number }): Tensor =>
  make("layerNorm", [x, weight, options.bias], { eps: options.eps });
export function rotary(
  x: Tensor,
  positions: Tensor,
  table: { cos: Tensor; sin: Tensor; headDim: number; inverse?: boolean },
): Tensor {
  const rotaryDim = 2 * table.cos.shape[1]!;
  return make("rotary", [x, positions, table.cos, table.sin], {
    headDim: table.headDim,
    rotaryDim,
    inverse: table.inverse ?? false,
  });
}

export interface HeadOptions {
  /** Rows whose logits exist at one time. Default: `headChunk`. */
  chunk?: number;
  /** Multiplies logits: 1 / temperature. Default 1. */
  scale?: number;
  /** Gemma-2's cap * tanh(logits / cap); 0 for none. Default 0. */
  softcap?: number;
}

/**
 * Rows of logits that exist at one time: 256, fewer where they would exceed 30 MB (glibc gives blocks above 32 MB back to
 * the system each time, and faulting them in again took a third of the product), never below 64.
 */
export const headChunk = (vocabulary: number): number =>
  Math.min(256, Math.max(64, Math.floor(30e6 / (4 * vocabulary) / 32) * 32));

const headAttrs = (weight: Tensor, { chunk, scale = 1, softcap = 0 }: HeadOptions) => ({
  chunk: chunk ?? headChunk(weight.shape[0]!),
  scale,
  softcap,
});

/** log p(label) of each row; [n, vocabulary] never exists. */
export const logProbs = (
  hidden: Tensor,
  head: { weight: Tensor; labels: Tensor },
  options: HeadOptions = {},
): Tensor => make("logProbs", [hidden, head.weight, head.labels], headAttrs(head.weight, options));

export function vocabularyStats(
  hidden: Tensor,
  head: { weight: Tensor; labels: Tensor },
  options: HeadOptions = {},
): { entropy: Tensor; correct: Tensor; meanLogit: Tensor } {
  const [entropy, correct, meanLogit] = apply(
    "vocabularyStats",
    [hidden, head.weight, head.labels],
    headAttrs(head.weight, options),
  );
  return { entropy: entropy!, correct: correct!, meanLogit: meanLogit! };
}

/** Sums x down to a shape that broadcasts to x's. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const lead = x.shape.length - shape.length;
  const axes = x.shape.flatMap((n, i) => (i < lead || (shape[i - lead] === 1 && n !== 1) ? [i] : []));
  return reshape(sum(x, { axes }), shape);
}
