/** Opens a model folder for use: generation and scoring with its weights frozen in their files. Knows no stage. */
import {
  bindWeights,
  openModel,
  parameterInputs,
  type HeadKind,
  type OpenedModel,
} from "../../models/index.js";
import type { GenerationModel } from "../../generate/index.js";
import { bindPolicy, createPolicy, uploadParameters } from "../../train/index.js";
import type { Backend } from "../../tensor/index.js";

export interface FrozenModel extends GenerationModel {
  readonly opened: OpenedModel;
  /** Gives back what lies in the backend. */
  free(): Promise<void>;
}

/** A whole model's folder or an adapter's; an adapter's values go into the backend. */
export async function openFrozen(
  backend: Backend,
  path: string,
  { stopTokens, head }: { stopTokens?: readonly number[]; head?: HeadKind } = {},
): Promise<FrozenModel> {
  const opened = await openModel(path, head === undefined ? {} : { head });
  const { model, adapter } = opened;
  if (!adapter) {
    const graph = { config: model.config, weights: bindWeights(model) };
    return { opened, graph, stopTokens, free: () => Promise.resolve() };
  }
  const policy = createPolicy(opened);
  const parameters = await uploadParameters(policy, backend);
  const shapes = Object.fromEntries(Object.entries(parameters).map(([name, r]) => [name, r.shape]));
  const bound = bindPolicy(policy, parameterInputs(shapes));
  return {
    opened,
    graph: bound.model,
    adapters: bound.adapters,
    parameters,
    stopTokens,
    free: () => backend.free(Object.values(parameters)),
  };
}
