/** Makes nodes: applies a shape rule, numbers the node, hands out its outputs. */
import type { OpAttrs, OpName } from "./ops.js";
import { RULES } from "./rules.js";
import type { DType, Node, Shape, Tensor, TensorType, WeightSource } from "./types.js";

let counter = 0;

function create<K extends OpName>(
  op: K,
  inputs: readonly Tensor[],
  attrs: OpAttrs[K],
  outputs: readonly TensorType[],
): Tensor[] {
  const node: Node<K> = { id: counter++, op, attrs, inputs, outputs };
  return outputs.map((type, index) => ({
    node: node as unknown as Node,
    index,
    shape: type.shape,
    dtype: type.dtype,
  }));
}

/** Applies an op and gives all its outputs. */
export function apply<K extends OpName>(op: K, inputs: readonly Tensor[], attrs: OpAttrs[K]): Tensor[] {
  return create(op, inputs, attrs, RULES[op](inputs, attrs));
}

/** Applies an op with one output. */
export function make<K extends OpName>(op: K, inputs: readonly Tensor[], attrs: OpAttrs[K]): Tensor {
  return apply(op, inputs, attrs)[0]!;
}

/** A value given at every run. */
export function input(name: string, shape: Shape, dtype: DType = "float32"): Tensor {
  return create("input", [], { name }, [{ shape, dtype }])[0]!;
}

/** A literal; a single number fills the shape (a scalar when none is given). */
export function constant(
  value: number | ArrayLike<number>,
  shape: Shape = [],
  dtype: DType = "float32",
): Tensor {
  const literal = typeof value === "number" ? value : Float64Array.from(value);
  return create("constant", [], { value: literal }, [{ shape, dtype }])[0]!;
}

/** A frozen weight that stays in its file. */
export function weight(name: string, shape: Shape, source: WeightSource): Tensor {
  return create("weight", [], { name, source }, [{ shape, dtype: "float32" }])[0]!;
}
