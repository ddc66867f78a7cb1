/** The reference keeps the contract, and is exact where that can be said in numbers. */
import { describe, expect, it } from "vitest";

import { erf } from "../../src/backends/reference/erf.js";
import { referenceBackend } from "../../src/backends/index.js";
import { gather, input, softplus } from "../../src/tensor/index.js";
import { backendConformance } from "./backend.js";
import { f32, i32 } from "./case.js";
import { runOnce } from "./numeric.js";

backendConformance("reference", referenceBackend, { tolerance: 1e-11 });

describe("the reference", () => {
  it("has the error function to the last digits", () => {
    // Python 3, math.erf
    const known = [
      [1e-10, 1.1283791670955126e-10],
      [0.1, 0.1124629160182849],
      [0.5, 0.5204998778130465],
      [1.0, 0.8427007929497149],
      [1.7, 0.9837904585907745],
      [2.0, 0.9953222650189527],
      [2.5, 0.999593047982555],
      [2.9, 0.9999589021219005],
      [2.999, 0.9999777698314002],
      [3.0, 0.9999779095030014],
      [3.1, 0.9999883513426328],
      [4.0, 0.9999999845827421],
      [5.5, 0.9999999999999927],
      [6.5, 1.0],
    ] as const;
    for (const [x, y] of known) {
      expect(Math.abs(erf(x) - y)).toBeLessThanOrEqual(5e-16);
      expect(erf(-x)).toBe(-erf(x));
    }
    expect([erf(0), erf(Infinity), erf(-Infinity), erf(Number.NaN)]).toEqual([0, 1, -1, Number.NaN]);
  });

  it("takes and gives float64", async () => {
    const x = input("x", [2]);
    const data = Float64Array.of(0.1, -745);
    const { y } = await runOnce(
      referenceBackend(),
      { inputs: { x }, outputs: { y: softplus(x) } },
      { x: { shape: [2], dtype: "float32", data } },
    );
    expect(y!.data).toBeInstanceOf(Float64Array);
    expect(y!.data[0]).toBe(0.1 + Math.log1p(Math.exp(-0.1)));
    expect(y!.data[1]).toBe(Math.exp(-745));
  });

  it("refuses an index that points outside", async () => {
    const [x, i] = [input("x", [3, 2]), input("i", [2], "int32")];
    for (const bad of [-1, 3]) {
      const feeds = { x: f32([3, 2], [1, 2, 3, 4, 5, 6]), i: i32([2], [0, bad]) };
      await expect(
        runOnce(referenceBackend(), { inputs: { x, i }, outputs: { y: gather(x, i) } }, feeds),
      ).rejects.toThrow(`expected indices from 0 to 2, got ${bad}`);
    }
  });
});
