/** Conformance cases of the elementwise ops. */
import * as t from "../../../src/tensor/index.js";
import type { Tensor } from "../../../src/tensor/index.js";
import { at, bool, type Case, cases, cells, f32, i32, random } from "../case.js";

type Binary = (a: Tensor, b: Tensor) => Tensor;
type Range = { low?: number; high?: number };

const SHAPES = [
  [
    [2, 3],
    [2, 3],
    [2, 3],
  ],
  [[2, 3], [3], [2, 3]],
  [
    [2, 1],
    [1, 3],
    [2, 3],
  ],
  [[], [2, 3], [2, 3]],
  [
    [2, 2, 3],
    [2, 1],
    [2, 2, 3],
  ],
] as const;

function binary(make: Binary, f: (a: number, b: number) => number, right: Range = {}): Case[] {
  return SHAPES.map(([left, other, out], i) => {
    const a = random(left, i);
    const b = random(other, 100 + i, right);
    return {
      title: `broadcasts [${left}] and [${other}]`,
      feeds: { a, b },
      build: (x) => make(x["a"]!, x["b"]!),
      expected: [cells(out, (...c) => f(at(a, ...c), at(b, ...c)))],
    };
  });
}

function ints(make: Binary, expected: readonly number[]): Case {
  return {
    title: "int32",
    feeds: { a: i32([4], [7, -7, 2, 3]), b: i32([4], [2, 2, 2, -3]) },
    build: (x) => make(x["a"]!, x["b"]!),
    expected: [expected],
  };
}

function logic(make: Binary, expected: readonly number[]): Case[] {
  return [
    {
      title: "truth table, broadcast",
      feeds: { a: bool([2, 1], [0, 1]), b: bool([2], [0, 1]) },
      build: (x) => make(x["a"]!, x["b"]!),
      expected: [expected],
    },
  ];
}

function unary(
  make: (x: Tensor) => Tensor,
  f: (x: number) => number,
  options: Range & { edges?: readonly number[] } = {},
): Case[] {
  const x = random([2, 5], 7, options);
  const cases: Case[] = [
    { title: "random values", feeds: { x }, build: (v) => make(v["x"]!), expected: [Array.from(x.data, f)] },
  ];
  if (options.edges) {
    const edges = f32([options.edges.length], options.edges);
    cases.push({
      title: `edges ${options.edges.join(", ")}`,
      feeds: { x: edges },
      build: (v) => make(v["x"]!),
      expected: [Array.from(edges.data, f)],
    });
  }
  return cases;
}

/** Simpson's rule on the integral that defines it. */
function erf(x: number): number {
  const n = 4000;
  const h = x / n;
  const f = (i: number): number => Math.exp(-((i * h) ** 2));
  let sum = f(0) + f(n);
  for (let i = 1; i < n; i++) sum += (i % 2 ? 4 : 2) * f(i);
  return ((2 / Math.sqrt(Math.PI)) * sum * h) / 3;
}

/** Both inputs equal in the middle: the gradient goes to the second. */
const tie = (make: Binary, gradients: { a: number[]; b: number[] }, expected: number[]): Case => ({
  title: "ties give their gradient to the second",
  feeds: { a: f32([3], [1, 0, -1]), b: f32([3], [0, 0, 0]) },
  build: (x) => make(x["a"]!, x["b"]!),
  expected: [expected],
  gradients,
});

const flat = { title: "kink at 0", feeds: { x: f32([3], [-2, 0, 3]) } };

function whereCases(): Case[] {
  const c = bool([2, 1], [1, 0]);
  const a = random([2, 3], 1);
  const b = random([3], 2);
  return [
    {
      title: "broadcasts all three",
      feeds: { c, a, b },
      build: (x) => t.where(x["c"]!, x["a"]!, x["b"]!),
      expected: [cells([2, 3], (i, j) => (at(c, i!, 0) ? at(a, i!, j!) : at(b, j!)))],
    },
    {
      title: "an infinity that is not chosen does no harm",
      feeds: { c: bool([2], [1, 0]), a: f32([2], [1, 0]) },
      build: (x) => t.where(x["c"]!, t.log(t.maximum(x["a"]!, 0.5)), -7),
      expected: [[0, -7]],
      wrt: [],
    },
    {
      title: "int32",
      feeds: { c: bool([3], [1, 0, 1]), a: i32([3], [1, 2, 3]) },
      build: (x) => t.where(x["c"]!, x["a"]!, -1),
      expected: [[1, -1, 3]],
    },
  ];
}

const geluTanh = (x: number): number =>
  0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));

