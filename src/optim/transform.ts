/**
 * The contract of optimisers: composable transformations of a tree of gradients and parameters, everything symbolic,
 * so that a whole optimiser is part of one compiled graph. Knows no particular optimiser.
 *
 * A transformation reads gradients, parameters and its own state, and gives back what it changes: a clip changes
 * gradients, AdamW parameters, an average only its state. What depends on the step number alone (learning rate, bias
 * corrections) is computed by the host in float64 and fed as scalars: exact, and no work on the tensors.
 */
import { AttuneError } from "../errors.js";
import type { Shape, Tensor, Tree } from "../tensor/index.js";

/** One tensor that an optimiser keeps between steps. Always float32. */
export interface StateEntry {
  readonly shape: Shape;
  /** What it holds before the first step: zeros, or a copy of the named parameter. */
  readonly start: "zeros" | { readonly copyOf: string };
}

export interface StepInfo {
  /** 1 for the first update. */
  readonly step: number;
  /** Learning rate of this update, after its schedule. */
  readonly lr: number;
}

export interface UpdateInputs {
  readonly params: Tree;
  /** By the names of `params`. */
  readonly grads: Tree;
  /** By the names that `state` declared. */
  readonly state: Tree;
  /** By the names that `scalars` gives, each []. */
  readonly scalars: Tree;
}

export interface UpdateResult {
  readonly grads?: Tree;
  readonly params?: Tree;
  readonly state?: Tree;
  /** Scalars to log, each []. */
  readonly metrics?: Tree;
}

export interface Transform {
  /** Prefix of its state and scalars in a chain: kebab-case. */
  readonly name: string;
  state(shapes: Readonly<Record<string, Shape>>): Readonly<Record<string, StateEntry>>;
  scalars(info: StepInfo): Readonly<Record<string, number>>;
  update(inputs: UpdateInputs): UpdateResult;
}

/** State of one buffer for every parameter: `buffer/parameter`. */
export function buffers(
  shapes: Readonly<Record<string, Shape>>,
  names: readonly string[],
): Record<string, StateEntry> {
  return Object.fromEntries(
    names.flatMap((buffer) =>
      Object.entries(shapes).map(([name, shape]) => [
        `${buffer}/${name}`,
        { shape, start: "zeros" as const },
      ]),
    ),
  );
}

/** Runs `step` for every parameter and gathers the new parameters and buffers. */
export function updateEach(
  { params, grads, state }: UpdateInputs,
  step: (
    p: Tensor,
    g: Tensor,
    own: { name: string; buffer: (name: string) => Tensor },
  ) => {
    param: Tensor;
    buffers?: Readonly<Record<string, Tensor>>;
  },
): { params: Tree; state: Tree } {
  const newParams: Record<string, Tensor> = {};
  const newState: Record<string, Tensor> = {};
  for (const [name, p] of Object.entries(params)) {
    const result = step(p, grads[name]!, { name, buffer: (buffer) => state[`${buffer}/${name}`]! });
    newParams[name] = result.param;
    for (const [buffer, value] of Object.entries(result.buffers ?? {})) newState[`${buffer}/${name}`] = value;
  }
  return { params: newParams, state: newState };
}

/** Throws `config` where a hyperparameter is out of range. */
export function checkNumber(
  where: string,
  x: number,
  range: { min?: number; above?: number; below?: number },
): void {
  const { min = -Infinity, above = -Infinity, below = Infinity } = range;
  if (Number.isFinite(x) && x >= min && x > above && x < below) return;
  const bounds = Object.entries({ ">=": range.min, ">": range.above, "<": range.below });
  const expected = bounds
    .flatMap(([sign, bound]) => (bound === undefined ? [] : [`${sign} ${bound}`]))
    .join(" and ");
  throw new AttuneError("config", { where, expected: expected || "a number", got: String(x) });
}
