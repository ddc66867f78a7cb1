/**
 * PPO's critic: a value for every token, from a head on the policy's own states, or on those of a model of its own. Its
 * parameters are trained beside the policy's. Knows no loss.
 */
import { AttuneError } from "../../errors.js";
import {
  bindWeights,
  headModule,
  hiddenStates,
  type ModelFolder,
  openSafetensors,
  type OpenedModel,
  readTensor,
  type Recompute,
} from "../../models/index.js";
import { add, gather, matmul, reshape, stopGradient, type Tensor } from "../../tensor/index.js";
import type { BatchTensors } from "../methods/batch-graph.js";
import type { BoundModel, Policy, TrainableParameter } from "../policy.js";

export interface CriticOptions {
  /**
   * A reward model or a language model with a body of its own for the critic: all of it is trained. Default: the policy's
   * body.
   */
  readonly model?: OpenedModel;
  /** Values of the head, `weight` [hidden] and `bias` []. Default: the model's reward head, else zeros: V = 0. */
  readonly head?: { readonly weight: Float32Array; readonly bias: number };
}

const weightName = "value_head.weight";
const biasName = "value_head.bias";
const prefix = "critic.";

export interface Critic {
  readonly policy: Policy;
  readonly body: ModelFolder | undefined;
}

/** A head saved as a safetensors file with `weight` [1, hidden] and `bias` [1]. */
export function readValueHead(path: string): NonNullable<CriticOptions["head"]> {
  const { tensors } = openSafetensors(path);
  const weight = tensors.get("weight") ?? tensors.get(weightName);
  const bias = tensors.get("bias") ?? tensors.get(biasName);
  if (!weight) {
    throw new AttuneError("model", { where: path, expected: "the tensor weight", got: "none of that name" });
  }
  return {
    weight: Float32Array.from(readTensor(weight)),
    bias: bias ? readTensor(bias)[0]! : 0,
  };
}

/** The policy with a critic's parameters beside its own. Throws `model` for a body with an adapter or of another head. */
export function withCritic(policy: Policy, { model, head }: CriticOptions = {}): Critic {
  const body = model?.model;
  if (model?.adapter) {
    throw new AttuneError("model", {
      where: "critic",
      expected: "a whole model",
      got: "an adapter",
      fix: "merge it first: attune merge",
    });
  }
  const own = body && headModule(body.config);
  const hidden = (body ?? policy.folder).config.hiddenSize;
  const trainable = new Map<string, TrainableParameter>(policy.trainable);
  const beside = new Set<string>();
  const put = (name: string, parameter: TrainableParameter): void => {
    trainable.set(name, parameter);
    beside.add(name);
  };
  for (const [name, entry] of body?.tensors ?? []) {
    if (name === "lm_head.weight" || (own !== undefined && name.startsWith(`${own}.`))) continue;
    put(prefix + name, { shape: entry.shape, start: entry, decay: entry.shape.length > 1 });
  }
  const start = head ?? (body && rewardHead(body));
  if (start && start.weight.length !== hidden) {
    throw new AttuneError("model", {
      where: "critic: head",
      expected: `${hidden} weights, one a hidden unit`,
      got: String(start.weight.length),
    });
  }
  put(weightName, {
    shape: [1, hidden],
    decay: true,
    start: () => start?.weight ?? new Float32Array(hidden),
  });
  put(biasName, { shape: [1], decay: false, start: () => Float32Array.of(start?.bias ?? 0) });
  return { policy: { ...policy, trainable, beside }, body };
}

/** A reward model's scalar head, as the critic's. */
function rewardHead(body: ModelFolder): CriticOptions["head"] {
  const module = headModule(body.config);
  const weight = module === undefined ? undefined : body.tensors.get(`${module}.weight`);
  if (weight === undefined || weight.shape[0] !== 1) return undefined;
  const bias = body.tensors.get(`${module}.bias`);
  return { weight: Float32Array.from(readTensor(weight)), bias: bias ? readTensor(bias)[0]! : 0 };
}

interface Reading {
  bound: BoundModel;
  b: BatchTensors;
  /** The policy's states. */
  hidden: Tensor;
  recompute: Recompute;
  /** Nothing but the critic's own parameters learns. */
  alone?: boolean;
}

/** V before each token [sequences, width], and after the last [sequences]. */
export function criticValues(
  critic: Critic,
  { bound, b, hidden, recompute, alone = false }: Reading,
): { values: Tensor; last: Tensor } {
  const { weights } = bound.model;
  const shared = alone ? stopGradient(hidden) : hidden;
  const states = critic.body === undefined ? shared : bodyStates(critic.body, { bound, b, recompute });
  const read = (rows: Tensor): Tensor =>
    reshape(add(matmul(rows, weights.get(weightName)!, { transB: true }), weights.get(biasName)!), [
      rows.shape[0]!,
    ]);
  return { values: gather(read(gather(states, b.sources)), b.grid), last: read(gather(states, b.ends)) };
}

function bodyStates(body: ModelFolder, { bound, b, recompute }: Omit<Reading, "hidden">): Tensor {
  const own = [...bound.model.weights].flatMap(([name, t]) =>
    name.startsWith(prefix) ? [[name.slice(prefix.length), t] as const] : [],
  );
  const bare = { ...body, newParameters: [] };
  const model = { config: body.config, weights: bindWeights(bare, Object.fromEntries(own)) };
  return hiddenStates(model, b.tokens, { adapters: new Map(), plan: b.plan, recompute });
}