export const elementwise = cases({
  add: [...binary(t.add, (a, b) => a + b), ints(t.add, [9, -5, 4, 0])],
  sub: [...binary(t.sub, (a, b) => a - b), ints(t.sub, [5, -9, 0, 6])],
  mul: [...binary(t.mul, (a, b) => a * b), ints(t.mul, [14, -14, 4, -9])],
  div: [...binary(t.div, (a, b) => a / b, { low: 0.5, high: 2 }), ints(t.div, [3, -3, 1, -1])],
  maximum: [
    ...binary(t.maximum, (a, b) => (a > b ? a : b)),
    ints(t.maximum, [7, 2, 2, 3]),
    tie(t.maximum, { a: [1, 0, 0], b: [0, 1, 1] }, [1, 0, 0]),
  ],
  minimum: [
    ...binary(t.minimum, (a, b) => (a < b ? a : b)),
    ints(t.minimum, [2, -7, 2, -3]),
    tie(t.minimum, { a: [0, 0, 1], b: [1, 1, 0] }, [0, 0, -1]),
  ],
  equal: [
    {
      title: "exact equality, broadcast",
      feeds: { a: f32([2, 1], [0.5, 2]), b: f32([3], [0.5, 2, 0]) },
      build: (x) => t.equal(x["a"]!, x["b"]!),
      expected: [[1, 0, 0, 0, 1, 0]],
    },
    ints(t.equal, [0, 0, 1, 0]),
  ],
  less: [...binary(t.less, (a, b) => (a < b ? 1 : 0)), ints(t.less, [0, 1, 0, 0])],
  and: logic(t.and, [0, 0, 0, 1]),
  or: logic(t.or, [0, 1, 1, 1]),
  not: [{ title: "both", feeds: { a: bool([2], [0, 1]) }, build: (x) => t.not(x["a"]!), expected: [[1, 0]] }],
  where: whereCases(),
  neg: unary(t.neg, (x) => -x),
  exp: unary(t.exp, Math.exp, { edges: [-100, 0, 3] }),
  log: unary(t.log, Math.log, { low: 0.2, high: 4 }),
  sqrt: unary(t.sqrt, Math.sqrt, { low: 0.2, high: 4 }),
  abs: [
    ...unary(t.abs, (x) => (x < 0 ? -x : x)),
    { ...flat, build: (x) => t.abs(x["x"]!), expected: [[2, 0, 3]], gradients: { x: [-1, 0, 1] } },
  ],
  sign: [
    ...unary(t.sign, (x) => (x < 0 ? -1 : 1)),
    { ...flat, build: (x) => t.sign(x["x"]!), expected: [[-1, 0, 1]] },
  ],
  tanh: unary(t.tanh, (x) => 1 - 2 / (Math.exp(2 * x) + 1), { edges: [-50, 0, 50] }),
  sigmoid: unary(t.sigmoid, (x) => 1 / (1 + Math.exp(-x)), { edges: [-100, -20, 0, 20, 100] }),
  softplus: unary(t.softplus, (x) => (x > 30 ? x : x < -30 ? Math.exp(x) : Math.log(1 + Math.exp(x))), {
    edges: [-100, -20, 0, 20, 100],
  }),
  erf: unary(t.erf, erf, { edges: [-5, -0.01, 0, 0.01, 3, 5] }),
  silu: unary(t.silu, (x) => x / (1 + Math.exp(-x)), { edges: [-100, 0, 100] }),
  gelu: [
    ...unary(
      (x) => t.gelu(x, "erf"),
      (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
      { edges: [-10, -3, 0, 3, 10] },
    ),
    ...unary((x) => t.gelu(x, "tanh"), geluTanh, { edges: [-10, -3, 0, 3, 10] }),
  ],
  cast: [
    {
      title: "float32 to int32 cuts towards zero",
      feeds: { x: f32([4], [1.7, -1.7, 0.2, 3]) },
      build: (x) => t.cast(x["x"]!, "int32"),
      expected: [[1, -1, 0, 3]],
      wrt: [],
    },
    {
      title: "float32 to bool is true but for zero",
      feeds: { x: f32([3], [0, 0.5, -2]) },
      build: (x) => t.cast(x["x"]!, "bool"),
      expected: [[0, 1, 1]],
      wrt: [],
    },
    {
      title: "int32 to float32",
      feeds: { x: i32([2], [-3, 4]) },
      build: (x) => t.cast(x["x"]!, "float32"),
      expected: [[-3, 4]],
    },
    {
      title: "bool to float32",
      feeds: { x: bool([2], [1, 0]) },
      build: (x) => t.cast(x["x"]!, "float32"),
      expected: [[1, 0]],
    },
  ],
  stopGradient: unary(t.stopGradient, (x) => x),
  after: [
    {
      title: "x, whatever the others hold",
      feeds: { x: random([2, 3], 1), other: f32([2], [Number.NaN, Infinity]), third: random([4, 1], 2) },
      build: (x) => t.after(x["x"]!, [x["other"]!, t.exp(x["third"]!)]),
      expected: [Array.from(random([2, 3], 1).data)],
      wrt: ["x"],
    },
    {
      title: "a scalar after a scalar",
      feeds: { x: f32([], [2]), other: f32([], [3]) },
      build: (x) => t.after(x["x"]!, [x["other"]!]),
      expected: [[2]],
      wrt: ["x"],
    },
  ],
});
