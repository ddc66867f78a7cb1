/**
 * Regions of a graph whose backward pass is ordered, and optionally recomputed.
 *
 * A runtime that walks a graph depth-first from its outputs computes parameter gradients last, because they are
 * leaves, and keeps every activation alive until then. A block makes the gradient that leaves it wait for its
 * parameter gradients. With `recompute` its activations are not kept at all: the backward pass runs the body
 * again on inputs that wait for the incoming gradient, which also keeps common-subexpression elimination from
 * undoing the recomputation (gradient checkpointing, arXiv 1604.06174).
 */
import { make, apply } from "./node.js";
import type { Tensor } from "./types.js";

export interface BlockOptions {
  /** Run the body again in the backward pass instead of keeping its activations. */
  recompute: boolean;
}

/**
 * Traces `body(inputs)` as a region. Everything differentiable that the body uses must be among `inputs`; the
 * first input is the activation that carries the order.
 */
export function block(
  inputs: readonly Tensor[],
  body: (inputs: readonly Tensor[]) => readonly Tensor[],
  options: BlockOptions,
): Tensor[] {
  const forward = body(inputs);
  return apply("block", inputs, { body, forward, recompute: options.recompute });
}

/** The tensor that a backend computes for `t`: looks through blocks. */
export function resolve(t: Tensor): Tensor {
  let current = t;
  while (current.node.op === "block") {
    current = (current.node.attrs as { forward: readonly Tensor[] }).forward[current.index]!;
  }
  return current;
}

/** x, tied to come after `others`. */
export const tie = (x: Tensor, others: readonly Tensor[]): Tensor =>
  others.length === 0 ? x : make("after", [x, ...others], {});
