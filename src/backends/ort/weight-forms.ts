/**
 * The forms that a frozen weight can take for the engine, and where their parts lie in a file. Knows bytes, no model.
 *
 * - "float32": the numbers as float32, in the stored order; for weights that are stored in 16 bits.
 * - "int8": B [in, out] of a product x B as signed bytes, and one float32 scale for each of its columns:
 *   B[i, j] = scale[j] * byte[i, j]. The bytes lie from -127 to 127. `transposed` when the stored matrix is B's transpose.
 */
import type { Shape, WeightSource } from "../../tensor/index.js";

export type WeightForm = "float32" | "int8" | "int8-transposed";

export interface FormRequest {
  source: WeightSource;
  /** As stored. */
  shape: Shape;
  form: WeightForm;
  /** Where the form is written. */
  file: string;
}

export interface FormPart {
  offset: number;
  length: number;
  shape: Shape;
}

const alignment = 64;
const product = (shape: Shape): number => shape.reduce((a, b) => a * b, 1);

/** Parts of a form's file: the numbers, and the scales of "int8". */
export function formParts(shape: Shape, form: WeightForm): { values: FormPart; scales?: FormPart } {
  const size = product(shape);
  if (form === "float32") return { values: { offset: 0, length: 4 * size, shape } };
  const [rows, columns] = shape as readonly [number, number];
  const [inner, outer] = form === "int8" ? [rows, columns] : [columns, rows];
  return {
    values: { offset: 0, length: size, shape: [inner, outer] },
    scales: { offset: Math.ceil(size / alignment) * alignment, length: 4 * outer, shape: [outer] },
  };
}

/** Size of a form's file. */
export function formBytes({ shape, form }: Pick<FormRequest, "shape" | "form">): number {
  const { values, scales } = formParts(shape, form);
  const last = scales ?? values;
  return last.offset + last.length;
}
