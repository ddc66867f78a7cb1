/**
 * RMSprop: gradients divided by the root of a running mean of their squares.
 *
 *   g += weightDecay p;  v = a v + (1 - a) g^2;  centred: v - (running mean of g)^2 under the root;
 *   u = g / (sqrt(v) + eps);  momentum: b = momentum b + u;  p -= lr b
 *
 * Tieleman and Hinton 2012, "Lecture 6.5 - RMSProp", as torch.optim.RMSprop. The state holds v / (1 - a), and the mean
 * of gradients likewise.
 */
import { add, div, mul, sqrt, square, sub } from "../tensor/index.js";
import { buffers, checkNumber, updateEach, type Transform } from "./transform.js";
import { decayMatrices, type DecayOptions } from "./weight-decay.js";

export interface RmspropOptions extends DecayOptions {
  /** Decay of the running means. Default 0.99 (torch). */
  alpha?: number;
  /** Added to the root. Default 1e-8 (torch). */
  eps?: number;
  /** Default 0. */
  momentum?: number;
  /** Divide by the deviation instead of the root mean square. Default false. */
  centered?: boolean;
}

/** RMSprop. weightDecay is L2 and defaults to 0. */
export function rmsprop(options: RmspropOptions = {}): Transform {
  const {
    alpha = 0.99,
    eps = 1e-8,
    momentum = 0,
    centered = false,
    weightDecay = 0,
    decay = decayMatrices,
  } = options;
  checkNumber("optim.rmsprop: alpha", alpha, { min: 0, below: 1 });
  checkNumber("optim.rmsprop: eps", eps, { min: 0 });
  checkNumber("optim.rmsprop: momentum", momentum, { min: 0, below: 1 });
  checkNumber("optim.rmsprop: weightDecay", weightDecay, { min: 0 });
  const root = Math.sqrt(1 - alpha);
  const names = ["square_avg", ...(centered ? ["grad_avg"] : []), ...(momentum > 0 ? ["momentum"] : [])];
  return {
    name: "rmsprop",
    state: (shapes) => buffers(shapes, names),
    // u = g / (root sqrt(square_avg) + eps): the factor goes into the rate.
    scalars: ({ lr }) => ({ lr: lr / root }),
    update: (inputs) =>
      updateEach(inputs, (p, gradient, { name, buffer }) => {
        const g = weightDecay > 0 && decay(name, p.shape) ? add(gradient, mul(p, weightDecay)) : gradient;
        const v = add(mul(buffer("square_avg"), alpha), square(g));
        const mean = centered ? add(mul(buffer("grad_avg"), alpha), g) : undefined;
        const spread = mean === undefined ? v : sub(v, mul(square(mean), 1 - alpha));
        const u = div(g, add(sqrt(spread), eps / root));
        const b = momentum > 0 ? add(mul(buffer("momentum"), momentum), u) : undefined;
        return {
          param: sub(p, mul(b ?? u, inputs.scalars["lr"]!)),
          buffers: { square_avg: v, ...(mean && { grad_avg: mean }), ...(b && { momentum: b }) },
        };
      }),
  };
}
