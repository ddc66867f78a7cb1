/**
 * Opens whatever a user names as a model: a folder, a Hub id, or an adapter's folder, whose base is then found and opened
 * with the head that the adapter was trained for. Knows nothing of the graph.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";

import { AttuneError } from "../errors.js";
import { readJsonObject } from "./config/families.js";
import type { HeadKind } from "./config/types.js";
import { type ModelFolder, openModelFolder, type OpenOptions } from "./folder.js";
import { resolveModel, type ResolveOptions } from "./hub.js";
import { type Adapter, isAdapterFolder, openAdapter } from "./peft.js";
import { type LoraTask, normaliseAdapterConfig } from "./peft-config.js";
import { openWeights } from "./safetensors-shards.js";

export interface OpenedModel {
  readonly model: ModelFolder;
  /** Present when an adapter's folder was named. */
  readonly adapter: Adapter | undefined;
}

export interface OpenModelOptions extends OpenOptions, ResolveOptions {
  /** Base of an adapter; default: what its adapter_config.json names. */
  base?: string;
}

const heads: Readonly<Record<LoraTask, HeadKind | undefined>> = {
  // The base says whether it is a plain language model or one with a value head.
  CAUSAL_LM: undefined,
  SEQ_CLS: "sequence",
  TOKEN_CLS: "token",
};

/**
 * Opens a model without reading a weight. A base named by a relative path is looked for from the working folder, then
 * from the adapter's.
 * @throws AttuneError as `resolveModel`, `openModelFolder` and `openAdapter`.
 */
export async function openModel(idOrPath: string, options: OpenModelOptions = {}): Promise<OpenedModel> {
  const path = await resolveModel(idOrPath, options);
  const { head, numLabels } = options;
  if (!isAdapterFolder(path))
    return { model: openModelFolder(path, { head, numLabels }), adapter: undefined };
  const file = join(path, "adapter_config.json");
  const lora = normaliseAdapterConfig(readJsonObject(file), { where: file });
  const base = options.base ?? lora.baseModel;
  if (base === null) {
    throw new AttuneError("model", {
      where: `${file}: base_model_name_or_path`,
      expected: "the base model's folder or Hub id",
      got: "nothing",
      fix: "name the base model beside the adapter",
    });
  }
  const beside = join(path, base);
  const folder = await resolveModel(!existsSync(base) && existsSync(beside) ? beside : base, options);
  const taskHead = heads[lora.task];
  const model = openModelFolder(folder, {
    head: head ?? taskHead,
    numLabels: numLabels ?? savedLabels(path, { folder, taskHead }),
  });
  return { model, adapter: openAdapter(path, model.config) };
}

/** Outputs of the head that an adapter carries, where the base does not have one. */
function savedLabels(
  path: string,
  { folder, taskHead }: { folder: string; taskHead: HeadKind | undefined },
): number | undefined {
  if (taskHead === undefined || openModelFolder(folder).config.head.kind === taskHead) return undefined;
  const names = ["base_model.model.score.weight", "base_model.model.classifier.weight"];
  const weights = openWeights(path, { stem: "adapter_model" });
  return names.map((name) => weights.get(name)?.shape[0]).find((count) => count !== undefined);
}
