/** A model ready to run: opened, its adapter on, its tokenizer beside it. For commands that do not train. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ortBackend } from "../backends/index.js";
import type { GenerationModel } from "../generate/index.js";
import { openModel, type OpenModelOptions, parameterInputs, resolveModel } from "../models/index.js";
import { loadTokenizer, type Tokenizer } from "../text/index.js";
import type { Backend } from "../tensor/index.js";
import { bindPolicy, bindReference, createPolicy, uploadParameters } from "../train/index.js";

export interface RunningModel {
  model: GenerationModel;
  tokenizer: Tokenizer;
  maxPositions: number;
  head: string;
}

/** The engine that the settings of a command ask for. */
export const openEngine = (s: { threads?: number | undefined; load_in_8bit: boolean }): Backend =>
  ortBackend({
    ...(s.threads !== undefined && { threads: s.threads }),
    frozenWeights: s.load_in_8bit ? "int8" : "float32",
  });

/** Opens a model, Hub id or adapter folder. Throws as `openModel` and `loadTokenizer`. */
export async function openRunningModel(
  named: string,
  { backend, ...options }: OpenModelOptions & { backend: Backend },
): Promise<RunningModel> {
  const opened = await openModel(named, options);
  const policy = createPolicy(opened);
  const { config } = opened.model;
  const tokenizer = await loadTokenizer(await tokenizerFolder(named, opened.model.path));
  tokenizer.fits(config.vocabSize);
  const common = { tokenizer, maxPositions: config.maxPositions, head: config.head.kind };
  if (!opened.adapter) return { ...common, model: { graph: bindReference(policy).model } };
  const shapes = Object.fromEntries([...policy.trainable].map(([name, { shape }]) => [name, shape]));
  const bound = bindPolicy(policy, parameterInputs(shapes));
  return {
    ...common,
    model: {
      graph: bound.model,
      adapters: bound.adapters,
      parameters: await uploadParameters(policy, backend),
    },
  };
}

/** An adapter's own tokenizer files, where it has them; else its base model's. */
async function tokenizerFolder(named: string, base: string): Promise<string> {
  const own = await resolveModel(named);
  return existsSync(join(own, "tokenizer.json")) ? own : base;
}
