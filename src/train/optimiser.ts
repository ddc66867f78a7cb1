/** The optimiser of a run: its compiled update, and its state in the backend. Knows no optimiser by name. */
import { optimizerGraph, type Transform } from "../optim/index.js";
import type { Backend, Resident } from "../tensor/index.js";
import { scalar } from "./scalar.js";

export interface Optimiser {
  /** State by name, for checkpoints. */
  readonly state: Readonly<Record<string, Resident>>;
  /** Changes the parameters in place; gives the gradient's norm before clipping. */
  step(at: { step: number; lr: number }): Promise<{ gradNorm: number }>;
  release(): Promise<void>;
}

const prefixed = <T>(prefix: string, entries: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(entries).map(([name, value]) => [`${prefix}:${name}`, value]));

export async function createOptimiser(
  transform: Transform,
  backend: Backend,
  {
    parameters,
    gradients,
  }: { parameters: Readonly<Record<string, Resident>>; gradients: Readonly<Record<string, Resident>> },
): Promise<Optimiser> {
  const shapes = Object.fromEntries(Object.entries(parameters).map(([name, r]) => [name, r.shape]));
  const { graph, state: entries, scalars } = optimizerGraph(transform, shapes);
  const state: Record<string, Resident> = {};
  for (const [name, { shape, start }] of Object.entries(entries)) {
    state[name] =
      start === "zeros"
        ? await backend.zeros({ shape, dtype: "float32" })
        : await backend.upload(await backend.download(parameters[start.copyOf]!));
  }
  const program = await backend.compile(graph);
  const into = { ...prefixed("param", parameters), ...state };
  const fixed = { ...prefixed("param", parameters), ...prefixed("grad", gradients), ...state };
  return {
    state,
    step: async (at) => {
      const host = Object.entries(scalars(at)).map(([name, x]) => [name, scalar(x, backend)] as const);
      const result = await program.run({ ...fixed, ...Object.fromEntries(host) }, { into });
      return { gradNorm: result["grad_norm"]!.data[0]! };
    },
    release: async () => {
      await program.release();
      await backend.free(Object.values(state));
    },
  };
}
