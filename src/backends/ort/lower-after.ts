/** A value that waits for others, at no cost. Knows names and shapes. */
import type { Shape } from "../../tensor/index.js";
import type { Emitter } from "./emitter.js";

/**
 * x in a shape that is read from the others (floats), so that no pass over x is needed: a magnitude is never below 0 (nor is
 * NaN), which adds a zero to the shape that nothing folds away.
 */
export function emitAfter(e: Emitter, x: string, o: { others: readonly string[]; shape: Shape }): string {
  const firsts = o.others.map((name) =>
    e.emit("Slice", [e.emit("Reshape", [name, e.int64s([-1])]), e.int64s([0]), e.int64s([1]), e.int64s([0])]),
  );
  const all = firsts.length === 1 ? firsts[0]! : e.emit("Sum", firsts);
  const never = e.emit("Less", [e.emit("Abs", [all]), e.literal("float32", [1], [0])]);
  const zero = e.emit("Cast", [never], { attributes: { to: { int: 7 } } });
  // A scalar has no shape to add to: it passes through a vector of one.
  const scalar = o.shape.length === 0;
  const shaped = e.emit("Reshape", [x, e.emit("Add", [zero, e.int64s(scalar ? [1] : o.shape)])]);
  return scalar ? e.emit("Squeeze", [shaped]) : shaped;
}
