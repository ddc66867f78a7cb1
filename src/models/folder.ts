/**
 * Opens a Hugging Face model folder: config, every parameter's place in the files, generation config. Checks that names
 * and shapes are what the config asks for. Reads headers only; knows nothing of the graph.
 */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";

import { AttuneError } from "../errors.js";
import { readConfigFile, readJsonObject } from "./config/families.js";
import type { RawConfig } from "./config/fields.js";
import type { HeadConfig, HeadKind, ModelConfig } from "./config/types.js";
import { canonicalName, expectedParameters, headModule, isBuffer, type ParameterSpec } from "./parameters.js";
import type { TensorEntry } from "./safetensors.js";
import { isWeightDtype, weightDtypes, type WeightDtype } from "./safetensors-dtype.js";
import { readChunks } from "./safetensors-read.js";
import { openWeights } from "./safetensors-shards.js";

/** A stored parameter under its canonical name. */
export interface ParameterEntry extends TensorEntry {
  readonly dtype: WeightDtype;
}

export interface ModelFolder {
  readonly path: string;
  readonly config: ModelConfig;
  readonly rawConfig: RawConfig;
  /** Every expected parameter that the files have, by canonical name, in the order of `expectedParameters`. */
  readonly tensors: ReadonlyMap<string, ParameterEntry>;
  /** Parameters of a head that was asked for and that the files do not have: the caller must initialise them. */
  readonly newParameters: readonly ParameterSpec[];
  readonly generationConfig: RawConfig | undefined;
}

export interface OpenOptions {
  /** Use the model with this head, whatever its files hold; default: the head that the files have. */
  head?: HeadKind;
  /** Outputs of a new `sequence` (default 1, a reward) or `token` (default 2, bad and good step) head. */
  numLabels?: number;
}

/**
 * Opens `path` without reading a weight.
 * @throws AttuneError `model`: no folder, unknown architecture, pickle files, a missing shard, a damaged header, a missing
 * or unknown tensor, a wrong shape or type.
 */
export function openModelFolder(path: string, options: OpenOptions = {}): ModelFolder {
  if (!existsSync(path) || !statSync(path).isDirectory()) {
    throw new AttuneError("model", {
      where: path,
      expected: "a model folder",
      got: existsSync(path) ? "a file" : "nothing there",
    });
  }
  const { config: stored, rawConfig } = readConfigFile(join(path, "config.json"));
  const found = canonicalTensors(stored, openWeights(path));
  // trl's value head leaves no trace in config.json.
  const held = found.has("v_head.summary.weight") ? { ...stored, head: valueHead } : stored;
  const config = chooseHead(held, options);
  const tensors = new Map<string, ParameterEntry>();
  const newParameters: ParameterSpec[] = [];
  for (const spec of expectedParameters(config)) {
    const entry = found.get(spec.name);
    if (entry !== undefined) tensors.set(spec.name, checkEntry(entry, { spec, path }));
    else if (spec.role === "head" && config.head.kind !== held.head.kind) newParameters.push(spec);
    else throw missingParameter(spec, { path, found, config });
  }
  refuseUnknown(found, { path, tensors, held });
  const generation = join(path, "generation_config.json");
  return {
    path,
    config,
    rawConfig,
    tensors,
    newParameters,
    generationConfig: existsSync(generation) ? readJsonObject(generation) : undefined,
  };
}

const valueHead: HeadConfig = { kind: "value", numLabels: 1, bias: true };

function chooseHead(config: ModelConfig, { head, numLabels }: OpenOptions): ModelConfig {
  if (head === undefined || head === config.head.kind) {
    if (numLabels !== undefined && numLabels !== config.head.numLabels) {
      throw new AttuneError("usage", {
        where: "openModelFolder: numLabels",
        expected: `the ${config.head.numLabels} of the stored head`,
        got: String(numLabels),
      });
    }
    return config;
  }
  if (numLabels !== undefined && (!Number.isInteger(numLabels) || numLabels < 1)) {
    throw new AttuneError("usage", {
      where: "openModelFolder: numLabels",
      expected: "a whole number >= 1",
      got: String(numLabels),
    });
  }
  const heads: Readonly<Record<HeadKind, HeadConfig>> = {
    lm: { kind: "lm", numLabels: 0, bias: false },
    value: valueHead,
    sequence: { kind: "sequence", numLabels: numLabels ?? 1, bias: false },
    token: { kind: "token", numLabels: numLabels ?? 2, bias: true },
  };
  return { ...config, head: heads[head] };
}

