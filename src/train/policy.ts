/**
 * The model that is trained: which parameters move, how they start, and the same model as its own reference.
 * Knows nothing of losses, data or steps.
 */
import { AttuneError } from "../errors.js";
import {
  type Adapter,
  adapterValues,
  type AdaptedModules,
  bindWeights,
  type LoraConfig,
  loraDefaults,
  type LoraSpec,
  mergedParameters,
  type ModelFolder,
  type ModelGraph,
  type OpenedModel,
  type ParameterEntry,
  readTensor,
  resolveLora,
  saveModelFolder,
  type SaveOptions,
  writeAdapter,
} from "../models/index.js";
import { type Backend, input, type Resident, type Tensor, type Tree } from "../tensor/index.js";
import { createRandom } from "../util/random.js";

/** How one trainable parameter starts. */
export interface TrainableParameter {
  readonly shape: readonly number[];
  /** From the model's file, or made by the seed. */
  readonly start: ParameterEntry | (() => Float32Array);
  /** Whether weight decay applies: matrices yes, norms and biases no (as transformers' Trainer). */
  readonly decay: boolean;
}

export interface Policy {
  readonly folder: ModelFolder;
  /** Undefined: all parameters are trained. */
  readonly lora: { readonly config: LoraConfig; readonly spec: LoraSpec } | undefined;
  readonly trainable: ReadonlyMap<string, TrainableParameter>;
  /** What the model was beside its files when training began: the adapter that it came with, as it was. Empty without one. */
  readonly kept: ReadonlyMap<string, TrainableParameter>;
  /** Seed of what is drawn in training: dropout. */
  readonly seed: number;
  /** Trained parameters that are not the model's own (a critic's): in checkpoints, not in the saved model. */
  readonly beside?: ReadonlySet<string>;
}

export interface PolicyOptions {
  /** Train an adapter with these settings; undefined: train every parameter. */
  lora?: Partial<LoraConfig>;
  /** Seed of new parameters and of dropout. Default 42. */
  seed?: number;
}

/** Names of adapter tensors in a graph: those of the file without peft's prefix. */
const graphName = (key: string): string => key.replace(/^base_model\.model\./, "");

/** Standard deviation of a new head: transformers' `initializer_range`. */
const headDeviation = 0.02;

/** Makes a policy of an opened model. An adapter that came with it is trained on. */
export function createPolicy({ model, adapter }: OpenedModel, options: PolicyOptions = {}): Policy {
  const seed = options.seed ?? 42;
  if (adapter && options.lora) {
    throw new AttuneError("config", {
      where: "lora",
      expected: "no LoRA settings beside a model that already has an adapter",
      got: JSON.stringify(options.lora),
      fix: "leave the settings out to train the adapter on, or merge it first (attune merge)",
    });
  }
  if (!adapter && !options.lora)
    return { folder: model, lora: undefined, trainable: everyParameter(model, seed), kept: new Map(), seed };
  const config: LoraConfig = adapter?.lora ?? { ...loraDefaults, ...options.lora };
  const spec = adapter?.spec ?? resolveLora(model.config, config);
  const trainable = adapterParameters(model, { spec, adapter, seed });
  return { folder: model, lora: { config, spec }, trainable, kept: adapter ? trainable : new Map(), seed };
}

function normals(shape: readonly number[], { seed, name }: { seed: number; name: string }): Float32Array {
  const random = createRandom(seed, { stream: `init/${name}` });
  return Float32Array.from(
    { length: shape.reduce((a, b) => a * b, 1) },
    () => headDeviation * random.normal(),
  );
}

function everyParameter(model: ModelFolder, seed: number): Map<string, TrainableParameter> {
  const trainable = new Map<string, TrainableParameter>();
  for (const [name, entry] of model.tensors) {
    trainable.set(name, { shape: entry.shape, start: entry, decay: entry.shape.length > 1 });
  }
  for (const { name, shape } of model.newParameters) trainable.set(name, newParameter(name, { shape, seed }));
  return trainable;
}

function newParameter(
  name: string,
  { shape, seed }: { shape: readonly number[]; seed: number },
): TrainableParameter {
  const isBias = name.endsWith(".bias");
  const size = shape.reduce((a, b) => a * b, 1);
  return {
    shape,
    decay: !isBias,
    start: () => (isBias ? new Float32Array(size) : normals(shape, { seed, name })),
  };
}

