/**
 * The parameters of a model as tensors: frozen ones stay in their files, trainable ones are inputs of the graph.
 * Knows names, not what they are for.
 */
import { AttuneError } from "../../errors.js";
import { input, type Tensor, type Tree, weight } from "../../tensor/index.js";
import type { ModelFolder, ParameterEntry } from "../folder.js";

/** Parameters by canonical name. */
export type Weights = ReadonlyMap<string, Tensor>;

export const frozenWeight = (entry: ParameterEntry): Tensor =>
  weight(entry.name, entry.shape, {
    file: entry.file,
    offset: entry.offset,
    bytes: entry.bytes,
    storage: entry.dtype,
  });

/** Binds every parameter: those named in `trainable` to graph inputs, the rest to the folder's files. */
export function bindWeights(folder: ModelFolder, trainable: Tree = {}): Weights {
  const bound = new Map<string, Tensor>();
  for (const [name, entry] of folder.tensors) if (!(name in trainable)) bound.set(name, frozenWeight(entry));
  for (const [name, t] of Object.entries(trainable)) bound.set(name, t);
  for (const { name } of folder.newParameters) {
    if (bound.has(name)) continue;
    throw new AttuneError("model", {
      where: `${folder.path}: ${name}`,
      expected: "a trained head, or a trainable one",
      got: "a head that the folder does not have",
      fix: "train it first, or open the folder without asking for this head",
    });
  }
  return bound;
}

/** Graph inputs for parameters of the given shapes, named as the parameters. */
export function parameterInputs(shapes: Readonly<Record<string, readonly number[]>>): Tree {
  return Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, input(name, shape)]));
}

export function parameter(weights: Weights, name: string): Tensor {
  const found = weights.get(name);
  if (found) return found;
  throw new AttuneError("model", {
    where: "models",
    expected: `the parameter ${name}`,
    got: "none of that name",
  });
}
