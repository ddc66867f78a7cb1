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

const zero = 128;

/** Rows as bytes, and the scale of each, [rows, 1]. */
export interface QuantisedRows {
  bytes: string;
  scale: string;
}

/** x [rows, d], row by row. */
export function quantiseRows(e: Emitter, { name, rows }: { name: string; rows: number }): QuantisedRows {
  const drop = { attributes: { keepdims: { int: 0 } } };
  const columns = e.int64s([1]);
  const lowest = e.emit("Neg", [e.emit("ReduceMin", [name, columns], drop)]);
  // A row of zeros stays one: 0 / tiny.
  const largest = e.emit("Max", [
    e.emit("ReduceMax", [name, columns], drop),
    lowest,
    e.literal("float32", [], [1e-30]),
  ]);
  const scales = e.emit("Mul", [largest, e.literal("float32", [], [1 / 127])]);
  const zeros = Array.from({ length: rows }, () => zero);
  const bytes = e.emit("QuantizeLinear", [name, scales, e.literal("uint8", [rows], zeros)], {
    attributes: { axis: { int: 0 } },
  });
  return { bytes, scale: e.emit("Reshape", [scales, e.int64s([-1, 1])]) };
}

/** Rows times B, times `alpha`. */
export function multiplyBytes(
  e: Emitter,
  { bytes, scale }: QuantisedRows,
  { values, scales, alpha }: ByteMatrix & { alpha: number },
): string {
  const one = e.literal("float32", [], [1]);
  const product = e.emit(
    "MatMulIntegerToFloat",
    [bytes, values, one, scales, e.literal("uint8", [], [zero])],
    { domain: "com.microsoft" },
  );
  const factor = alpha === 1 ? scale : e.emit("Mul", [scale, e.literal("float32", [], [alpha])]);
  return e.emit("Mul", [product, factor]);
}
