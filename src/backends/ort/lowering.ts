/**
 * How every op becomes ONNX nodes. The table is exhaustive: an op without a lowering is a type error.
 * The contributed ops of the runtime are used where they save passes over memory.
 */
import type { ComputedOp, Node, OpAttrs, Shape } from "../../tensor/index.js";
import type { Emitter } from "./emitter.js";
import { emitAfter } from "./lower-after.js";
import { type ByteMatrix, multiplyBytes, quantiseRows } from "./lower-frozen.js";
import type { FrozenHead } from "./lower-frozen-head.js";
import {
  lowerLogProbs,
  lowerLogProbsGradHidden,
  lowerLogProbsGradWeight,
  lowerVocabularyStats,
} from "./lower-head.js";

export interface LoweringContext<K extends ComputedOp = ComputedOp> {
  e: Emitter;
  /** Names of the inputs. */
  in: readonly string[];
  node: Node;
  attrs: OpAttrs[K];
  shapes: readonly Shape[];
  /** The frozen weight of `frozenMatmul` as bytes; undefined: it is among the inputs, in float32. */
  bytes?: ByteMatrix | undefined;
  /** The output layer of the ops of the head, where it is frozen. */
  head?: FrozenHead | undefined;
}

/** Gives the names of the outputs. */
type Lowering<K extends ComputedOp> = (c: LoweringContext<K>) => string | string[];

const plain =
  (op: string): Lowering<ComputedOp> =>
  ({ e, in: inputs }) =>
    e.emit(op, inputs);

const contributed = "com.microsoft" as const;
const int = (n: number) => ({ int: n });

function scatterAdd({ e, in: [indices, updates], attrs, shapes }: LoweringContext<"scatterAdd">): string {
  const shape = e.int64s([attrs.rows, ...shapes[1]!.slice(1)]);
  const zeros = e.emit("ConstantOfShape", [shape]);
  // Not ScatterND: with several threads it races where an index occurs twice, and loses gradients.
  const column = e.emit("Reshape", [
    indices!,
    e.int64s(shapes[1]!.map((_, i) => (i === 0 ? shapes[1]![0]! : 1))),
  ]);
  const everywhere = e.emit("Expand", [column, e.int64s(shapes[1]!)]);
  return e.emit("ScatterElements", [zeros, everywhere, updates!], {
    attributes: { axis: int(0), reduction: { text: "add" } },
  });
}

const last = { axis: int(-1) };

