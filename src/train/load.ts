/** From names to what trainers take, for library users: a model with its tokenizer, a file as tokenised examples. */
import type { ExampleFile } from "../data/index.js";
import { openModel, type OpenModelOptions } from "../models/index.js";
import { loadTokenizer, type Tokenizer } from "../text/index.js";
import { prepareData, type PrepareOptions } from "./job/prepare-data.js";
import { createPolicy, type Policy, type PolicyOptions } from "./policy.js";

export interface LoadedModel {
  readonly policy: Policy;
  readonly tokenizer: Tokenizer;
}

/**
 * Opens a folder, a Hub id or an adapter's folder, without reading a weight.
 *
 * @param options `lora`: train an adapter with these settings (default: every parameter); `head: "sequence"` for a reward
 * model; `seed` of new parameters (default 42).
 * @throws AttuneError `model` or `tokenizer`, as `openModel` and `loadTokenizer`
 */
export async function loadModel(
  idOrPath: string,
  options: PolicyOptions & OpenModelOptions = {},
): Promise<LoadedModel> {
  const { lora, seed, ...open } = options;
  const opened = await openModel(idOrPath, open);
  const policy = createPolicy(opened, { ...(lora && { lora }), ...(seed !== undefined && { seed }) });
  const tokenizer = await loadTokenizer(opened.model.path);
  tokenizer.fits(opened.model.config.vocabSize);
  return { policy, tokenizer };
}

export type LoadExamplesOptions = Partial<Omit<PrepareOptions, "source" | "tokenizer">>;

/**
 * Reads a data set of any known format and tokenises it; the tokens are in a file that goes with the process, or with `close`. Default: pairs, rows longer than 1,024 tokens (TRL) dropped.
 * @throws AttuneError `data` when the format is unknown or too many rows are bad
 */
export async function loadExamples(
  source: string,
  { tokenizer }: LoadedModel,
  options: LoadExamplesOptions = {},
): Promise<ExampleFile> {
  const { examples } = await prepareData({
    kind: "preference",
    maxLength: 1024,
    truncation: "drop",
    prefixBreaks: "quarantine",
    margins: true,
    completionOnly: true,
    assistantOnly: true,
    ...options,
    source,
    tokenizer,
  });
  return examples;
}
