/** Gradient clipping by the norm over all parameters, and that norm as a metric. */
import { add, div, minimum, mul, sqrt, square, sum, type Tensor, type Tree } from "../tensor/index.js";
import { checkNumber, type Transform } from "./transform.js";

/** sqrt of the sum of squares over a whole tree: []. */
export function globalNorm(tree: Tree): Tensor {
  const parts = Object.values(tree).map((t) => sum(square(t)));
  return sqrt(parts.reduce((a, b) => add(a, b)));
}

/**
 * Gradients times min(1, maxNorm / (norm + 1e-6)), as `torch.nn.utils.clip_grad_norm_`. Logs `grad_norm`, the norm
 * before clipping. TRL's and transformers' default is maxNorm 1.
 */
export function clipByGlobalNorm(maxNorm: number): Transform {
  checkNumber("optim.clipByGlobalNorm: maxNorm", maxNorm, { above: 0 });
  return {
    name: "clip",
    state: () => ({}),
    scalars: () => ({}),
    update({ grads }) {
      const norm = globalNorm(grads);
      const scale = minimum(div(maxNorm, add(norm, 1e-6)), 1);
      const clipped = Object.entries(grads).map(([name, g]) => [name, mul(g, scale)]);
      return { grads: Object.fromEntries(clipped) as Tree, metrics: { grad_norm: norm } };
    },
  };
}
