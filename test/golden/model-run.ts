/** One forward and backward pass over plain rows, for golden heads and adapters. Knows no case. */
import { expect } from "vitest";
import { hiddenStates, type ModelFolder, parameterInputs, readTensor64 } from "../../src/models/index.js";
import { type Backend, gather, gradTree, input, type Tensor, type Tree } from "../../src/tensor/index.js";
import type { BoundModel } from "../../src/train/index.js";
import { ints, packRows } from "../support/models.js";

export type Values = ReadonlyMap<string, { shape: readonly number[]; data: Float64Array | Float32Array }>;

/** Every parameter that the folder has, as numbers. */
export const folderValues = ({ tensors }: ModelFolder, names: Iterable<string> = tensors.keys()): Values =>
  new Map(
    [...names].map((name) => [
      name,
      { shape: tensors.get(name)!.shape, data: readTensor64(tensors.get(name)!) },
    ]),
  );

export interface PassOptions {
  rows: readonly (readonly number[])[];
  /** What is differentiated, fed as inputs. */
  trainable: Values;
  bind: (parameters: Tree) => BoundModel;
  /** From the hidden states of real tokens, rows in order [real, hidden]. */
  read: (states: Tensor, bound: BoundModel) => { loss: Tensor; outputs?: Record<string, Tensor> };
}

export interface PassResult {
  loss: number;
  outputs: Record<string, number[]>;
  gradients: Map<string, ArrayLike<number>>;
}

export async function pass(backend: Backend, o: PassOptions): Promise<PassResult> {
  const packed = packRows(o.rows);
  const parameters = parameterInputs(
    Object.fromEntries([...o.trainable].map(([name, v]) => [name, v.shape])),
  );
  const bound = o.bind(parameters);
  const hidden = hiddenStates(bound.model, packed.tokens, { adapters: bound.adapters });
  const real = input("real", [packed.real.length], "int32");
  const { loss, outputs = {} } = o.read(gather(hidden, real), bound);
  const gradients = gradTree(loss, parameters);
  const named = Object.entries(gradients).map(([name, g]) => [`grad:${name}`, g] as const);
  const program = await backend.compile({
    inputs: { ...packed.tokens, real, ...parameters },
    outputs: { loss, ...outputs, ...Object.fromEntries(named) },
  });
  const fed = [...o.trainable].map(([name, v]) => [name, { ...v, dtype: "float32" as const }] as const);
  const result = await program.run({ ...packed.feeds, real: ints(packed.real), ...Object.fromEntries(fed) });
  await program.release();
  return {
    loss: result["loss"]!.data[0]!,
    outputs: Object.fromEntries(Object.keys(outputs).map((name) => [name, Array.from(result[name]!.data)])),
    gradients: new Map(Object.keys(parameters).map((name) => [name, result[`grad:${name}`]!.data])),
  };
}

export interface GradientNumbers {
  norm: number;
  first8: number[];
  projection: number;
}

/** The three numbers that golden files keep of a gradient, each to `tolerance` of its norm. */
export function gradientHolds(
  got: ArrayLike<number>,
  want: GradientNumbers,
  o: { tolerance: number; name: string },
): void {
  const values = Array.from(got);
  const limit = o.tolerance * Math.max(want.norm, 1e-3);
  const norm = Math.sqrt(values.reduce((total, x) => total + x * x, 0));
  const projection = values.reduce(
    (total, x, i) => total + x * ((((i + 1) ** 2 * 0.6180339887498949) % 1) - 0.5),
    0,
  );
  expect(Math.abs(norm - want.norm), `norm of ${o.name}`).toBeLessThan(limit);
  expect(Math.abs(projection - want.projection), `projection of ${o.name}`).toBeLessThan(limit);
  want.first8.forEach((x, i) => expect(Math.abs(values[i]! - x), `${o.name}[${i}]`).toBeLessThan(limit));
}

/** Every number within `tolerance`, relative above 1. */
export function allClose(
  got: readonly number[],
  want: readonly number[],
  o: { tolerance: number; name: string },
): void {
  expect(got, o.name).toHaveLength(want.length);
  got.forEach((x, i) => {
    const limit = o.tolerance * Math.max(1, Math.abs(want[i]!));
    expect(Math.abs(x - want[i]!), `${o.name}[${i}]: ${x} is not ${want[i]}`).toBeLessThan(limit);
  });
}

/** Where each row starts among the real tokens. */
export const rowStarts = (rows: readonly (readonly number[])[]): number[] =>
  rows.map((_, r) => rows.slice(0, r).reduce((n, row) => n + row.length, 0));
