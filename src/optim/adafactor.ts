/**
 * Adafactor: the mean of squares of a matrix kept as one row and one column.
 *
 *   b = 1 - t^decayRate;  s = g^2 + eps1;  R = b R + (1 - b) mean over columns of s;  C = b C + (1 - b) mean over rows of s
 *   u = g / sqrt(R C^T / mean(R));  u /= max(1, rms(u) / clipThreshold);  rate = lr or a relative step, times max(eps2, rms(p))
 *   p -= rate (weightDecay p + u), or with a running mean of rate * u
 *
 * Shazeer and Stern 2018 (1804.04235), as transformers' Adafactor. Vectors keep all their squares.
 */
import { AttuneError } from "../errors.js";
import { add, div, maximum, mean, mul, sqrt, square, sub, type Tensor } from "../tensor/index.js";
import { buffers, checkNumber, updateEach, type StateEntry, type Transform } from "./transform.js";
import { decayMatrices, type DecayOptions } from "./weight-decay.js";

export interface AdafactorOptions extends DecayOptions {
  /** Added to squared gradients. Default 1e-30 (transformers). */
  eps1?: number;
  /** Smallest scale of a parameter. Default 1e-3 (transformers). */
  eps2?: number;
  /** Largest root mean square of an update. Default 1 (transformers). */
  clipThreshold?: number;
  /** Exponent of the decay of squares. Default -0.8 (transformers). */
  decayRate?: number;
  /** Decay of a running mean of updates. Default none. */
  beta1?: number;
  /** Multiply the rate by the parameter's own root mean square. Default true. */
  scaleParameter?: boolean;
  /** Ignore the learning rate; use min(1e-2, 1 / sqrt(step)). Default false. */
  relativeStep?: boolean;
  /** With relativeStep: 1e-6 * step instead of 1e-2. Default false. */
  warmupInit?: boolean;
}

const rms = (x: Tensor): Tensor => sqrt(mean(square(x)));

function slot(shape: readonly number[]): Record<string, StateEntry> {
  const zeros = (of: readonly number[]): StateEntry => ({ shape: of, start: "zeros" });
  if (shape.length < 2) return { exp_avg_sq: zeros(shape) };
  return {
    exp_avg_sq_row: zeros([...shape.slice(0, -1), 1]),
    exp_avg_sq_col: zeros([...shape.slice(0, -2), 1, shape.at(-1)!]),
  };
}

/** Adafactor. weightDecay is decoupled and defaults to 0. */
export function adafactor(options: AdafactorOptions = {}): Transform {
  const { eps1 = 1e-30, eps2 = 1e-3, clipThreshold = 1, decayRate = -0.8, beta1 } = options;
  const {
    scaleParameter = true,
    relativeStep = false,
    warmupInit = false,
    weightDecay = 0,
    decay = decayMatrices,
  } = options;
  checkNumber("optim.adafactor: clipThreshold", clipThreshold, { above: 0 });
  checkNumber("optim.adafactor: decayRate", decayRate, { below: 0 });
  if (beta1 !== undefined) checkNumber("optim.adafactor: beta1", beta1, { min: 0, below: 1 });
  checkNumber("optim.adafactor: weightDecay", weightDecay, { min: 0 });
  if (warmupInit && !relativeStep) {
    throw new AttuneError("config", {
      where: "optim.adafactor: warmupInit",
      expected: "relativeStep",
      got: "a given rate",
    });
  }
  return {
    name: "adafactor",
    state: (shapes) => ({
      ...(beta1 === undefined ? {} : buffers(shapes, ["exp_avg"])),
      ...Object.fromEntries(
        Object.entries(shapes).flatMap(([name, shape]) =>
          Object.entries(slot(shape)).map(([buffer, entry]) => [`${buffer}/${name}`, entry] as const),
        ),
      ),
    }),
    scalars({ step, lr }) {
      const limit = warmupInit ? 1e-6 * step : 1e-2;
      const enter = step ** decayRate; // 1 - b
      return { rate: relativeStep ? Math.min(limit, 1 / Math.sqrt(step)) : lr, stay: 1 - enter, enter };
    },
    update: (inputs) =>
      updateEach(inputs, (p, g, { name, buffer }) => {
        const { rate, stay, enter } = inputs.scalars;
        const mix = (old: Tensor, fresh: Tensor): Tensor => add(mul(old, stay!), mul(fresh, enter!));
        const squares = add(square(g), eps1);
        const next: Record<string, Tensor> = {};
        let update: Tensor;
        if (p.shape.length < 2) {
          next["exp_avg_sq"] = mix(buffer("exp_avg_sq"), squares);
          update = div(g, sqrt(next["exp_avg_sq"]));
        } else {
          const row = mix(buffer("exp_avg_sq_row"), mean(squares, { axes: [-1], keep: true })); // [..., r, 1]
          const col = mix(buffer("exp_avg_sq_col"), mean(squares, { axes: [-2], keep: true })); // [..., 1, c]
          update = div(div(g, sqrt(div(row, mean(row, { axes: [-2], keep: true })))), sqrt(col));
          next["exp_avg_sq_row"] = row;
          next["exp_avg_sq_col"] = col;
        }
        const own = scaleParameter ? mul(rate!, maximum(rms(p), eps2)) : rate!; // []
        update = mul(update, div(own, maximum(mul(rms(update), 1 / clipThreshold), 1)));
        if (beta1 !== undefined) {
          update = add(mul(buffer("exp_avg"), beta1), mul(update, 1 - beta1));
          next["exp_avg"] = update;
        }
        const decayed = weightDecay > 0 && decay(name, p.shape);
        return { param: sub(decayed ? mul(p, sub(1, mul(own, weightDecay))) : p, update), buffers: next };
      }),
  };
}
