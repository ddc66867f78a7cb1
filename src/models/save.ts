/**
 * Writes a model folder that transformers loads: config.json, weights, tokenizer and generation config. Trained
 * parameters come from memory, all others are copied byte for byte from where they lie. Knows nothing of training.
 */
import { copyFile, readFile, rename, rm, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";

import { AttuneError } from "../errors.js";
import {
  ensureFolder,
  ioError,
  temporarySibling,
  writeFileAtomic,
  writeFolderAtomic,
} from "../util/files.js";
import { dtypeNames } from "./config/common.js";
import { architectureName } from "./config/families.js";
import { isRecord, type RawConfig } from "./config/fields.js";
import type { ModelConfig } from "./config/types.js";
import type { ModelFolder } from "./folder.js";
import { type PadToken, padTokenOfFolder, writePadToken } from "./pad-token.js";
import { expectedParameters, type ParameterSpec } from "./parameters.js";
import type { WeightDtype } from "./safetensors-dtype.js";
import { elementCount } from "./safetensors-read.js";
import { type TensorToWrite, writeWeights } from "./safetensors-write.js";
import { stringifyConfig } from "./save-numbers.js";

/** New values by canonical name; a `Map` is one. `get` is called once per name, when its turn to be written comes. */
export interface ParameterSource {
  has(name: string): boolean;
  get(name: string): Float32Array | undefined;
}

export interface SaveOptions {
  /** Parameters that differ from the folder's; the new ones of a head must be among them. */
  parameters?: ParameterSource;
  /** Type of all weights; default: each as stored, new ones as config.json says. */
  dtype?: WeightDtype;
  /** Keys of config.json to change. A sequence classifier's `pad_token_id` is the tokenizer's unless it is given here. */
  configChanges?: RawConfig;
  /** Folder whose tokenizer files are copied; default: the model's own. */
  tokenizerFrom?: string;
  /** Bytes of a weight file before the next begins; default 5e9 as transformers 4. */
  maxShardBytes?: number;
}

/** Files that belong to a model beside config and weights. */
const companions = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "tokenizer.model",
  "vocab.json",
  "merges.txt",
  "chat_template.jinja",
  "chat_template.json",
];

/**
 * Saves `model` to `path`. A new folder appears only when complete; in an existing one each file is replaced whole,
 * weights first. The model's own folder may be the target; open it again afterwards, the old entries point to old files.
 * @throws AttuneError `io` on a full disk or read-only folder; `usage` when a new parameter is missing or has the wrong size.
 */
export async function saveModelFolder(
  path: string,
  model: ModelFolder,
  options: SaveOptions = {},
): Promise<void> {
  const stored = await readFile(join(model.path, "config.json"), "utf8");
  const tokenizerFrom = options.tokenizerFrom ?? model.path;
  const pad = await padOf(model, { tokenizerFrom, configChanges: options.configChanges });
  const configChanges = { ...(pad && { pad_token_id: pad.id }), ...options.configChanges };
  const config = `${stringifyConfig(savedConfig(model, { ...options, configChanges }), stored)}\n`;
  const tensors = expectedParameters(model.config).map((spec) => tensorToWrite(spec, { model, options }));
  const fill = async (folder: string): Promise<void> => {
    await writeWeights(folder, tensors, { maxShardBytes: options.maxShardBytes });
    await copyCompanions(folder, { model, tokenizerFrom });
    if (pad) await writePadToken(folder, pad);
    await writeFileAtomic(join(folder, "config.json"), config);
  };
  if ((await stat(path).catch(() => undefined)) === undefined) await writeFolderAtomic(path, fill);
  else {
    await ensureFolder(path);
    await fill(path);
  }
}

/** transformers finds the end of a row by the pad token when it classifies whole rows, and only then. */
async function padOf(
  { config }: ModelFolder,
  { tokenizerFrom, configChanges = {} }: { tokenizerFrom: string; configChanges: RawConfig | undefined },
): Promise<PadToken | undefined> {
  if (config.head.kind !== "sequence" || Object.hasOwn(configChanges, "pad_token_id")) return undefined;
  return padTokenOfFolder(tokenizerFrom, config);
}

