/** Running a graph once, comparing numbers, and gradients by central differences on the float64 reference. */
import { expect } from "vitest";

import { referenceBackend } from "../../src/backends/reference/index.js";
import type { Backend, HostTensor, Tree } from "../../src/tensor/index.js";

export type Feeds = Readonly<Record<string, HostTensor>>;

/** Compiles, runs and releases. */
export async function runOnce(
  backend: Backend,
  graph: { inputs: Tree; outputs: Tree },
  feeds: Feeds,
): Promise<Record<string, HostTensor>> {
  const program = await backend.compile(graph);
  try {
    return await program.run(feeds);
  } finally {
    await program.release();
  }
}

/** Every number within tolerance * (1 + |wanted|); NaN in `wanted` stands for a number that is not compared. */
export function expectClose(
  got: HostTensor,
  wanted: ArrayLike<number>,
  { tolerance, what }: { tolerance: number; what: string },
): void {
  expect(got.data.length, `${what}: count of numbers`).toBe(wanted.length);
  for (let i = 0; i < wanted.length; i++) {
    const [a, b] = [got.data[i]!, wanted[i]!];
    if (Number.isNaN(b) || a === b) continue;
    const off = Math.abs(a - b) / (1 + Math.abs(b));
    if (!(off <= tolerance))
      expect.fail(`${what}, element ${i}: wanted ${b}, got ${a} (off by ${off}, allowed ${tolerance})`);
  }
}

/** d loss / d feed by central differences in float64; `loss` is a scalar output of the graph. */
export async function differences(
  graph: { inputs: Tree; outputs: { loss: Tree[string] } },
  feeds: Feeds,
  wrt: string,
): Promise<Float64Array> {
  const backend = referenceBackend();
  const program = await backend.compile(graph);
  const x = Float64Array.from(feeds[wrt]!.data);
  const lossAt = async (i: number, value: number): Promise<number> => {
    const data = x.slice();
    data[i] = value;
    return (await program.run({ ...feeds, [wrt]: { ...feeds[wrt]!, data } }))["loss"]!.data[0]!;
  };
  const out = new Float64Array(x.length);
  for (let i = 0; i < x.length; i++) {
    const h = 1e-5 * Math.max(1, Math.abs(x[i]!));
    out[i] = ((await lossAt(i, x[i]! + h)) - (await lossAt(i, x[i]! - h))) / (2 * h);
  }
  await backend.close();
  return out;
}
