/**
 * Gradient rules: for every op, the gradient of each input from the gradients of the outputs.
 * `null`: no gradient flows (integers, comparisons). "refused": a gradient arriving here is a mistake of the caller.
 */
import {
  add,
  cast,
  concat,
  cumsum,
  div,
  equal,
  exp,
  expand,
  gather,
  less,
  matmul,
  mul,
  neg,
  not,
  pad,
  put,
  putAlong,
  reshape,
  scatterAdd,
  sigmoid,
  sign,
  slice,
  softmax,
  sub,
  sum,
  sumTo,
  take,
  takeAlong,
  transpose,
  where,
} from "./functions.js";
import { constant, make } from "./node.js";
import type { LogProbAttrs, OpAttrs, OpName } from "./ops.js";
import { sizeOf } from "./shape.js";
import type { Tensor } from "./types.js";

export interface GradientContext<K extends OpName> {
  inputs: readonly Tensor[];
  outputs: readonly Tensor[];
  attrs: OpAttrs[K];
  /** Gradient of the first output. */
  dy: Tensor;
  /** Gradients of all outputs, where they arrived; only rules in `whole` see more than the first. */
  dys: readonly (Tensor | undefined)[];
  /** Which inputs want a gradient. */
  wants: readonly boolean[];
}

type Rule<K extends OpName> = (c: GradientContext<K>) => (Tensor | undefined)[];

/** A rule for an op all of whose outputs are differentiable. */
interface Whole<K extends OpName> {
  whole: Rule<K>;
}

const float = (condition: Tensor): Tensor => cast(condition, "float32");

const broadcast =
  <K extends OpName>(rule: Rule<K>): Rule<K> =>
  (c) =>
    rule(c).map((g, i) => (g && c.wants[i] ? sumTo(g, c.inputs[i]!.shape) : undefined));

/** Gradient of a max-like choice goes to where the value came from; ties share it evenly. */
function maxGradient({ inputs, outputs, attrs, dy }: GradientContext<"max">): Tensor[] {
  const x = inputs[0]!;
  const kept = x.shape.map((n, i) => (attrs.axes.includes(i) ? 1 : n));
  const hit = float(equal(x, reshape(outputs[0]!, kept)));
  const share = div(reshape(dy, kept), sum(hit, { axes: attrs.axes, keep: true }));
  return [mul(hit, share)];
}

function rmsNormGradient({ inputs: [x, w], outputs, dy, wants }: GradientContext<"rmsNorm">) {
  const inverse = outputs[1]!;
  const hat = mul(x!, inverse); // [n, d]
  const dHat = mul(dy, w!);
  const along = mul(sum(mul(dHat, hat), { axes: [1], keep: true }), 1 / x!.shape[1]!); // [n, 1]
  return [
    wants[0] ? mul(sub(dHat, mul(hat, along)), inverse) : undefined,
    wants[1] ? sum(mul(dy, hat), { axes: [0] }) : undefined,
  ];
}

function layerNormGradient({ inputs: [x, w], outputs, dy, wants }: GradientContext<"layerNorm">) {
  const [, mean, inverse] = outputs;
  const hat = mul(sub(x!, mean!), inverse!);
  const dHat = mul(dy, w!);
  const n = 1 / x!.shape[1]!;
  const centre = mul(sum(dHat, { axes: [1], keep: true }), n);
  const along = mul(sum(mul(dHat, hat), { axes: [1], keep: true }), n);
  return [
    wants[0] ? mul(sub(sub(dHat, centre), mul(hat, along)), inverse!) : undefined,
    wants[1] ? sum(mul(dy, hat), { axes: [0] }) : undefined,
    wants[2] ? sum(dy, { axes: [0] }) : undefined,
  ];
}

