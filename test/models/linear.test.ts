/** A linear layer with its adapter and dropout, against the formulas of peft worked in plain numbers. */
import { describe, expect, it } from "vitest";
import { referenceBackend } from "../../src/backends/index.js";
import { linear } from "../../src/models/index.js";
import { constant, input, mul, type Tensor } from "../../src/tensor/index.js";
import { createRandom } from "../../src/util/random.js";

const [n, inSize, outSize, r, scaling] = [3, 5, 4, 2, 0.7];
const random = createRandom(3, { stream: "linear" });
const matrix = (rows: number, columns: number): number[][] =>
  Array.from({ length: rows }, () => Array.from({ length: columns }, () => random.normal()));
const x = matrix(n, inSize);
const w = matrix(outSize, inSize);
const a = matrix(r, inSize);
const b = matrix(outSize, r);
const bias = matrix(1, outSize)[0]!;
const magnitude = matrix(1, outSize)[0]!.map(Math.abs);
const mask = x.map((row) => row.map((_, i) => (i % 2 === 0 ? 0 : 2)));

/** p [k, m] times q [l, m] transposed. */
const times = (p: number[][], q: number[][]): number[][] =>
  p.map((row) => q.map((other) => row.reduce((sum, v, i) => sum + v * other[i]!, 0)));
const plus = (p: number[][], q: number[][], factor = 1): number[][] =>
  p.map((row, i) => row.map((v, j) => v + factor * q[i]![j]!));
const tensor = (rows: number[][]): Tensor => constant(rows.flat(), [rows.length, rows[0]!.length]);

async function run(o: { dora: boolean; dropped: boolean }): Promise<number[][]> {
  const backend = referenceBackend();
  const weights = new Map<string, Tensor>([
    ["layer.weight", tensor(w)],
    ["layer.bias", constant(bias, [outSize])],
    ["layer.lora_A.weight", tensor(a)],
    ["layer.lora_B.weight", tensor(b)],
    ["layer.lora_magnitude_vector", constant(magnitude, [outSize])],
  ]);
  const drop = (t: Tensor): Tensor => mul(t, tensor(mask));
  const adapters = new Map([["layer", { scaling, dora: o.dora, ...(o.dropped && { drop }) }]]);
  const at = input("x", [n, inSize]);
  const y = linear(at, "layer", { weights, adapters, layout: "out,in" });
  const program = await backend.compile({ inputs: { x: at }, outputs: { y } });
  const { y: out } = await program.run({
    x: { shape: [n, inSize], dtype: "float32", data: Float64Array.from(x.flat()) },
  });
  await program.release();
  await backend.close();
  return Array.from({ length: n }, (_, i) => Array.from(out!.data.slice(i * outSize, (i + 1) * outSize)));
}

/** result = base(x) + s B A d(x); with DoRA result = base(x) + (g - 1) W d(x) + g s B A d(x), g = m / ||W + s B A||. */
function expected({ dora, dropped }: { dora: boolean; dropped: boolean }): number[][] {
  const kept = dropped ? x.map((row, i) => row.map((v, j) => v * mask[i]![j]!)) : x;
  const base = times(x, w).map((row) => row.map((v, j) => v + bias[j]!));
  const low = times(times(kept, a), b);
  if (!dora) return plus(base, low, scaling);
  const transposed = a[0]!.map((_, j) => a.map((row) => row[j]!));
  const whole = plus(w, times(b, transposed), scaling);
  const gain = whole.map((row, i) => magnitude[i]! / Math.hypot(...row));
  const own = times(kept, w);
  return base.map((row, i) =>
    row.map((v, j) => v + (gain[j]! - 1) * own[i]![j]! + gain[j]! * scaling * low[i]![j]!),
  );
}

describe("a linear layer with an adapter", () => {
  for (const dora of [false, true])
    for (const dropped of [false, true])
      it(`is peft's${dora ? " with DoRA" : ""}${dropped ? " with dropout on the adapter's input" : ""}`, async () => {
        const want = expected({ dora, dropped });
        (await run({ dora, dropped })).forEach((row, i) =>
          row.forEach((v, j) => expect(v).toBeCloseTo(want[i]![j]!, 10)),
        );
      });
});
