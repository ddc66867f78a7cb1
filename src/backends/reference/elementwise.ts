/** Kernels that treat every element alone, with numpy broadcasting. */
import { type Shape, stridesOf, type TensorType } from "../../tensor/index.js";
import { erf } from "./erf.js";
import { allocate, type Data, type Kernel, type KernelTable, type Value, walk } from "./value.js";

/** For every element of `shape`, the offset in a value of shape `from` that broadcasts to it. */
export function broadcastOffsets(from: Shape, shape: Shape): Int32Array {
  const own = stridesOf(from);
  const lead = shape.length - from.length;
  return walk(
    shape,
    shape.map((_, i) => (i < lead || from[i - lead] === 1 ? 0 : own[i - lead]!)),
  );
}

function map(inputs: readonly Value[], type: TensorType, f: (...values: number[]) => number): Data {
  const out = allocate(type);
  const offsets = inputs.map((x) => broadcastOffsets(x.shape, type.shape));
  // One or two inputs are called plainly: a spread for each element would take most of the time.
  const [x, y, ...more] = inputs.map((input) => input.data);
  const [at, bt] = offsets;
  if (more.length > 0) {
    for (let i = 0; i < out.length; i++)
      out[i] = f(...inputs.map((input, k) => input.data[offsets[k]![i]!]!));
  } else if (y) {
    for (let i = 0; i < out.length; i++) out[i] = f(x![at![i]!]!, y[bt![i]!]!);
  } else {
    for (let i = 0; i < out.length; i++) out[i] = f(x![at![i]!]!);
  }
  return out;
}

type Plain = "add" | "sub" | "mul" | "div" | "maximum" | "minimum" | "equal" | "less" | "and" | "or" | "not" | "where"
  | "neg" | "exp" | "log" | "sqrt" | "abs" | "sign" | "tanh" | "sigmoid" | "softplus" | "erf" | "silu"; // prettier-ignore

const each =
  (f: (...values: number[]) => number): Kernel<Plain> =>
  (inputs, _, [type]) => [map(inputs, type!, f)];

export const sigmoid = (x: number): number => {
  const e = Math.exp(-Math.abs(x));
  return x >= 0 ? 1 / (1 + e) : e / (1 + e);
};

const gelu = {
  erf: (x: number): number => 0.5 * x * (1 + erf(x * Math.SQRT1_2)),
  tanh: (x: number): number => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
};

export const ELEMENTWISE: Pick<KernelTable, Plain | "gelu" | "cast" | "stopGradient" | "after"> = {
  // Integer results are cut towards zero when they are stored, and wrap, as in ONNX.
  add: each((a, b) => a! + b!),
  sub: each((a, b) => a! - b!),
  mul: each((a, b) => a! * b!),
  div: each((a, b) => a! / b!),
  maximum: each((a, b) => Math.max(a!, b!)),
  minimum: each((a, b) => Math.min(a!, b!)),
  equal: each((a, b) => (a === b ? 1 : 0)),
  less: each((a, b) => (a! < b! ? 1 : 0)),
  and: each((a, b) => a! & b!),
  or: each((a, b) => a! | b!),
  not: each((a) => 1 - a!),
  where: each((condition, a, b) => (condition ? a! : b!)),
  neg: each((x) => -x!),
  exp: each((x) => Math.exp(x!)),
  log: each((x) => Math.log(x!)),
  sqrt: each((x) => Math.sqrt(x!)),
  abs: each((x) => Math.abs(x!)),
  sign: each((x) => Math.sign(x!)),
  tanh: each((x) => Math.tanh(x!)),
  sigmoid: each((x) => sigmoid(x!)),
  softplus: each((x) => Math.max(x!, 0) + Math.log1p(Math.exp(-Math.abs(x!)))),
  erf: each((x) => erf(x!)),
  silu: each((x) => x! * sigmoid(x!)),
  gelu: (inputs, { approximate }, [type]) => [map(inputs, type!, gelu[approximate])],
  cast: (inputs, { dtype }, [type]) => [
    map(inputs, type!, dtype === "bool" ? (x) => (x === 0 ? 0 : 1) : (x) => x),
  ],
  stopGradient: ([x]) => [x!.data],
  after: ([x]) => [x!.data],
};
