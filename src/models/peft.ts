/**
 * Reads and writes adapter folders as peft does (`adapter_config.json`, `adapter_model.safetensors`), and merges an adapter
 * into the weights one tensor at a time. Knows nothing of training.
 */
import { existsSync, statSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";

import { AttuneError } from "../errors.js";
import { writeFolderAtomic, writeJsonAtomic } from "../util/files.js";
import { readJsonObject } from "./config/families.js";
import type { RawConfig } from "./config/fields.js";
import type { HeadKind, ModelConfig } from "./config/types.js";
import type { ModelFolder } from "./folder.js";
import { adapterTensors, type LoraSpec, type LoraTarget, resolveLora } from "./lora-spec.js";
import { mergeLora } from "./lora-merge.js";
import { adapterConfigJson, type LoraConfig, type LoraTask, normaliseAdapterConfig } from "./peft-config.js";
import type { TensorEntry } from "./safetensors.js";
import { isWeightDtype, type WeightDtype, weightDtypes } from "./safetensors-dtype.js";
import { elementCount, readTensor } from "./safetensors-read.js";
import { openWeights } from "./safetensors-shards.js";
import { writeWeights } from "./safetensors-write.js";
import type { ParameterSource } from "./save.js";

export interface Adapter {
  readonly lora: LoraConfig;
  readonly spec: LoraSpec;
  /** By their names in the file (`keyA`, `keyB`, ... of the spec). */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly rawConfig: RawConfig;
}

const tasks: Readonly<Record<HeadKind, LoraTask>> = {
  lm: "CAUSAL_LM",
  value: "CAUSAL_LM",
  sequence: "SEQ_CLS",
  token: "TOKEN_CLS",
};
const taskOf = ({ head }: ModelConfig): LoraTask => tasks[head.kind];

/** True where `path` is an adapter's folder. */
export const isAdapterFolder = (path: string): boolean => existsSync(join(path, "adapter_config.json"));

/**
 * Opens an adapter for a model of the given config, without reading a weight.
 * @throws AttuneError `model`: not a LoRA adapter, settings not known here, a tensor missing, unknown or of another shape.
 */
export function openAdapter(path: string, config: ModelConfig): Adapter {
  if (!existsSync(path) || !statSync(path).isDirectory()) {
    throw new AttuneError("model", {
      where: path,
      expected: "an adapter's folder",
      got: "nothing of that kind",
    });
  }
  const rawConfig = readJsonObject(join(path, "adapter_config.json"));
  const lora = normaliseAdapterConfig(rawConfig, { where: join(path, "adapter_config.json") });
  if (lora.task !== taskOf(config)) {
    throw new AttuneError("model", {
      where: join(path, "adapter_config.json: task_type"),
      expected: `${taskOf(config)} for a model with the head ${JSON.stringify(config.head.kind)}`,
      got: lora.task,
      fix: "open the base model with the head that the adapter was trained for",
    });
  }
  const spec = resolveLora(config, lora);
  const found = openWeights(path, { stem: "adapter_model" });
  const fix = "the adapter was made for another model, or for other target_modules";
  const tensors = new Map<string, TensorEntry>();
  for (const { key, shape } of adapterTensors(spec)) {
    const entry = found.get(key);
    const where = `${path}: tensor ${key}`;
    if (entry === undefined)
      throw new AttuneError("model", {
        where,
        expected: `[${shape.join(", ")}]`,
        got: "no such tensor",
        fix,
      });
    if (entry.shape.length !== shape.length || shape.some((length, axis) => length !== entry.shape[axis])) {
      throw new AttuneError("model", {
        where,
        expected: `[${shape.join(", ")}]`,
        got: `[${entry.shape.join(", ")}]`,
        fix,
      });
    }
    if (!isWeightDtype(entry.dtype)) {
      throw new AttuneError("model", {
        where,
        expected: `one of ${weightDtypes.join(", ")}`,
        got: entry.dtype,
      });
    }
    tensors.set(key, entry);
  }
  const unknown = [...found.keys()].filter((key) => !tensors.has(key));
  if (unknown.length > 0) {
    throw new AttuneError("model", {
      where: path,
      expected: `the ${tensors.size} tensors that adapter_config.json asks for`,
      got: `${unknown.length} more: ${unknown.slice(0, 5).join(", ")}`,
      fix,
    });
  }
  return { lora, spec, tensors, rawConfig };
}

export interface AdapterToWrite {
  lora: LoraConfig;
  /** Values by their names in the file; every tensor of the resolved spec. */
  tensors: ParameterSource;
  /** Default F32, as peft keeps adapters. */
  dtype?: WeightDtype;
  /** Keys of the adapter_config.json it came from. */
  rawConfig?: RawConfig;
}

/**
 * Writes an adapter folder that peft loads. `all-linear` is written as the full paths, as peft 0.21 does.
 * @throws AttuneError `io` on a full disk or read-only folder, `usage` when a tensor is missing or has the wrong size.
 */
export async function writeAdapter(
  path: string,
  config: ModelConfig,
  adapter: AdapterToWrite,
): Promise<void> {
  const { tensors, dtype = "F32", rawConfig } = adapter;
  const spec = resolveLora(config, adapter.lora);
  const list = adapterTensors(spec).map(({ key, shape }) => ({
    name: key,
    shape,
    dtype,
    data: () => [sized(tensors.get(key), { key, shape })],
  }));
  const everywhere = adapter.lora.targetModules === "all-linear";
  const classifier = config.head.kind === "sequence" || config.head.kind === "token";
  const lora: LoraConfig = {
    ...adapter.lora,
    ...(everywhere
      ? {
          targetModules: spec.targets.map(({ module }) => module).sort(),
          excludeModules: [],
          layersToTransform: null,
        }
      : {}),
    task:
      config.head.kind === "sequence" ? "SEQ_CLS" : config.head.kind === "token" ? "TOKEN_CLS" : "CAUSAL_LM",
    modulesToSave: classifier
      ? [...new Set([...adapter.lora.modulesToSave, "classifier", "score"])]
      : adapter.lora.modulesToSave,
  };
  const fill = async (folder: string): Promise<void> => {
    await writeWeights(folder, list, { stem: "adapter_model", maxShardBytes: Infinity });
    const json = adapterConfigJson(lora, { fanInFanOut: config.linearLayout === "in,out", raw: rawConfig });
    await writeJsonAtomic(join(folder, "adapter_config.json"), json);
  };
  if ((await stat(path).catch(() => undefined)) === undefined) await writeFolderAtomic(path, fill);
  else await fill(path);
}

function sized(
  values: Float32Array | undefined,
  { key, shape }: { key: string; shape: readonly number[] },
): Float32Array {
  if (values?.length === elementCount({ shape })) return values;
  throw new AttuneError("usage", {
    where: `writeAdapter: ${key}`,
    expected: `${elementCount({ shape })} numbers for [${shape.join(", ")}]`,
    got: values === undefined ? "none" : String(values.length),
  });
}

/** The numbers of an opened adapter by their names in the file, read when asked for. */
export const adapterValues = ({ tensors }: Adapter): ParameterSource => ({
  has: (key) => tensors.has(key),
  get: (key) => {
    const entry = tensors.get(key);
    return entry === undefined ? undefined : readTensor(entry);
  },
});

/**
 * The parameters that differ once the adapter is merged, by canonical name, for `saveModelFolder`. Each is computed when
 * asked for and kept nowhere, so a merge needs the memory of one matrix.
 */
export function mergedParameters(
  model: Pick<ModelFolder, "tensors">,
  { spec, values }: { spec: LoraSpec; values: ParameterSource },
): ParameterSource {
  const targets = new Map(spec.targets.map((target) => [target.parameter, target]));
  const saved = new Map(spec.saved.map((parameter) => [parameter.parameter, parameter.key]));
  return {
    has: (name) => targets.has(name) || saved.has(name),
    get: (name) => {
      const key = saved.get(name);
      if (key !== undefined) return required(values, key);
      const target = targets.get(name);
      const entry = model.tensors.get(name);
      return target === undefined || entry === undefined
        ? undefined
        : merge(readTensor(entry), { target, values });
    },
  };
}

function merge(
  weight: Float32Array,
  { target, values }: { target: LoraTarget; values: ParameterSource },
): Float32Array {
  return mergeLora(weight, {
    ...target,
    a: required(values, target.keyA),
    b: required(values, target.keyB),
    magnitude: target.keyMagnitude === null ? null : required(values, target.keyMagnitude),
  });
}

function required(values: ParameterSource, key: string): Float32Array {
  const found = values.get(key);
  if (found !== undefined) return found;
  throw new AttuneError("usage", { where: `merge: ${key}`, expected: "the adapter's values", got: "none" });
}
