/**
 * A transformation as one graph: parameters, gradients, state and scalars in, new parameters, new state and
 * `grad_norm` out. Names are prefixed `param:`, `grad:`, `state:`, `scalar:`. Knows no backend.
 */
import { input, type Graph, type Shape, type Tree } from "../tensor/index.js";
import { globalNorm } from "./clip.js";
import type { StateEntry, StepInfo, Transform } from "./transform.js";

export interface OptimizerGraph {
  readonly graph: Graph;
  /** By the names in the graph (`state:...`): what to allocate, and how it starts. */
  readonly state: Readonly<Record<string, StateEntry>>;
  /** The scalars of one step, by the names in the graph (`scalar:...`). */
  scalars(info: StepInfo): Record<string, number>;
}

const named = <T>(prefix: string, entries: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(entries).map(([name, value]) => [`${prefix}:${name}`, value]));

function inputsOf(prefix: string, shapes: Readonly<Record<string, Shape>>): Tree {
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, input(`${prefix}:${name}`, shape)]),
  );
}

/** Builds the graph for parameters of these shapes. `grad_norm` is the norm before any clipping. */
export function optimizerGraph(
  transform: Transform,
  shapes: Readonly<Record<string, Shape>>,
): OptimizerGraph {
  const entries = transform.state(shapes);
  const stateShapes = Object.fromEntries(Object.entries(entries).map(([name, entry]) => [name, entry.shape]));
  const scalarShapes = Object.fromEntries(
    Object.keys(transform.scalars({ step: 1, lr: 0 })).map((name) => [name, []]),
  );
  const params = inputsOf("param", shapes);
  const grads = inputsOf("grad", shapes);
  const state = inputsOf("state", stateShapes);
  const scalars = inputsOf("scalar", scalarShapes);
  const out = transform.update({ params, grads, state, scalars });
  const grad_norm = out.metrics?.["grad_norm"] ?? globalNorm(grads);
  return {
    graph: {
      inputs: {
        ...named("param", params),
        ...named("grad", grads),
        ...named("state", state),
        ...named("scalar", scalars),
      },
      outputs: {
        ...named("param", out.params ?? params),
        ...named("state", out.state ?? {}),
        ...out.metrics,
        grad_norm,
      },
    },
    state: named("state", entries),
    scalars: (info) => named("scalar", transform.scalars(info)),
  };
}
