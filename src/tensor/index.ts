/**
 * The tensor language: symbolic tensors, their gradients, and the contract of what computes them.
 * Natural logarithms; row-major; static shapes; masks are 0/1 floats unless named bool.
 */
export type { ComputedOp, LogProbAttrs, OpAttrs, OpName } from "./ops.js";
export type { DType, Graph, Node, Shape, Tensor, TensorType, Tree, WeightSource } from "./types.js";
export type {
  Backend,
  CompileOptions,
  HostArray,
  HostTensor,
  Placement,
  Program,
  Resident,
  RunOptions,
} from "./backend.js";
export { apply, constant, input, make, weight } from "./node.js";
export * from "./functions.js";
export { block, type BlockOptions, resolve, tie } from "./block.js";
export { grad, gradTree, vjp } from "./autodiff.js";
export { graphNodes, topological } from "./graph.js";
export { broadcastShapes, normaliseAxes, sameShape, showShape, sizeOf, stridesOf } from "./shape.js";
