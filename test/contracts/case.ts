/** What a conformance case is, and the few words that cases are written in. Formulas here share nothing with src. */
import { createRandom } from "../../src/util/random.js";
import type { ComputedOp, HostTensor, Shape, Tensor, Tree } from "../../src/tensor/index.js";

export interface Case {
  title: string;
  feeds: Readonly<Record<string, HostTensor>>;
  build(x: Tree): Tensor | readonly Tensor[];
  /** Every output, row-major, by a formula of its own. NaN marks an element that the contract leaves undefined. */
  expected: readonly (readonly number[])[];
  /** Inputs whose gradients are checked. Default: every float input. */
  wrt?: readonly string[];
  /** Gradients of the sum of the first output where differences say nothing: at kinks and ties. */
  gradients?: Readonly<Record<string, readonly number[]>>;
}

/** A part of the table of cases. */
export const cases = <K extends ComputedOp>(
  table: Readonly<Record<K, readonly Case[]>>,
): Readonly<Record<K, readonly Case[]>> => table;

/** Values are rounded to float32, so that every backend starts from the same numbers. */
export const f32 = (shape: Shape, values: readonly number[]): HostTensor => ({
  shape,
  dtype: "float32",
  data: Float32Array.from(values),
});
export const i32 = (shape: Shape, values: readonly number[]): HostTensor => ({
  shape,
  dtype: "int32",
  data: Int32Array.from(values),
});
export const bool = (shape: Shape, values: readonly number[]): HostTensor => ({
  shape,
  dtype: "bool",
  data: Uint8Array.from(values),
});

/** Seeded uniform numbers between low (default -1.5) and high (default 1.5). */
export function random(shape: Shape, seed: number, { low = -1.5, high = 1.5 } = {}): HostTensor {
  const draw = createRandom(seed, { stream: "conformance" });
  const size = shape.reduce((a, b) => a * b, 1);
  return f32(
    shape,
    Array.from({ length: size }, () => low + (high - low) * draw.uniform()),
  );
}

/** f of every coordinate, row-major. */
export function cells(shape: Shape, f: (...at: number[]) => number): number[] {
  if (shape.length === 0) return [f()];
  const [n, ...rest] = shape as [number, ...number[]];
  return Array.from({ length: n }, (_, i) => cells(rest, (...at) => f(i, ...at))).flat();
}

/** The element at a coordinate, broadcast as numpy does: leading axes may be missing, axes of size 1 repeat. */
export function at({ shape, data }: HostTensor, ...where: number[]): number {
  const own = where.slice(where.length - shape.length);
  return data[shape.reduce((offset, n, axis) => offset * n + (n === 1 ? 0 : own[axis]!), 0)]!;
}

export const total = (n: number, f: (i: number) => number): number =>
  Array.from({ length: n }, (_, i) => f(i)).reduce((a, b) => a + b, 0);

export const softmaxOf = (row: readonly number[]): number[] => {
  const top = Math.max(...row);
  const e = row.map((x) => Math.exp(x - top));
  const sum = e.reduce((a, b) => a + b, 0);
  return e.map((x) => x / sum);
};
