/** Shape rules: what fits, and how a misfit is told. */
import { describe, expect, it } from "vitest";

import * as t from "../../src/tensor/index.js";

const f = (...shape: number[]): t.Tensor => t.input("f", shape);
const i = (...shape: number[]): t.Tensor => t.input("i", shape, "int32");
const b = (...shape: number[]): t.Tensor => t.input("b", shape, "bool");

describe("shapes that fit", () => {
  const results: readonly (readonly [string, t.Tensor, readonly number[]])[] = [
    ["broadcast as in numpy", t.add(f(2, 1, 3), f(4, 1)), [2, 4, 3]],
    ["broadcast an axis of 1 to an empty one", t.add(f(1), f(0)), [0]],
    ["lose reduced axes", t.sum(f(2, 3, 4), { axes: [0, -1] }), [3]],
    ["keep reduced axes when asked", t.max(f(2, 3), { axes: [1], keep: true }), [2, 1]],
    ["infer one free axis", t.reshape(f(2, 6), [3, -1]), [3, 4]],
    ["permute", t.transpose(f(2, 3, 4), [2, 0, 1]), [4, 2, 3]],
    ["multiply in stacks, transposed", t.matmul(f(5, 3, 2), f(5, 3, 4), { transA: true }), [5, 2, 4]],
    ["replace the first axis by the indices", t.gather(f(7, 3), i(2, 4)), [2, 4, 3]],
    ["gain an axis by put", t.put(i(2, 4), f(2, 4), 9), [2, 4, 9]],
    ["lose the last axis by argmax", t.argmax(f(2, 3)), [2]],
  ];
  for (const [what, { shape }, wanted] of results) it(what, () => expect(shape).toEqual(wanted));

  it("keep the dtype, or give the one of the result", () => {
    expect(
      [t.add(i(2), 1), t.less(f(2), 0), t.argmax(f(2)), t.cast(b(2), "float32")].map((x) => x.dtype),
    ).toEqual(["int32", "bool", "int32", "float32"]);
  });

  it("need no op where nothing changes", () => {
    const x = f(2, 3);
    const same = [
      t.reshape(x, [2, -1]),
      t.expand(x, [2, 3]),
      t.slice(x, 1, { start: 0, end: 3 }),
      t.concat([x], 0),
    ];
    for (const y of same) expect(y).toBe(x);
  });
});

describe("shapes that do not fit name the op and what came", () => {
  const misfits: readonly (readonly [string, () => unknown, RegExp])[] = [
    ["add", () => t.add(f(2, 3), f(2)), /tensor\.add: .*\[2, 3\] and \[2\]/],
    ["mul of two dtypes", () => t.mul(f(2), i(2)), /tensor\.mul: .*float32\[2\], int32\[2\]/],
    ["and of numbers", () => t.and(f(2), f(2)), /tensor\.and: expected bool/],
    ["not of a number", () => t.not(i(2)), /tensor\.not: expected bool/],
    ["where with a float condition", () => t.where(f(2), f(2), f(2)), /tensor\.where: .*bool/],
    ["reshape", () => t.reshape(f(2, 3), [4]), /tensor\.reshape: expected 6 elements/],
    ["reshape to no whole number", () => t.reshape(f(2, 3), [4, -1]), /tensor\.reshape/],
    ["transpose with too few axes", () => t.transpose(f(2, 3), [0]), /tensor\.transpose: expected .*axes/],
    ["transpose with an axis twice", () => t.transpose(f(2, 3), [0, 0]), /tensor\.transpose/],
    ["expand", () => t.expand(f(2, 3), [2, 4]), /tensor\.expand/],
    ["expand to fewer", () => t.expand(f(2, 3), [3]), /tensor\.expand/],
    [
      "slice past the end",
      () => t.slice(f(2, 3), 1, { start: 1, end: 4 }),
      /tensor\.slice: .*axis 1 of \[2, 3\].*1\.\.4/,
    ],
    ["slice of no axis", () => t.slice(f(2, 3), 2, { start: 0, end: 1 }), /tensor\.slice: .*axis/],
    ["pad of no axis", () => t.pad(f(2), 1, { before: 1, after: 0 }), /tensor\.pad: .*axis/],
    ["concat", () => t.concat([f(2, 3), f(3, 3)], 1), /tensor\.concat: .*axis 1/],
    ["concat of two ranks", () => t.concat([f(2, 3), f(2)], 0), /tensor\.concat/],
    ["split", () => t.split(f(5), 0, [2, 2]), /tensor\.split: expected parts of 5, got 2 \+ 2/],
    ["sum over no axis", () => t.sum(f(2), { axes: [1] }), /tensor\.sum: .*axis/],
    ["cumsum over no axis", () => t.cumsum(f(2), 1), /tensor\.cumsum: .*axis/],
    ["matmul", () => t.matmul(f(2, 3), f(4, 2)), /tensor\.matmul: .*3 and 4/],
    ["matmul of stacks", () => t.matmul(f(2, 3, 4), f(3, 4, 5)), /tensor\.matmul: .*leading/],
    ["gemm", () => t.gemm(f(2, 3), f(3, 4), f(3, 4)), /gemm/],
    ["gather by floats", () => t.gather(f(3, 2), f(2)), /tensor\.gather: expected int32/],
    ["scatterAdd", () => t.scatterAdd(i(3), f(2, 4), 5), /tensor\.scatterAdd: .*updates \[k, \.\.\.\]/],
    ["take", () => t.take(f(2, 3), i(3)), /tensor\.take/],
    ["take by floats", () => t.take(f(2, 3), f(2)), /tensor\.take: .*int32/],
    ["put", () => t.put(i(2), f(3), 4), /tensor\.put/],
    ["takeAlong", () => t.takeAlong(f(2, 3), i(3, 1)), /tensor\.takeAlong/],
    ["putAlong", () => t.putAlong(i(2, 3), f(2, 2), 4), /tensor\.putAlong/],
    ["rmsNorm", () => t.rmsNorm(f(2, 3), f(2), { eps: 1e-5 }), /tensor\.rmsNorm: .*weight \[d\]/],
    [
      "logProbs",
      () => t.logProbs(f(2, 3), { weight: f(5, 4), labels: i(2) }),
      /tensor\.logProbs: .*\[v, d\]/,
    ],
    [
      "logProbs with too few labels",
      () => t.logProbs(f(2, 3), { weight: f(5, 3), labels: i(1) }),
      /labels \[n\]/,
    ],
    ["frozenMatmul", () => t.make("frozenMatmul", [f(2, 3), f(3, 2)], { transB: false }), /frozen weight/],
  ];
  for (const [what, make, message] of misfits) {
    it(what, () => {
      expect(make).toThrow(message);
      expect(make).toThrow(expect.objectContaining({ code: "backend" }));
    });
  }
});