function geluGradient({ inputs: [x], attrs, dy }: GradientContext<"gelu">): Tensor[] {
  const v = x!;
  if (attrs.approximate === "erf") {
    const cdf = mul(add(make("erf", [mul(v, Math.SQRT1_2)], {}), 1), 0.5);
    const pdf = mul(exp(mul(mul(v, v), -0.5)), 1 / Math.sqrt(2 * Math.PI));
    return [mul(dy, add(cdf, mul(v, pdf)))];
  }
  const c = Math.sqrt(2 / Math.PI);
  const v2 = mul(v, v);
  const t = make("tanh", [mul(mul(v, add(mul(v2, 0.044715), 1)), c)], {});
  const inner = mul(add(mul(v2, 3 * 0.044715), 1), c);
  const slope = add(mul(add(t, 1), 0.5), mul(mul(v, 0.5), mul(sub(1, mul(t, t)), inner)));
  return [mul(dy, slope)];
}

function productGradient(
  a: Tensor,
  b: Tensor,
  c: { attrs: OpAttrs["matmul"]; dy: Tensor; wants: readonly boolean[] },
) {
  const { transA, transB, alpha } = c.attrs;
  const dy = c.dy;
  const da = transA
    ? () => matmul(b, dy, { transA: transB, transB: true, alpha })
    : () => matmul(dy, b, { transB: !transB, alpha });
  const db = transB
    ? () => matmul(dy, a, { transA: true, transB: transA, alpha })
    : () => matmul(a, dy, { transA: !transA, alpha });
  return [c.wants[0] ? da() : undefined, c.wants[1] ? db() : undefined];
}

function logProbsGradient({ inputs, attrs, dy, wants }: GradientContext<"logProbs">) {
  const args = [...inputs, dy];
  return [
    wants[0] ? make("logProbsGradHidden", args, attrs satisfies LogProbAttrs) : undefined,
    wants[1] ? make("logProbsGradWeight", args, attrs) : undefined,
    undefined,
  ];
}

