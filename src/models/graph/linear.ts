/**
 * Linear layers with their adapters. y = x W^T + b, plus s B A x (LoRA, arXiv 2106.09685 eq. 3; rsLoRA takes
 * s = alpha / sqrt(r), arXiv 2312.03732), or m (W + s B A) / ||W + s B A|| (DoRA, arXiv 2402.09353 eq. 5, with the
 * norm held fixed in the gradient as its section 4.3 proposes). With dropout d the adapter's part reads d(x), as in peft;
 * DoRA's part is m (W + s B A) d(x) / ||W + s B A|| - W d(x), added to W x.
 */
import {
  add,
  div,
  gemm,
  matmul,
  mul,
  sqrt,
  square,
  stopGradient,
  sub,
  sum,
  type Tensor,
  transpose,
} from "../../tensor/index.js";
import { parameter, type Weights } from "./weights.js";

/** How one module is adapted; the matrices are parameters named `MODULE.lora_A.weight` [r, in], `MODULE.lora_B.weight` [out, r]. */
export interface AdaptedModule {
  /** alpha / r, or alpha / sqrt(r). */
  readonly scaling: number;
  /** Adds `MODULE.lora_magnitude_vector` [out]. */
  readonly dora: boolean;
  /** Dropout on the input of A, [n, in] -> [n, in]; in training only. */
  readonly drop?: (x: Tensor) => Tensor;
}

/** By module path, e.g. `model.layers.0.self_attn.q_proj`. */
export type AdaptedModules = ReadonlyMap<string, AdaptedModule>;

export interface LinearContext {
  readonly weights: Weights;
  readonly adapters: AdaptedModules;
  readonly layout: "out,in" | "in,out";
}

/** x [n, in] -> [n, out]. The bias is used when the model has one. */
export function linear(x: Tensor, module: string, { weights, adapters, layout }: LinearContext): Tensor {
  const w = parameter(weights, `${module}.weight`);
  const transB = layout === "out,in";
  const bias = weights.get(`${module}.bias`);
  const adapted = adapters.get(module);
  const base = matmul(x, w, { transB });
  if (!adapted) return bias ? add(base, bias) : base;

  const a = parameter(weights, `${module}.lora_A.weight`);
  const b = parameter(weights, `${module}.lora_B.weight`);
  const { scaling, dora, drop } = adapted;
  const kept = drop ? drop(x) : x;
  const low = matmul(kept, a, { transB: true }); // [n, r]
  const onto = (start: Tensor): Tensor => gemm(low, b, start, { transB: true, alpha: scaling });
  const direction = (): Tensor => magnitude(w, module, { weights, scaling, transB });
  let out: Tensor;
  if (!dora) out = onto(base);
  else if (!drop) out = mul(onto(base), direction());
  else {
    const own = matmul(kept, w, { transB });
    out = add(base, sub(mul(onto(own), direction()), own));
  }
  return bias ? add(out, bias) : out;
}

/** m / ||W + s B A|| for every output, [out]. */
function magnitude(
  w: Tensor,
  module: string,
  o: { weights: Weights; scaling: number; transB: boolean },
): Tensor {
  const a = parameter(o.weights, `${module}.lora_A.weight`);
  const b = parameter(o.weights, `${module}.lora_B.weight`);
  const outIn = o.transB ? w : transpose(w, [1, 0]);
  const whole = gemm(b, a, outIn, { alpha: o.scaling }); // [out, in]
  const norm = stopGradient(sqrt(sum(square(whole), { axes: [1] })));
  return div(parameter(o.weights, `${module}.lora_magnitude_vector`), norm);
}