interface AdapterStart {
  spec: LoraSpec;
  adapter: Adapter | undefined;
  seed: number;
}

/** A: uniform in +-1/sqrt(in) (peft's Kaiming with a = sqrt 5), B: zeros, so that the policy starts as its reference. */
function adapterParameters(
  model: ModelFolder,
  { spec, adapter, seed }: AdapterStart,
): Map<string, TrainableParameter> {
  const values = adapter && adapterValues(adapter);
  const trainable = new Map<string, TrainableParameter>();
  const put = (key: string, p: TrainableParameter): void => {
    trainable.set(graphName(key), values ? { ...p, start: () => values.get(key)! } : p);
  };
  for (const t of spec.targets) {
    const bound = 1 / Math.sqrt(t.inSize);
    const startA = (): Float32Array => {
      const random = createRandom(seed, { stream: `init/${t.keyA}` });
      return Float32Array.from({ length: t.r * t.inSize }, () => bound * (2 * random.uniform() - 1));
    };
    put(t.keyA, { shape: [t.r, t.inSize], decay: true, start: startA });
    put(t.keyB, { shape: [t.outSize, t.r], decay: true, start: () => new Float32Array(t.outSize * t.r) });
    if (t.keyMagnitude !== null) {
      put(t.keyMagnitude, {
        shape: [t.outSize],
        decay: false,
        start: () => magnitudes(model, t.parameter, t),
      });
    }
  }
  for (const { parameter, shape, key } of spec.saved) {
    const entry = model.tensors.get(parameter);
    put(
      key,
      entry ? { shape, start: entry, decay: shape.length > 1 } : newParameter(parameter, { shape, seed }),
    );
  }
  return trainable;
}

/** DoRA starts from the norms of the weight's rows (outputs). */
function magnitudes(
  model: ModelFolder,
  parameter: string,
  t: { inSize: number; outSize: number; transposed: boolean },
): Float32Array {
  const w = readTensor(model.tensors.get(parameter)!);
  const out = new Float32Array(t.outSize);
  for (let o = 0; o < t.outSize; o++) {
    let total = 0;
    for (let i = 0; i < t.inSize; i++) total += w[t.transposed ? i * t.outSize + o : o * t.inSize + i]! ** 2;
    out[o] = Math.sqrt(total);
  }
  return out;
}

/** A model as a graph, and the modules whose adapters are on. */
export interface BoundModel {
  readonly model: ModelGraph;
  readonly adapters: AdaptedModules;
  /** In training with dropout: the modules as they are at places with these keys (`dropout.ts`). */
  readonly dropped?: (keys: Tensor) => AdaptedModules;
}

/** The policy with its trainable parameters bound to the tensors given. */
export function bindPolicy(policy: Policy, parameters: Tree): BoundModel {
  return { model: modelOf(policy, parameters), adapters: adaptedModules(policy) };
}

const modelOf = ({ folder }: Policy, parameters?: Tree): ModelGraph => ({
  config: folder.config,
  weights: bindWeights(folder, parameters),
});

const adaptedModules = ({ lora }: Policy): AdaptedModules =>
  new Map(
    lora?.spec.targets.map((t) => [t.module, { scaling: t.scaling, dora: t.keyMagnitude !== null }]) ?? [],
  );

/**
 * The model as it was before training, straight from its files: adapter off, or the frozen copy. A policy that came with an
 * adapter was that adapter too: give its `referenceInputs`, else this is the bare base model.
 */
export function bindReference(policy: Policy, kept: Tree = {}): BoundModel {
  const bare = Object.keys(kept).length === 0;
  return { model: modelOf(policy, kept), adapters: bare ? new Map() : adaptedModules(policy) };
}

/** What a graph calls a parameter of the reference, beside the trained one of the same name. */
const referenceName = (name: string): string => `reference:${name}`;

/** Graph inputs for what the reference has beside the model's files; the base weights are shared. */
export const referenceInputs = ({ kept }: Policy): Tree =>
  Object.fromEntries([...kept].map(([name, { shape }]) => [name, input(referenceName(name), shape)]));

