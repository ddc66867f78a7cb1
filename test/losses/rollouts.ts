/** Golden cases of rollouts on the host: padded arrays with masks to rows as long as they have tokens, and comparisons. */
import { expectClose, flatten, type GoldenCase, type Nested } from "./support.js";

/** Row lengths of a right-padded mask. */
export const lengthsOf = (mask: Nested): number[] =>
  (mask as Nested[]).map((row) => flatten(row).reduce((a, b) => a + b, 0));

/** Real tokens only. */
export const rowsOf = ({ inputs }: GoldenCase, name: string): Float64Array[] => {
  const lengths = lengthsOf(inputs["mask"]!);
  return (inputs[name] as Nested[]).map((row, r) => Float64Array.from(flatten(row).slice(0, lengths[r])));
};

/** Padded back, with zeros. */
export const padded = (rows: readonly ArrayLike<number>[], width: number): number[] =>
  rows.flatMap((row) => Array.from({ length: width }, (_, t) => row[t] ?? 0));

export const widthOf = ({ inputs }: GoldenCase): number => (inputs["mask"] as Nested[][])[0]!.length;

/** Compares each entry of `got` with what is expected under its name; `metrics` by their names. */
export function expectAll(
  { expected }: GoldenCase,
  got: Readonly<Record<string, readonly number[] | Readonly<Record<string, number>>>>,
): void {
  for (const [name, want] of Object.entries(expected)) {
    const ours = got[name];
    if (ours === undefined) throw new Error(`${name} is not compared`);
    if (Array.isArray(ours)) {
      expectClose(ours as number[], flatten(want), { what: name });
      continue;
    }
    for (const [key, x] of Object.entries(want as Record<string, Nested>))
      expectClose([(ours as Record<string, number>)[key] ?? Number.NaN], flatten(x), { what: key });
  }
}

/** Central differences of a scalar function of rows, with Richardson's extrapolation: good to about 1e-10. */
export function slopes(
  rows: readonly Float64Array[],
  of: (rows: readonly Float64Array[]) => number,
): Float64Array[] {
  const at = (r: number, t: number, step: number): number =>
    of(rows.map((row, i) => (i === r ? row.map((x, j) => (j === t ? x + step : x)) : row)));
  const difference = (r: number, t: number, h: number): number => (at(r, t, h) - at(r, t, -h)) / (2 * h);
  return rows.map((row, r) => row.map((_, t) => (4 * difference(r, t, 1e-3) - difference(r, t, 2e-3)) / 3));
}
