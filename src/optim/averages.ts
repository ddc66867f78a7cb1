/**
 * Averages of the parameters over steps, kept beside them: the exponential moving average, and the slow reference of
 * TR-DPO. They change no parameter; put them last in a chain, so that they see the updated ones.
 */
import { add, mul, type Tensor } from "../tensor/index.js";
import { buffers, checkNumber, type Transform, type UpdateInputs } from "./transform.js";

/** old * stay + p * enter, for every parameter, in the buffer of the given name. */
function blend({ params, state, scalars }: UpdateInputs, buffer: string): { state: Record<string, Tensor> } {
  const { stay, enter } = scalars;
  const mixed = Object.entries(params).map(([name, p]) => {
    const key = `${buffer}/${name}`;
    return [key, add(mul(state[key]!, stay!), mul(p, enter!))] as const;
  });
  return { state: Object.fromEntries(mixed) };
}

/**
 * average = decay * average + (1 - decay) * p after every step; the first step copies p. State `average/...`. As
 * torch.optim.swa_utils.get_ema_multi_avg_fn. Default decay 0.999 (torch).
 */
export function ema({ decay = 0.999 }: { decay?: number } = {}): Transform {
  checkNumber("optim.ema: decay", decay, { min: 0, below: 1 });
  return {
    name: "ema",
    state: (shapes) => buffers(shapes, ["average"]),
    scalars: ({ step }) => (step === 1 ? { stay: 0, enter: 1 } : { stay: decay, enter: 1 - decay }),
    update: (inputs) => blend(inputs, "average"),
  };
}

/**
 * reference = alpha * p + (1 - alpha) * reference, every `steps` steps; it starts as the parameters. State
 * `reference/...`. Gorbatovski et al. 2024, TR-DPO (2404.09656); defaults of TRL: alpha 0.6, steps 512.
 */
export function referenceSync({
  alpha = 0.6,
  steps = 512,
}: { alpha?: number; steps?: number } = {}): Transform {
  checkNumber("optim.referenceSync: alpha", alpha, { min: 0 });
  checkNumber("optim.referenceSync: steps", steps, { min: 1 });
  return {
    name: "reference-sync",
    state: (shapes) =>
      Object.fromEntries(
        Object.entries(shapes).map(
          ([name, shape]) => [`reference/${name}`, { shape, start: { copyOf: name } }] as const,
        ),
      ),
    scalars: ({ step }) => (step % steps === 0 ? { stay: 1 - alpha, enter: alpha } : { stay: 1, enter: 0 }),
    update: (inputs) => blend(inputs, "reference"),
  };
}