/** The reference for a trace that may ask for it: one graph however often it asks, and no input where it never does. */
export function askedReference(policy: Policy): {
  bound: () => BoundModel;
  asked: () => boolean;
  inputs: () => Tree;
} {
  let found: { bound: BoundModel; inputs: Tree } | undefined;
  return {
    bound: () => {
      if (found) return found.bound;
      const kept = referenceInputs(policy);
      const inputs = Object.fromEntries(Object.entries(kept).map(([name, t]) => [referenceName(name), t]));
      found = { bound: bindReference(policy, kept), inputs };
      return found.bound;
    },
    asked: () => found !== undefined,
    inputs: () => found?.inputs ?? {},
  };
}

/** Values for `referenceInputs`, by the names of the inputs. */
export const uploadReference = ({ kept }: Policy, backend: Backend): Promise<Record<string, Resident>> =>
  upload(new Map([...kept].map(([name, start]) => [referenceName(name), start])), backend);

/** Puts the starting values into the backend. */
export const uploadParameters = (policy: Policy, backend: Backend): Promise<Record<string, Resident>> =>
  upload(policy.trainable, backend);

async function upload(starts: Policy["trainable"], backend: Backend): Promise<Record<string, Resident>> {
  const residents: Record<string, Resident> = {};
  for (const [name, { shape, start }] of starts) {
    residents[name] =
      typeof start === "function"
        ? await backend.upload({ shape, dtype: "float32", data: start() })
        : await backend.load(
            { file: start.file, offset: start.offset, bytes: start.bytes, storage: start.dtype },
            shape,
          );
  }
  return residents;
}

/** Trained values by graph name, as they stand in the backend. */
export async function downloadParameters(
  residents: Readonly<Record<string, Resident>>,
  backend: Backend,
): Promise<Map<string, Float32Array>> {
  const values = new Map<string, Float32Array>();
  for (const [name, r] of Object.entries(residents))
    values.set(name, Float32Array.from((await backend.download(r)).data));
  return values;
}

export interface SavePolicyOptions extends Pick<SaveOptions, "dtype" | "maxShardBytes" | "tokenizerFrom"> {
  /** Write a whole model, the adapter folded in, instead of an adapter folder. Default false. */
  merged?: boolean;
  /** `base_model_name_or_path` of an adapter. Default: the folder it was opened from. */
  baseModel?: string;
}

/**
 * Writes what transformers or peft loads: a model folder for full training, an adapter folder for LoRA.
 *
 * @param options `dtype` of the weights, default as the model's files have them (an adapter: F32); numbers in 16 bits are
 * rounded to the nearest, ties to even. `maxShardBytes` and `tokenizerFrom` as `saveModelFolder`, for whole models only.
 * @throws AttuneError `usage` when those are given for an adapter folder, `io`.
 */
export async function savePolicy(
  path: string,
  policy: Policy,
  {
    values,
    merged,
    baseModel,
    ...options
  }: SavePolicyOptions & { values: ReadonlyMap<string, Float32Array> },
): Promise<void> {
  const { folder, lora, beside } = policy;
  if (!lora) {
    const own = new Map([...values].filter(([name]) => beside?.has(name) !== true));
    return saveModelFolder(path, folder, { ...options, parameters: own });
  }
  const byKey = {
    has: (key: string) => values.has(graphName(key)),
    get: (key: string) => values.get(graphName(key)),
  };
  if (merged) {
    const parameters = mergedParameters(folder, { spec: lora.spec, values: byKey });
    return saveModelFolder(path, folder, { ...options, parameters });
  }
  const { dtype, ...wholeOnly } = options;
  const [refused] = Object.keys(wholeOnly);
  if (refused !== undefined) {
    throw new AttuneError("usage", {
      where: `savePolicy: ${refused}`,
      expected: "a whole model to save",
      got: "an adapter folder, which is one file without a tokenizer",
      fix: "give merged: true, or leave it out",
    });
  }
  const config = { ...lora.config, baseModel: baseModel ?? folder.path };
  return writeAdapter(path, folder.config, { lora: config, tensors: byKey, ...(dtype && { dtype }) });
}