export const GRADIENTS: { readonly [K in OpName]: Rule<K> | Whole<K> | null | "refused" } = {
  input: null,
  constant: null,
  weight: null,

  add: broadcast(({ dy }) => [dy, dy]),
  sub: broadcast(({ dy, wants }) => [dy, wants[1] ? neg(dy) : undefined]),
  mul: broadcast(({ inputs: [a, b], dy, wants }) => [
    wants[0] ? mul(dy, b!) : undefined,
    wants[1] ? mul(dy, a!) : undefined,
  ]),
  div: broadcast(({ inputs: [, b], outputs: [y], dy, wants }) => {
    const da = div(dy, b!);
    return [da, wants[1] ? neg(mul(da, y!)) : undefined];
  }),
  // Where both are equal the gradient goes to the second: relu(0) = maximum(0, 0) has gradient 0, as in PyTorch.
  maximum: broadcast(({ inputs: [a, b], dy }) => {
    const first = float(less(b!, a!));
    return [mul(dy, first), mul(dy, sub(1, first))];
  }),
  minimum: broadcast(({ inputs: [a, b], dy }) => {
    const first = float(less(a!, b!));
    return [mul(dy, first), mul(dy, sub(1, first))];
  }),
  equal: null,
  less: null,
  and: null,
  or: null,
  not: null,
  where: broadcast(({ inputs: [c], dy }) => [undefined, where(c!, dy, 0), where(not(c!), dy, 0)]),
  neg: ({ dy }) => [neg(dy)],
  exp: ({ outputs: [y], dy }) => [mul(dy, y!)],
  log: ({ inputs: [x], dy }) => [div(dy, x!)],
  sqrt: ({ outputs: [y], dy }) => [div(mul(dy, 0.5), y!)],
  abs: ({ inputs: [x], dy }) => [mul(dy, sign(x!))],
  sign: null,
  tanh: ({ outputs: [y], dy }) => [mul(dy, sub(1, mul(y!, y!)))],
  sigmoid: ({ outputs: [y], dy }) => [mul(dy, mul(y!, sub(1, y!)))],
  softplus: ({ inputs: [x], dy }) => [mul(dy, sigmoid(x!))],
  erf: ({ inputs: [x], dy }) => [mul(dy, mul(exp(neg(mul(x!, x!))), 2 / Math.sqrt(Math.PI)))],
  silu: ({ inputs: [x], outputs: [y], dy }) => {
    const s = sigmoid(x!); // d(x s) = s + y (1 - s) = y + s (1 - y)
    return [mul(dy, add(y!, mul(s, sub(1, y!))))];
  },
  gelu: geluGradient,
  cast: ({ inputs: [x], attrs, dy }) => [
    x!.dtype === "float32" && attrs.dtype === "float32" ? dy : undefined,
  ],
  stopGradient: null,
  after: ({ dy }) => [dy],
  block: "refused", // handled by the walk itself

  reshape: ({ inputs: [x], dy }) => [reshape(dy, x!.shape)],
  transpose: ({ attrs: { perm }, dy }) => [
    transpose(
      dy,
      perm.map((_, i) => perm.indexOf(i)),
    ),
  ],
  expand: ({ inputs: [x], dy }) => [sumTo(dy, x!.shape)],
  slice: ({ inputs: [x], attrs: { axis, start, end }, dy }) => [
    pad(dy, axis, { before: start, after: x!.shape[axis]! - end }),
  ],
  pad: ({ inputs: [x], attrs: { axis, before }, dy }) => [
    slice(dy, axis, { start: before, end: before + x!.shape[axis]! }),
  ],
  concat: ({ inputs, attrs: { axis }, dy }) => {
    let start = 0;
    return inputs.map((t) => {
      const end = start + t.shape[axis]!;
      const part = slice(dy, axis, { start, end });
      start = end;
      return part;
    });
  },
  split: {
    whole: ({ outputs, attrs: { axis }, dys }) => [
      concat(
        outputs.map((t, i) => dys[i] ?? constant(0, t.shape)),
        axis,
      ),
    ],
  },

  sum: ({ inputs: [x], attrs: { axes }, dy }) => {
    const kept = x!.shape.map((n, i) => (axes.includes(i) ? 1 : n));
    return [expand(reshape(dy, kept), x!.shape)];
  },
  max: maxGradient,
  argmax: null,
  cumsum: ({ attrs, dy }) => [
    cumsum(dy, attrs.axis, { reverse: !attrs.reverse, exclusive: attrs.exclusive }),
  ],
  sort: ({ inputs: [x], outputs: [, indices], dy }) => [putAlong(indices!, dy, x!.shape.at(-1)!)],

  matmul: ({ inputs: [a, b], attrs, dy, wants }) => productGradient(a!, b!, { attrs, dy, wants }),
  gemm: ({ inputs: [a, b, c], attrs, dy, wants }) => [
    ...productGradient(a!, b!, { attrs, dy, wants }),
    wants[2] ? sumTo(dy, c!.shape) : undefined,
  ],
  frozenMatmul: ({ inputs: [, w], attrs, dy }) => [
    make("frozenMatmul", [dy, w!], { transB: !attrs.transB }),
    undefined,
  ],

  gather: ({ inputs: [x, indices], dy }) => {
    const count = sizeOf(indices!.shape);
    const rest = x!.shape.slice(1);
    return [scatterAdd(reshape(indices!, [count]), reshape(dy, [count, ...rest]), x!.shape[0]!), undefined];
  },
  scatterAdd: ({ inputs: [indices], dy }) => [undefined, gather(dy, indices!)],
  take: ({ inputs: [x, indices], dy }) => [put(indices!, dy, x!.shape.at(-1)!), undefined],
  put: ({ inputs: [indices], dy }) => [undefined, take(dy, indices!)],
  takeAlong: ({ inputs: [x, indices], dy }) => [putAlong(indices!, dy, x!.shape.at(-1)!), undefined],
  putAlong: ({ inputs: [indices], dy }) => [undefined, takeAlong(dy, indices!)],

  softmax: ({ outputs: [y], dy }) => [mul(y!, sub(dy, sum(mul(dy, y!), { axes: [-1], keep: true })))],
  logSoftmax: ({ inputs: [x], dy }) => [sub(dy, mul(softmax(x!), sum(dy, { axes: [-1], keep: true })))],
  rmsNorm: rmsNormGradient,
  layerNorm: layerNormGradient,
  rotary: ({ inputs: [, positions, cos, sin], attrs, dy }) => [
    make("rotary", [dy, positions!, cos!, sin!], { ...attrs, inverse: !attrs.inverse }),
  ],
  logProbs: logProbsGradient,
  logProbsGradHidden: "refused",
  logProbsGradWeight: "refused",
  vocabularyStats: "refused",
};