export const LOWERINGS: { readonly [K in ComputedOp]: Lowering<K> } = {
  add: plain("Add"),
  sub: plain("Sub"),
  mul: plain("Mul"),
  div: plain("Div"),
  maximum: plain("Max"),
  minimum: plain("Min"),
  equal: plain("Equal"),
  less: plain("Less"),
  and: plain("And"),
  or: plain("Or"),
  not: plain("Not"),
  where: plain("Where"),
  neg: plain("Neg"),
  exp: plain("Exp"),
  log: plain("Log"),
  sqrt: plain("Sqrt"),
  abs: plain("Abs"),
  sign: plain("Sign"),
  tanh: plain("Tanh"),
  sigmoid: plain("Sigmoid"),
  softplus: plain("Softplus"),
  erf: plain("Erf"),
  silu: ({ e, in: inputs }) => e.emit("QuickGelu", inputs, { domain: contributed, attributes: { alpha: 1 } }),
  gelu: ({ e, in: inputs, attrs }) =>
    e.emit(attrs.approximate === "tanh" ? "FastGelu" : "Gelu", inputs, { domain: contributed }),
  cast: ({ e, in: inputs, attrs }) =>
    e.emit("Cast", inputs, {
      attributes: { to: int(attrs.dtype === "float32" ? 1 : attrs.dtype === "int32" ? 6 : 9) },
    }),
  stopGradient: ({ in: [x] }) => x!,
  after: ({ e, in: [x, ...others], node }) => emitAfter(e, x!, { others, shape: node.outputs[0]!.shape }),

  reshape: ({ e, in: [x], attrs }) =>
    e.emit("Reshape", [x!, e.literal("int64", [attrs.shape.length], attrs.shape)]),
  transpose: ({ e, in: inputs, attrs }) =>
    e.emit("Transpose", inputs, { attributes: { perm: { ints: attrs.perm } } }),
  // Expand keeps an axis of 1 where 0 is asked for, so an empty result is cut from it.
  expand: ({ e, in: [x], attrs }) => {
    const full = e.emit("Expand", [x!, e.int64s(attrs.shape.map((n) => Math.max(n, 1)))]);
    const empty = attrs.shape.flatMap((n, axis) => (n === 0 ? [axis] : []));
    if (empty.length === 0) return full;
    const zeros = e.int64s(empty.map(() => 0));
    return e.emit("Slice", [full, zeros, zeros, e.int64s(empty)]);
  },
  slice: ({ e, in: [x], attrs }) =>
    e.emit("Slice", [x!, e.int64s([attrs.start]), e.int64s([attrs.end]), e.int64s([attrs.axis])]),
  pad: ({ e, in: [x], attrs }) =>
    e.emit("Pad", [x!, e.int64s([attrs.before, attrs.after]), "", e.int64s([attrs.axis])]),
  concat: ({ e, in: inputs, attrs }) => e.emit("Concat", inputs, { attributes: { axis: int(attrs.axis) } }),
  split: ({ e, in: [x], attrs }) =>
    e.emitAll("Split", [x!, e.int64s(attrs.sizes)], {
      outputs: attrs.sizes.length,
      attributes: { axis: int(attrs.axis) },
    }),

  sum: ({ e, in: [x], attrs }) =>
    e.emit("ReduceSum", [x!, e.int64s(attrs.axes)], { attributes: { keepdims: int(attrs.keep ? 1 : 0) } }),
  max: ({ e, in: [x], attrs }) =>
    e.emit("ReduceMax", [x!, e.int64s(attrs.axes)], { attributes: { keepdims: int(attrs.keep ? 1 : 0) } }),
  argmax: ({ e, in: inputs }) => {
    const index = e.emit("ArgMax", inputs, { attributes: { axis: int(-1), keepdims: int(0) } });
    return e.emit("Cast", [index], { attributes: { to: int(6) } });
  },
  cumsum: ({ e, in: [x], attrs }) =>
    e.emit("CumSum", [x!, e.literal("int64", [], [attrs.axis])], {
      attributes: { reverse: int(attrs.reverse ? 1 : 0), exclusive: int(attrs.exclusive ? 1 : 0) },
    }),
  sort: ({ e, in: [x], attrs, shapes }) => {
    const count = e.int64s([shapes[0]!.at(-1)!]);
    const [values, indices] = e.emitAll("TopK", [x!, count], {
      outputs: 2,
      attributes: { axis: int(-1), largest: int(attrs.descending ? 1 : 0), sorted: int(1) },
    });
    return [values!, e.emit("Cast", [indices!], { attributes: { to: int(6) } })];
  },

  matmul: ({ e, in: inputs, attrs, shapes }) => {
    const attributes = {
      transA: int(attrs.transA ? 1 : 0),
      transB: int(attrs.transB ? 1 : 0),
      alpha: attrs.alpha,
    };
    return shapes[0]!.length === 2
      ? e.emit("Gemm", inputs, { attributes })
      : e.emit("FusedMatMul", inputs, { domain: contributed, attributes });
  },
  gemm: ({ e, in: inputs, attrs }) =>
    e.emit("Gemm", inputs, {
      attributes: {
        transA: int(attrs.transA ? 1 : 0),
        transB: int(attrs.transB ? 1 : 0),
        alpha: attrs.alpha,
        beta: 1,
      },
    }),
  frozenMatmul: ({ e, in: inputs, attrs, bytes, shapes }) =>
    bytes === undefined
      ? e.emit("Gemm", inputs, { attributes: { transB: int(attrs.transB ? 1 : 0) } })
      : multiplyBytes(e, quantiseRows(e, { name: inputs[0]!, rows: shapes[0]![0]! }), { ...bytes, alpha: 1 }),

  gather: ({ e, in: inputs }) => e.emit("Gather", inputs, { attributes: { axis: int(0) } }),
  scatterAdd,
  take: ({ e, in: [x, indices], shapes }) => {
    const picked = e.emit(
      "GatherElements",
      [x!, e.emit("Reshape", [indices!, e.int64s([...shapes[1]!, 1])])],
      { attributes: last },
    );
    return e.emit("Reshape", [picked, e.literal("int64", [shapes[1]!.length], shapes[1]!)]);
  },
  put: ({ e, in: [indices, values], attrs, shapes }) => {
    const one = e.int64s([...shapes[0]!, 1]);
    const zeros = e.emit("ConstantOfShape", [e.int64s([...shapes[0]!, attrs.size])]);
    return e.emit(
      "ScatterElements",
      [zeros, e.emit("Reshape", [indices!, one]), e.emit("Reshape", [values!, one])],
      { attributes: last },
    );
  },
  takeAlong: ({ e, in: inputs }) => e.emit("GatherElements", inputs, { attributes: last }),
  putAlong: ({ e, in: inputs, attrs, shapes }) => {
    const zeros = e.emit("ConstantOfShape", [e.int64s([...shapes[0]!.slice(0, -1), attrs.size])]);
    return e.emit("ScatterElements", [zeros, ...inputs], {
      attributes: { ...last, reduction: { text: "add" } },
    });
  },

  softmax: ({ e, in: inputs }) => e.emit("Softmax", inputs, { attributes: last }),
  logSoftmax: ({ e, in: inputs }) => e.emit("LogSoftmax", inputs, { attributes: last }),
  rmsNorm: ({ e, in: inputs, attrs }) =>
    e.emitAll("SimplifiedLayerNormalization", inputs, {
      outputs: 2,
      attributes: { ...last, epsilon: attrs.eps },
    }),
  layerNorm: ({ e, in: inputs, attrs }) =>
    e.emitAll("LayerNormalization", inputs, { outputs: 3, attributes: { ...last, epsilon: attrs.eps } }),
  rotary: ({ e, in: [x, positions, cos, sin], attrs, shapes }) => {
    const wide = e.emit("Cast", [positions!], { attributes: { to: int(7) } });
    const back = attrs.inverse ? e.emit("Neg", [sin!]) : sin!;
    const partial = attrs.rotaryDim < attrs.headDim;
    return e.emit("RotaryEmbedding", [x!, wide, cos!, back], {
      domain: contributed,
      attributes: partial
        ? { num_heads: int(shapes[0]![2]! / attrs.headDim), rotary_embedding_dim: int(attrs.rotaryDim) }
        : {},
    });
  },
  logProbs: (c) => c.head?.logProbs() ?? lowerLogProbs(c),
  logProbsGradHidden: (c) => c.head?.gradHidden(c.in[3]!) ?? lowerLogProbsGradHidden(c),
  logProbsGradWeight: lowerLogProbsGradWeight,
  vocabularyStats: (c) => c.head?.stats() ?? lowerVocabularyStats(c),
};
