/** Shape rules: for every op, the types of its outputs, or an error that names the op. Knows nothing of values. */
import { AttuneError } from "../errors.js";
import type { OpAttrs, OpName } from "./ops.js";
import { broadcastShapes, normaliseAxes, sameShape, showShape, sizeOf } from "./shape.js";
import type { DType, Shape, Tensor, TensorType } from "./types.js";

type Rule<K extends OpName> = (inputs: readonly Tensor[], attrs: OpAttrs[K]) => TensorType[];

function fail(op: string, expected: string, got: string): never {
  throw new AttuneError("backend", { where: `tensor.${op}`, expected, got });
}

const one = (shape: Shape, dtype: DType): TensorType[] => [{ shape, dtype }];

const show = (inputs: readonly Tensor[]): string =>
  inputs.map((t) => `${t.dtype}${showShape(t.shape)}`).join(", ");

function elementwise(op: string, dtype?: DType): Rule<OpName> {
  return (inputs) => {
    const first = inputs[0]!;
    if (inputs.some((t) => t.dtype !== first.dtype)) fail(op, "inputs of one dtype", show(inputs));
    return one(
      broadcastShapes(
        op,
        inputs.map((t) => t.shape),
      ),
      dtype ?? first.dtype,
    );
  };
}

/** and, or, not. */
function logical(op: string): Rule<OpName> {
  return (inputs) => {
    if (inputs.some((t) => t.dtype !== "bool")) fail(op, "bools", show(inputs));
    return one(
      broadcastShapes(
        op,
        inputs.map((t) => t.shape),
      ),
      "bool",
    );
  };
}

/** Refuses an axis that a tensor does not have. */
function checkAxes(op: string, { shape }: Tensor, axes: readonly number[]): void {
  for (const axis of axes) {
    if (!Number.isInteger(axis) || axis < 0 || axis >= shape.length)
      fail(op, `an axis of ${showShape(shape)}`, String(axis));
  }
}

function checkIndices(op: string, indices: Tensor): void {
  if (indices.dtype !== "int32") fail(op, "int32 indices", show([indices]));
}

const unary: Rule<OpName> = ([x]) => one(x!.shape, x!.dtype);

function reduced(op: string): Rule<"sum" | "max"> {
  return ([x], { axes, keep }) => {
    const all = normaliseAxes(axes, x!.shape.length);
    checkAxes(op, x!, all);
    return one(
      x!.shape.flatMap((n, i) => (all.includes(i) ? (keep ? [1] : []) : [n])),
      x!.dtype,
    );
  };
}

function product(op: string, a: Tensor, b: Tensor, flags: { transA: boolean; transB: boolean }): number[] {
  const ra = a.shape.length;
  const rb = b.shape.length;
  if (ra < 2 || ra !== rb || !sameShape(a.shape.slice(0, -2), b.shape.slice(0, -2))) {
    fail(op, "two stacks of matrices with equal leading dimensions", show([a, b]));
  }
  const m = a.shape[flags.transA ? ra - 1 : ra - 2]!;
  const k = a.shape[flags.transA ? ra - 2 : ra - 1]!;
  const k2 = b.shape[flags.transB ? rb - 1 : rb - 2]!;
  const n = b.shape[flags.transB ? rb - 2 : rb - 1]!;
  if (k !== k2) fail(op, `equal inner dimensions`, `${k} and ${k2} from ${show([a, b])}`);
  return [...a.shape.slice(0, -2), m, n];
}

function checkHead(op: string, [h, w, labels]: readonly Tensor[]): void {
  const fits = h!.shape.length === 2 && w!.shape.length === 2 && h!.shape[1] === w!.shape[1];
  if (!fits || labels!.shape[0] !== h!.shape[0])
    fail(op, "hidden [n, d], weight [v, d], labels [n]", show([h!, w!, labels!]));
}

