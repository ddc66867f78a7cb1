/**
 * Stochastic gradient descent with momentum.
 *
 *   g += weightDecay p;  b = momentum b + (1 - dampening) g (the first b is g itself);
 *   p -= lr b, or with Nesterov's momentum lr (g + momentum b)
 *
 * As torch.optim.SGD. Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning".
 */
import { AttuneError } from "../errors.js";
import { add, mul, sub } from "../tensor/index.js";
import { buffers, checkNumber, updateEach, type Transform } from "./transform.js";
import { decayMatrices, type DecayOptions } from "./weight-decay.js";

export interface SgdOptions extends DecayOptions {
  /** Default 0: no buffer at all. */
  momentum?: number;
  /** Share of the gradient kept out of the buffer after the first step. Default 0. */
  dampening?: number;
  /** Look ahead along the buffer. Default false; needs momentum and no dampening. */
  nesterov?: boolean;
}

/** SGD. weightDecay is L2 and defaults to 0. */
export function sgd(options: SgdOptions = {}): Transform {
  const { momentum = 0, dampening = 0, nesterov = false, weightDecay = 0, decay = decayMatrices } = options;
  checkNumber("optim.sgd: momentum", momentum, { min: 0, below: 1 });
  checkNumber("optim.sgd: dampening", dampening, { min: 0 });
  checkNumber("optim.sgd: weightDecay", weightDecay, { min: 0 });
  if (nesterov && (momentum === 0 || dampening !== 0)) {
    throw new AttuneError("config", {
      where: "optim.sgd: nesterov",
      expected: "momentum > 0 and dampening 0",
      got: `momentum ${momentum}, dampening ${dampening}`,
    });
  }
  return {
    name: "sgd",
    state: (shapes) => (momentum === 0 ? {} : buffers(shapes, ["momentum"])),
    scalars: ({ step, lr }) => ({
      lr,
      ...(dampening === 0 ? {} : { enter: step === 1 ? 1 : 1 - dampening }),
    }),
    update: (inputs) =>
      updateEach(inputs, (p, gradient, { name, buffer }) => {
        const { lr, enter } = inputs.scalars;
        const g = weightDecay > 0 && decay(name, p.shape) ? add(gradient, mul(p, weightDecay)) : gradient;
        if (momentum === 0) return { param: sub(p, mul(g, lr!)) };
        const b = add(mul(buffer("momentum"), momentum), enter === undefined ? g : mul(g, enter));
        return { param: sub(p, mul(nesterov ? add(g, mul(b, momentum)) : b, lr!)), buffers: { momentum: b } };
      }),
  };
}
