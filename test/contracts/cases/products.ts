/** Conformance cases of matrix products. */
import * as t from "../../../src/tensor/index.js";
import { at, type Case, cases, cells, random, total } from "../case.js";
import { weightFile } from "../weight-file.js";

const [M, K, N] = [3, 4, 2];
const FLAGS = [
  [false, false],
  [true, false],
  [false, true],
  [true, true],
] as const;

function stacked(lead: readonly number[], [transA, transB]: readonly [boolean, boolean]): Case {
  const a = random([...lead, ...(transA ? [K, M] : [M, K])], 1);
  const b = random([...lead, ...(transB ? [N, K] : [K, N])], 2);
  return {
    title: `[${a.shape}]${transA ? "^T" : ""} and [${b.shape}]${transB ? "^T" : ""}`,
    feeds: { a, b },
    build: (x) => t.matmul(x["a"]!, x["b"]!, { transA, transB, alpha: 0.5 }),
    expected: [
      cells([...lead, M, N], (...c) => {
        const [i, j] = c.slice(-2) as [number, number];
        const where = c.slice(0, -2);
        const left = (k: number) => (transA ? at(a, ...where, k, i) : at(a, ...where, i, k));
        const right = (k: number) => (transB ? at(b, ...where, j, k) : at(b, ...where, k, j));
        return 0.5 * total(K, (k) => left(k) * right(k));
      }),
    ],
  };
}

function sums(
  shape: readonly number[],
  [transA, transB]: readonly [boolean, boolean] = [false, false],
): Case {
  const a = random(transA ? [K, M] : [M, K], 3);
  const b = random(transB ? [N, K] : [K, N], 4);
  const c = random(shape, 5);
  return {
    title: `adds [${shape}]${transA ? ", a^T" : ""}${transB ? ", b^T" : ""}`,
    feeds: { a, b, c },
    build: (x) => t.gemm(x["a"]!, x["b"]!, x["c"]!, { transA, transB, alpha: 2 }),
    expected: [
      cells([M, N], (i, j) => {
        const product = (k: number) =>
          (transA ? at(a, k, i!) : at(a, i!, k)) * (transB ? at(b, j!, k) : at(b, k, j!));
        return 2 * total(K, product) + at(c, i!, j!);
      }),
    ],
  };
}

function frozen(storage: "F32" | "BF16" | "F16", transB: boolean): Case {
  const shape = transB ? [N, K] : [K, N];
  const w = weightFile(shape, storage);
  const x = random([M, K], 6);
  return {
    title: `${storage}${transB ? ", transposed" : ""}`,
    feeds: { x },
    build: (v) => t.matmul(v["x"]!, t.weight(`w.${storage}.${transB}`, shape, w.source), { transB }),
    expected: [
      cells([M, N], (i, j) =>
        total(K, (k) => at(x, i!, k) * (transB ? at(w.value, j!, k) : at(w.value, k, j!))),
      ),
    ],
  };
}

export const products = cases({
  matmul: [
    ...FLAGS.map((f) => stacked([], f)),
    ...FLAGS.map((f) => stacked([2], f)),
    stacked([2, 2], [false, true]),
  ],
  gemm: [sums([N]), sums([M, 1]), sums([]), sums([1, N]), ...FLAGS.map((f) => sums([M, N], f))],
  frozenMatmul: [frozen("F32", false), frozen("F32", true), frozen("BF16", true), frozen("F16", true)],
});