/** The files' tensors under the names of today; masks and tables that old checkpoints carry are left out. */
function canonicalTensors(
  config: ModelConfig,
  stored: ReadonlyMap<string, TensorEntry>,
): Map<string, TensorEntry> {
  const known = new Set(expectedParameters(config).map((spec) => spec.name));
  const found = new Map<string, TensorEntry>();
  for (const [name, entry] of stored) {
    const canonical = canonicalName(name, { config, known });
    if (isBuffer(canonical)) continue;
    if (found.has(canonical)) {
      throw new AttuneError("model", {
        where: `${entry.file}: tensor ${name}`,
        expected: "every parameter once",
        got: `${found.get(canonical)!.name} as well`,
      });
    }
    found.set(canonical, entry);
  }
  return found;
}

function checkEntry(
  entry: TensorEntry,
  { spec, path }: { spec: ParameterSpec; path: string },
): ParameterEntry {
  const where = `${path}: tensor ${entry.name}`;
  const { dtype, shape } = entry;
  if (shape.length !== spec.shape.length || shape.some((length, axis) => length !== spec.shape[axis])) {
    throw new AttuneError("model", {
      where,
      expected: `the shape [${spec.shape.join(", ")}] that config.json asks for`,
      got: `[${shape.join(", ")}]`,
      fix: "config.json and weights belong to different models",
    });
  }
  if (!isWeightDtype(dtype)) {
    throw new AttuneError("model", {
      where,
      expected: `weights of type ${weightDtypes.join(", ")}`,
      got: dtype,
    });
  }
  return { ...entry, name: spec.name, dtype };
}

interface Missing {
  path: string;
  found: ReadonlyMap<string, TensorEntry>;
  config: ModelConfig;
}

function missingParameter(spec: ParameterSpec, { path, found, config }: Missing): AttuneError {
  const tied = spec.role === "lm_head" ? "; a reward model's folder has no output layer" : "";
  return new AttuneError("model", {
    where: path,
    expected: `the tensor ${spec.name} [${spec.shape.join(", ")}] of a ${config.family} model`,
    got: `${found.size} tensors without it${tied}`,
    fix: "the folder is incomplete, or config.json belongs to another model",
  });
}

interface Remaining {
  path: string;
  tensors: ReadonlyMap<string, ParameterEntry>;
  held: ModelConfig;
}

/** Every tensor of the files is used, or known to be another head's, or a copy of the tied embeddings; else it is refused by name. */
function refuseUnknown(found: ReadonlyMap<string, TensorEntry>, { path, tensors, held }: Remaining): void {
  const stored = new Set(expectedParameters(held).map((spec) => spec.name));
  const unknown: string[] = [];
  for (const [name, entry] of found) {
    if (tensors.has(name) || stored.has(name)) continue;
    if (name === "lm_head.weight" && held.tiedEmbeddings) {
      const embedding = [...tensors.values()][0]!;
      if (sameBytes(entry, embedding)) continue;
      throw new AttuneError("model", {
        where: `${path}: tensor ${name}`,
        expected: `a copy of ${embedding.name}, because config.json ties the two (tie_word_embeddings)`,
        got: "other numbers",
        fix: "set tie_word_embeddings to false in config.json if the output layer is its own",
      });
    }
    unknown.push(name);
  }
  if (unknown.length === 0) return;
  const module = headModule(held);
  throw new AttuneError("model", {
    where: path,
    expected: `only tensors of a ${held.family} model${module === undefined ? "" : ` with ${module}`}`,
    got: `${unknown.length} unknown: ${unknown.slice(0, 5).join(", ")}${unknown.length > 5 ? ", ..." : ""}`,
    fix: "check model_type and the bias and norm settings in config.json",
  });
}

function sameBytes(one: TensorEntry, other: TensorEntry): boolean {
  if (one.dtype !== other.dtype || one.bytes !== other.bytes) return false;
  const pieces = readChunks(other);
  for (const piece of readChunks(one)) {
    const next = pieces.next();
    if (next.done || Buffer.compare(piece, next.value) !== 0) return false;
  }
  return true;
}
