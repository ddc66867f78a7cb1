/**
 * Lion: the sign of an interpolation between momentum and gradient.
 *
 *   c = b1 m + (1 - b1) g;  p -= lr (sign(c) + weightDecay p);  m = b2 m + (1 - b2) g
 *
 * Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms" (2302.06675), algorithm 2. The state holds
 * `momentum` = m / (1 - b2); sign(c) does not change by the positive factor that is left out of c.
 */
import { add, mul, sign, sub } from "../tensor/index.js";
import { buffers, checkNumber, updateEach, type Transform } from "./transform.js";
import { decayMatrices, type DecayOptions } from "./weight-decay.js";

export interface LionOptions extends DecayOptions {
  /** Share of momentum in the direction. Default 0.9 (Lion, algorithm 2). */
  beta1?: number;
  /** Decay of momentum. Default 0.99 (Lion, algorithm 2). */
  beta2?: number;
}

/** Lion. weightDecay is decoupled and defaults to 0; the paper takes a rate 3-10 times smaller than AdamW's. */
export function lion(options: LionOptions = {}): Transform {
  const { beta1 = 0.9, beta2 = 0.99, weightDecay = 0, decay = decayMatrices } = options;
  checkNumber("optim.lion: beta1", beta1, { min: 0, below: 1 });
  checkNumber("optim.lion: beta2", beta2, { min: 0, below: 1 });
  checkNumber("optim.lion: weightDecay", weightDecay, { min: 0 });
  // c / (1 - b1) = ratio * momentum + g
  const ratio = (beta1 * (1 - beta2)) / (1 - beta1);
  return {
    name: "lion",
    state: (shapes) => buffers(shapes, ["momentum"]),
    scalars: ({ lr }) => ({ lr, keep: 1 - lr * weightDecay }),
    update: (inputs) =>
      updateEach(inputs, (p, g, { name, buffer }) => {
        const { lr, keep } = inputs.scalars;
        const m = buffer("momentum");
        const direction = sign(add(mul(m, ratio), g));
        const shrunk = weightDecay > 0 && decay(name, p.shape) ? mul(p, keep!) : p;
        return { param: sub(shrunk, mul(direction, lr!)), buffers: { momentum: add(mul(m, beta2), g) } };
      }),
  };
}
