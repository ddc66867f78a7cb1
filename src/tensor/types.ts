/**
 * What a symbolic tensor is. Knows nothing of numbers: values exist only in a backend.
 *
 * Shapes are static: a run pads its batches to buckets, so a handful of graphs is compiled. Layout is row-major.
 */
import type { OpAttrs, OpName } from "./ops.js";

export type DType = "float32" | "int32" | "bool";
export type Shape = readonly number[];

export interface TensorType {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** One application of an op. `outputs` has one entry a result; most ops have one. */
export interface Node<K extends OpName = OpName> {
  readonly id: number;
  readonly op: K;
  readonly attrs: OpAttrs[K];
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly TensorType[];
}

/** One output of a node. */
export interface Tensor extends TensorType {
  readonly node: Node;
  readonly index: number;
}

/** Named tensors: parameters, gradients, optimiser states. Order of keys is the order of work. */
export type Tree = Readonly<Record<string, Tensor>>;

/** Where the bytes of a frozen weight lie: mapped by the backend, never read into JavaScript by the caller. */
export interface WeightSource {
  /** Real path of a `.safetensors` file. */
  readonly file: string;
  /** Byte offset from the start of the file. */
  readonly offset: number;
  readonly bytes: number;
  readonly storage: "F32" | "BF16" | "F16";
}

/** Inputs and outputs by name; what a backend compiles. */
export interface Graph {
  readonly inputs: Tree;
  readonly outputs: Tree;
}
