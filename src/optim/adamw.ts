/**
 * Adam, and AdamW with decoupled weight decay.
 *
 *   m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;  p -= lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)
 *
 * Kingma and Ba 2014 (1412.6980), algorithm 1; Loshchilov and Hutter 2017 (1711.05101), algorithm 2: AdamW first
 * shrinks p by 1 - lr * weightDecay, Adam adds weightDecay * p to the gradient. AMSGrad: Reddi et al. 2018 (1904.09237).
 *
 * Fewer passes over the parameters: the state holds `exp_avg` = m / (1 - b1) and `exp_avg_sq` = v / (1 - b2), so that
 * neither g nor g^2 is scaled, and all that depends on the step is in three scalars.
 */
import { add, div, maximum, mul, sqrt, square, sub } from "../tensor/index.js";
import { buffers, checkNumber, updateEach, type Transform } from "./transform.js";
import { decayMatrices, type DecayOptions } from "./weight-decay.js";

export interface AdamOptions extends DecayOptions {
  /** Decay of the mean of gradients. Default 0.9 (Adam, algorithm 1). */
  beta1?: number;
  /** Decay of the mean of squares. Default 0.999 (Adam, algorithm 1). */
  beta2?: number;
  /** Added to the bias-corrected root. Default 1e-8 (Adam, algorithm 1). */
  eps?: number;
  /** Divide by the largest mean of squares so far. Default false. */
  amsgrad?: boolean;
}

function make(
  name: string,
  options: AdamOptions,
  { decoupled, defaultDecay }: { decoupled: boolean; defaultDecay: number },
): Transform {
  const { beta1 = 0.9, beta2 = 0.999, eps = 1e-8, amsgrad = false } = options;
  const { weightDecay = defaultDecay, decay = decayMatrices } = options;
  checkNumber(`optim.${name}: beta1`, beta1, { min: 0, below: 1 });
  checkNumber(`optim.${name}: beta2`, beta2, { min: 0, below: 1 });
  checkNumber(`optim.${name}: eps`, eps, { min: 0 });
  checkNumber(`optim.${name}: weightDecay`, weightDecay, { min: 0 });
  const names = amsgrad ? ["exp_avg", "exp_avg_sq", "max_exp_avg_sq"] : ["exp_avg", "exp_avg_sq"];
  return {
    name,
    state: (shapes) => buffers(shapes, names),
    scalars({ step, lr }) {
      // sqrt(v / (1 - b2^t)) = sqrt(exp_avg_sq) / root, and the same for m and its own correction.
      const root = Math.sqrt((1 - beta2 ** step) / (1 - beta2));
      return {
        rate: ((lr * (1 - beta1)) / (1 - beta1 ** step)) * root,
        eps: eps * root,
        keep: 1 - lr * weightDecay,
      };
    },
    update: (inputs) =>
      updateEach(inputs, (p, gradient, { name: parameter, buffer }) => {
        const { rate, eps: epsilon, keep } = inputs.scalars;
        const decayed = weightDecay > 0 && decay(parameter, p.shape);
        const g = decayed && !decoupled ? add(gradient, mul(p, weightDecay)) : gradient;
        const m = add(mul(buffer("exp_avg"), beta1), g);
        const v = add(mul(buffer("exp_avg_sq"), beta2), square(g));
        const top = amsgrad ? maximum(buffer("max_exp_avg_sq"), v) : v;
        const step = mul(div(m, add(sqrt(top), epsilon!)), rate!);
        return {
          param: sub(decayed && decoupled ? mul(p, keep!) : p, step),
          buffers: { exp_avg: m, exp_avg_sq: v, ...(amsgrad ? { max_exp_avg_sq: top } : {}) },
        };
      }),
  };
}

/** AdamW. weightDecay defaults to 0.01 (torch.optim.AdamW). */
export const adamw = (options: AdamOptions = {}): Transform =>
  make("adamw", options, { decoupled: true, defaultDecay: 0.01 });

/** Adam; its weight decay is L2, added to the gradient. weightDecay defaults to 0. */
export const adam = (options: AdamOptions = {}): Transform =>
  make("adam", options, { decoupled: false, defaultDecay: 0 });
