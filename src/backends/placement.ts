/** Writes some steps of an output into a resident that has room for more. Knows arrays and shapes, no backend. */
import { AttuneError } from "../errors.js";
import { type Placement, sameShape, type Shape, showShape, type TensorType } from "../tensor/index.js";

/** Which copies to make; see `Placement`. */
export type PlacementIndex = Omit<Placement, "resident">;

type Numbers = Float32Array | Float64Array | Int32Array | Uint8Array;

interface Value {
  readonly shape: Shape;
  readonly data: Numbers;
}

/** Throws `backend` for an output and a resident that do not fit, and for entries outside either. */
export function checkPlacement(name: string, output: TensorType | undefined, p: Placement): void {
  const where = `program output "${name}"`;
  if (!output)
    throw new AttuneError("backend", {
      where,
      expected: "an output of the program",
      got: "none of that name",
    });
  const [own, room] = [output.shape, p.resident.shape];
  const alike = (a: Shape): number[] => a.filter((_, axis) => axis !== 0 && axis !== a.length - 2);
  const fits = own.length >= 3 && own.length === room.length && sameShape(alike(own), alike(room));
  if (!fits || output.dtype !== p.resident.dtype) {
    const expected = `a resident like ${output.dtype}${showShape(own)}, but for rows and steps`;
    throw new AttuneError("backend", { where, expected, got: `${p.resident.dtype}${showShape(room)}` });
  }
  const [steps, capacity] = [own.at(-2)!, room.at(-2)!];
  const inside = (n: number, size: number): boolean => n >= 0 && n <= size;
  p.from.forEach((from, j) => {
    const [to, at, count] = [p.to[j] ?? -1, p.at[j] ?? -1, p.count[j] ?? -1];
    const rows = inside(from, own[0]! - 1) && inside(to, room[0]! - 1);
    if (rows && inside(count, steps) && inside(at, capacity - count)) return;
    const expected = `entries within ${showShape(own)} and ${showShape(room)}`;
    throw new AttuneError("backend", {
      where,
      expected,
      got: `${count} steps of row ${from} to ${at} of row ${to}`,
    });
  });
}

/** Copies into `target`, which is changed. */
export function place(target: Value, source: Value, { from, to, at, count }: PlacementIndex): void {
  const [steps, inner] = source.shape.slice(-2) as [number, number];
  const capacity = target.shape.at(-2)!;
  const middle = source.shape.slice(1, -2).reduce((a, b) => a * b, 1);
  for (let j = 0; j < from.length; j++) {
    for (let m = 0; m < middle; m++) {
      const start = (from[j]! * middle + m) * steps * inner;
      const part = source.data.subarray(start, start + count[j]! * inner);
      target.data.set(part, ((to[j]! * middle + m) * capacity + at[j]!) * inner);
    }
  }
}
