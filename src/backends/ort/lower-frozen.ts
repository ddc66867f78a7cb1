/**
 * Products with frozen weights in 8 bits: rows of x are scaled to -127..127, rounded to bytes, multiplied in integers,
 * and scaled back by row and by column. Knows names and shapes, not where the bytes come from.
 *
 * Rows are scaled outside the product because the runtime takes one scale for all of x: with one scale, a row that is
 * larger than the others would cost them their precision. The zero point is 128, because u8 x s8 is the product that
 * processors have an instruction for.
 */
import type { Shape } from "../../tensor/index.js";
import type { Emitter } from "./emitter.js";

/** B [in, out] as bytes, and the scale of each column. */
export interface ByteMatrix {
  values: string;
  scales: string;
}

/** Smaller matrices (a reward head) are not worth the passes over x, and keep float32. */
export const worthBytes = (shape: Shape): boolean => shape.length === 2 && shape[0]! >= 64 && shape[1]! >= 64;

export function lowerByteProduct(e: Emitter, x: string, { values, scales }: ByteMatrix): string {
  const one = e.literal("float32", [], [1]);
  const zeroPoint = e.literal("uint8", [], [128]);
  const largest = e.emit("ReduceMax", [e.emit("Abs", [x]), e.int64s([1])], {
    attributes: { keepdims: { int: 1 } },
  });
  // A row of zeros stays one: 0 / tiny.
  const positive = e.emit("Max", [largest, e.literal("float32", [], [1e-30])]);
  const scale = e.emit("Mul", [positive, e.literal("float32", [], [1 / 127])]);
  const bytes = e.emit("QuantizeLinear", [e.emit("Div", [x, scale]), one, zeroPoint]);
  const product = e.emit("MatMulIntegerToFloat", [bytes, values, one, scales, zeroPoint], {
    domain: "com.microsoft",
  });
  return e.emit("Mul", [product, scale]);
}