function tensorToWrite(
  spec: ParameterSpec,
  { model, options }: { model: ModelFolder; options: SaveOptions },
): TensorToWrite {
  const { name, shape } = spec;
  const entry = model.tensors.get(name);
  const dtype = options.dtype ?? entry?.dtype ?? model.config.dtype;
  if (options.parameters?.has(name)) {
    const { parameters } = options;
    return { name, shape, dtype, data: () => [sizedValues(parameters.get(name), spec)] };
  }
  if (entry !== undefined) return { name, shape, dtype, data: entry };
  throw new AttuneError("usage", {
    where: "saveModelFolder: parameters",
    expected: `values for the new parameter ${name} [${shape.join(", ")}]`,
    got: "none",
  });
}

function sizedValues(values: Float32Array | undefined, spec: ParameterSpec): Float32Array {
  if (values?.length === elementCount(spec)) return values;
  throw new AttuneError("usage", {
    where: `saveModelFolder: ${spec.name}`,
    expected: `${elementCount(spec)} numbers for [${spec.shape.join(", ")}]`,
    got: values === undefined ? "none" : String(values.length),
  });
}

/** The folder's own config.json with what changed: head, type, and the caller's keys. Everything else stays as it was. */
export function savedConfig(
  model: Pick<ModelFolder, "config" | "rawConfig">,
  { dtype, configChanges }: SaveOptions = {},
): RawConfig {
  const { config, rawConfig } = model;
  const changes: Record<string, unknown> = {
    architectures: [architectureName(config.family, config.head.kind)],
  };
  const typeName = dtypeNames[dtype ?? config.dtype];
  // Each generation reads the key it wrote; torch_dtype alone is read by both.
  if (Object.hasOwn(rawConfig, "dtype")) changes["dtype"] = typeName;
  if (Object.hasOwn(rawConfig, "torch_dtype") || !Object.hasOwn(rawConfig, "dtype"))
    changes["torch_dtype"] = typeName;
  return { ...withoutLabels(rawConfig, config), ...changes, ...labels(rawConfig, config), ...configChanges };
}

const labelled = ({ head }: ModelConfig): boolean => head.kind === "sequence" || head.kind === "token";

function withoutLabels(raw: RawConfig, config: ModelConfig): RawConfig {
  if (labelled(config)) return raw;
  return Object.fromEntries(
    Object.entries(raw).filter(([key]) => !["id2label", "label2id", "num_labels"].includes(key)),
  );
}

/** transformers derives the number of labels from `id2label`; names that fit are kept. */
function labels(raw: RawConfig, config: ModelConfig): RawConfig {
  if (!labelled(config)) return {};
  const { numLabels } = config.head;
  const { id2label } = raw;
  // Without names there are as many as `num_labels` says, or transformers' default of 2.
  const stated = isRecord(id2label) ? Object.keys(id2label).length : (raw["num_labels"] ?? 2);
  if (stated === numLabels) return {};
  const names = Array.from({ length: numLabels }, (_, label) => `LABEL_${label}`);
  return {
    id2label: Object.fromEntries(names.map((name, label) => [String(label), name])),
    label2id: Object.fromEntries(names.map((name, label) => [name, label])),
  };
}

async function copyCompanions(
  folder: string,
  { model, tokenizerFrom }: { model: ModelFolder; tokenizerFrom: string },
): Promise<void> {
  for (const name of companions) await copyWhole(join(tokenizerFrom, name), folder);
  const generates = model.config.head.kind === "lm" || model.config.head.kind === "value";
  if (generates) await copyWhole(join(model.path, "generation_config.json"), folder);
}

/** Copies a file if it is there, following links, and never onto itself. */
async function copyWhole(source: string, folder: string): Promise<void> {
  const target = join(folder, basename(source));
  if (resolve(source) === resolve(target)) return;
  if ((await stat(source).catch(() => undefined)) === undefined) return;
  const partial = temporarySibling(target);
  try {
    await copyFile(source, partial);
    await rename(partial, target);
  } catch (cause) {
    await rm(partial, { force: true });
    throw ioError(cause, { path: target, expected: "a file that can be written" });
  }
}
