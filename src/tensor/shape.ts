/** Shape arithmetic: sizes, broadcasting, strides. Knows nothing of tensors. */
import { AttuneError } from "../errors.js";
import type { Shape } from "./types.js";

export const sizeOf = (shape: Shape): number => shape.reduce((a, b) => a * b, 1);

export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((n, i) => n === b[i]);

export const showShape = (shape: Shape): string => `[${shape.join(", ")}]`;

/** Numpy broadcasting of any number of shapes. */
export function broadcastShapes(where: string, shapes: readonly Shape[]): number[] {
  const rank = Math.max(0, ...shapes.map((s) => s.length));
  const out: number[] = Array.from({ length: rank }, () => 1);
  for (const shape of shapes) {
    for (let i = 0; i < shape.length; i++) {
      const at = rank - shape.length + i;
      const n = shape[i]!;
      if (n === 1) continue;
      if (out[at] !== 1 && out[at] !== n) {
        throw new AttuneError("backend", {
          where: `tensor.${where}`,
          expected: "shapes that broadcast",
          got: shapes.map(showShape).join(" and "),
        });
      }
      out[at] = n;
    }
  }
  return out;
}

/** Axes counted from the front; negative ones count from the end. */
export function normaliseAxes(axes: readonly number[], rank: number): number[] {
  return axes.map((axis) => (axis < 0 ? axis + rank : axis)).sort((a, b) => a - b);
}

export function stridesOf(shape: Shape): number[] {
  const strides: number[] = Array.from({ length: shape.length }, () => 1);
  for (let i = shape.length - 2; i >= 0; i--) strides[i] = strides[i + 1]! * shape[i + 1]!;
  return strides;
}