export const RULES: { readonly [K in OpName]: Rule<K> } = {
  input: () => fail("input", "a type given by the caller", "none"),
  constant: () => fail("constant", "a type given by the caller", "none"),
  weight: () => fail("weight", "a type given by the caller", "none"),

  add: elementwise("add"),
  sub: elementwise("sub"),
  mul: elementwise("mul"),
  div: elementwise("div"),
  maximum: elementwise("maximum"),
  minimum: elementwise("minimum"),
  equal: elementwise("equal", "bool"),
  less: elementwise("less", "bool"),
  and: logical("and"),
  or: logical("or"),
  not: logical("not"),
  where: ([c, a, b]) => {
    if (c!.dtype !== "bool" || a!.dtype !== b!.dtype)
      fail("where", "a bool and two of one dtype", show([c!, a!, b!]));
    return one(broadcastShapes("where", [c!.shape, a!.shape, b!.shape]), a!.dtype);
  },
  neg: unary,
  exp: unary,
  log: unary,
  sqrt: unary,
  abs: unary,
  sign: unary,
  tanh: unary,
  sigmoid: unary,
  softplus: unary,
  erf: unary,
  silu: unary,
  gelu: unary,
  cast: ([x], { dtype }) => one(x!.shape, dtype),
  stopGradient: unary,
  after: unary,
  block: (_, { forward }) => forward.map(({ shape, dtype }) => ({ shape, dtype })),

  reshape: ([x], { shape }) => {
    const whole = shape.every((n) => Number.isInteger(n) && n >= 0);
    if (!whole || sizeOf(shape) !== sizeOf(x!.shape))
      fail("reshape", `${sizeOf(x!.shape)} elements`, showShape(shape));
    return one(shape, x!.dtype);
  },
  transpose: ([x], { perm }) => {
    const all = new Set(perm).size === perm.length && perm.length === x!.shape.length;
    if (!all) fail("transpose", `each of ${x!.shape.length} axes once`, showShape(perm));
    checkAxes("transpose", x!, perm);
    return one(
      perm.map((axis) => x!.shape[axis]!),
      x!.dtype,
    );
  },
  expand: ([x], { shape }) => {
    if (!sameShape(broadcastShapes("expand", [x!.shape, shape]), shape))
      fail("expand", showShape(shape), show([x!]));
    return one(shape, x!.dtype);
  },
  slice: ([x], { axis, start, end }) => {
    checkAxes("slice", x!, [axis]);
    if (start < 0 || end > x!.shape[axis]! || start > end) {
      fail("slice", `a range inside axis ${axis} of ${showShape(x!.shape)}`, `${start}..${end}`);
    }
    return one(
      x!.shape.map((n, i) => (i === axis ? end - start : n)),
      x!.dtype,
    );
  },
  pad: ([x], { axis, before, after }) => {
    checkAxes("pad", x!, [axis]);
    if (before < 0 || after < 0) fail("pad", "widths >= 0", `${before} and ${after}`);
    return one(
      x!.shape.map((n, i) => (i === axis ? n + before + after : n)),
      x!.dtype,
    );
  },
  concat: (inputs, { axis }) => {
    const first = inputs[0]!;
    checkAxes("concat", first, [axis]);
    const total = inputs.reduce((sum, t) => sum + t.shape[axis]!, 0);
    for (const t of inputs) {
      const rank = t.shape.length === first.shape.length;
      if (!rank || t.dtype !== first.dtype || t.shape.some((n, i) => i !== axis && n !== first.shape[i])) {
        fail("concat", `equal shapes but for axis ${axis}`, show(inputs));
      }
    }
    return one(
      first.shape.map((n, i) => (i === axis ? total : n)),
      first.dtype,
    );
  },
  split: ([x], { axis, sizes }) => {
    const total = sizes.reduce((a, b) => a + b, 0);
    if (total !== x!.shape[axis]) fail("split", `parts of ${x!.shape[axis]}`, sizes.join(" + "));
    return sizes.map((size) => ({ shape: x!.shape.map((n, i) => (i === axis ? size : n)), dtype: x!.dtype }));
  },

  sum: reduced("sum"),
  max: reduced("max"),
  argmax: ([x]) => one(x!.shape.slice(0, -1), "int32"),
  cumsum: ([x], { axis }) => {
    checkAxes("cumsum", x!, [axis]);
    return one(x!.shape, x!.dtype);
  },
  sort: ([x]) => [
    { shape: x!.shape, dtype: x!.dtype },
    { shape: x!.shape, dtype: "int32" },
  ],

  matmul: ([a, b], attrs) => one(product("matmul", a!, b!, attrs), a!.dtype),
  gemm: ([a, b, c], attrs) => {
    const shape = product("gemm", a!, b!, attrs);
    if (shape.length !== 2 || !sameShape(broadcastShapes("gemm", [shape, c!.shape]), shape)) {
      fail("gemm", "matrices, and an addend that broadcasts to their product", show([a!, b!, c!]));
    }
    return one(shape, a!.dtype);
  },
  frozenMatmul: ([x, w], { transB }) => {
    if (w!.node.op !== "weight") fail("frozenMatmul", "a frozen weight", `the output of ${w!.node.op}`);
    return one(product("frozenMatmul", x!, w!, { transA: false, transB }), x!.dtype);
  },

  gather: ([x, indices]) => {
    checkIndices("gather", indices!);
    return one([...indices!.shape, ...x!.shape.slice(1)], x!.dtype);
  },
  scatterAdd: ([indices, updates], { rows }) => {
    checkIndices("scatterAdd", indices!);
    if (indices!.shape.length !== 1 || updates!.shape[0] !== indices!.shape[0]) {
      fail("scatterAdd", "indices [k] and updates [k, ...]", show([indices!, updates!]));
    }
    return one([rows, ...updates!.shape.slice(1)], updates!.dtype);
  },
  take: ([x, indices]) => {
    checkIndices("take", indices!);
    if (!sameShape(x!.shape.slice(0, -1), indices!.shape))
      fail("take", "one index for each last axis", show([x!, indices!]));
    return one(indices!.shape, x!.dtype);
  },
  put: ([indices, values], { size }) => {
    checkIndices("put", indices!);
    if (!sameShape(indices!.shape, values!.shape))
      fail("put", "indices and values of one shape", show([indices!, values!]));
    return one([...indices!.shape, size], values!.dtype);
  },
  takeAlong: ([x, indices]) => {
    checkIndices("takeAlong", indices!);
    if (!sameShape(x!.shape.slice(0, -1), indices!.shape.slice(0, -1)))
      fail("takeAlong", "equal leading dimensions", show([x!, indices!]));
    return one(indices!.shape, x!.dtype);
  },
  putAlong: ([indices, values], { size }) => {
    checkIndices("putAlong", indices!);
    if (!sameShape(indices!.shape, values!.shape))
      fail("putAlong", "indices and values of one shape", show([indices!, values!]));
    return one([...indices!.shape.slice(0, -1), size], values!.dtype);
  },

  softmax: unary,
  logSoftmax: unary,
  rmsNorm: ([x, w]) => {
    if (x!.shape.length !== 2 || w!.shape.length !== 1 || w!.shape[0] !== x!.shape[1])
      fail("rmsNorm", "x [n, d] and weight [d]", show([x!, w!]));
    return [
      { shape: x!.shape, dtype: x!.dtype },
      { shape: [x!.shape[0]!, 1], dtype: x!.dtype },
    ];
  },
  layerNorm: ([x, w]) => {
    if (x!.shape.length !== 2 || w!.shape[0] !== x!.shape[1])
      fail("layerNorm", "x [n, d] and weight [d]", show([x!, w!]));
    const row = { shape: [x!.shape[0]!, 1], dtype: x!.dtype };
    return [{ shape: x!.shape, dtype: x!.dtype }, row, row];
  },
  rotary: ([x, positions, cos], { headDim, rotaryDim }) => {
    if (
      x!.shape.length !== 3 ||
      !sameShape(positions!.shape, x!.shape.slice(0, 2)) ||
      x!.shape[2]! % headDim !== 0 ||
      cos!.shape[1] !== rotaryDim / 2
    ) {
      fail(
        "rotary",
        `x [rows, length, n * ${headDim}], positions [rows, length], table [max, ${rotaryDim / 2}]`,
        show([x!, positions!, cos!]),
      );
    }
    return one(x!.shape, x!.dtype);
  },
  logProbs: (inputs) => {
    checkHead("logProbs", inputs);
    return one(inputs[2]!.shape, inputs[0]!.dtype);
  },
  logProbsGradHidden: (inputs) => one(inputs[0]!.shape, inputs[0]!.dtype),
  logProbsGradWeight: (inputs) => one(inputs[1]!.shape, inputs[0]!.dtype),
  vocabularyStats: (inputs) => {
    checkHead("vocabularyStats", inputs);
    const row = { shape: inputs[2]!.shape, dtype: inputs[0]!.dtype };
    return [row, row, row];
  },
};
