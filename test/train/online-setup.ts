/** A random model of a few thousand parameters with the built-in tokenizer, prompts and rewards: what tests of online runs need, fast. */
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { ortBackend } from "../../src/backends/index.js";
import { AttuneError } from "../../src/errors.js";
import { openModel, writeRandomModel } from "../../src/models/index.js";
import { eachReward, type Reward } from "../../src/rewards/index.js";
import type { Backend } from "../../src/tensor/index.js";
import { loadTokenizer, type Tokenizer } from "../../src/text/index.js";
import {
  createPolicy,
  type FitResult,
  type OnlineMethodName,
  type OnlinePrompt,
  type OnlineSettings,
  type Policy,
  type PolicyOptions,
  type RolloutReport,
  type StepReport,
  trainOnline,
  type TrainOnlineOptions,
} from "../../src/train/index.js";
import { repositoryRoot } from "../support/shared.js";

const builtIn = join(repositoryRoot, "models/tiny");

/** config.json of the random model; the vocabulary is the built-in tokenizer's. */
const config = {
  model_type: "llama",
  architectures: ["LlamaForCausalLM"],
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 1,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: 1536,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  tie_word_embeddings: true,
  hidden_act: "silu",
  torch_dtype: "float32",
};

/** A folder that is removed after the file's tests. */
export function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), "attune-online-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export async function writeModel(folder: string): Promise<string> {
  const path = join(folder, "model");
  await writeRandomModel(path, config, { seed: 5, std: 0.3 });
  for (const file of ["tokenizer.json", "tokenizer_config.json"])
    copyFileSync(join(builtIn, file), join(path, file));
  return path;
}

export interface Setting {
  backend: Backend;
  model: string;
  tokenizer: Tokenizer;
  policy: (options?: PolicyOptions) => Promise<Policy>;
}

export async function openSetting(folder: string): Promise<Setting> {
  const model = await writeModel(folder);
  const tokenizer = await loadTokenizer(model);
  const policy = async (options: PolicyOptions = {}): Promise<Policy> =>
    createPolicy(await openModel(model), options);
  return { backend: ortBackend({ threads: 1 }), model, tokenizer, policy };
}

/** The same for all tests of a file, closed behind the last. */
export async function sharedSetting(): Promise<Setting> {
  const setting = await openSetting(scratch());
  afterAll(() => setting.backend.close());
  return setting;
}

export const questions: OnlinePrompt[] = ["cats", "dogs", "cows", "birds"].map((who) => ({
  id: who,
  prompt: [{ role: "user", content: `What do ${who} eat?` }],
}));

export const demonstrations: OnlinePrompt[] = questions.map((each) => ({
  ...each,
  answer: [{ role: "assistant", content: `Well, ${each.id} eat grass.` }],
}));

/** A number that depends on the text and nothing else. */
export const letters: Reward = eachReward("letters", ({ completion }) =>
  [...(completion as string)].reduce((sum, letter) => sum + (letter.codePointAt(0)! % 7) / 10, 0),
);

export interface Outcome {
  reports: StepReport[];
  rollouts: RolloutReport[];
  result: FitResult;
}

export type RunOptions = Omit<
  TrainOnlineOptions,
  "backend" | "method" | "policy" | "tokenizer" | "prompts"
> & {
  policy?: Policy;
  prompts?: readonly OnlinePrompt[];
};

/** Short rollouts of one prompt's worth of rows each, unless told otherwise. */
export const short: Partial<OnlineSettings> = {
  max_completion_length: 6,
  per_device_train_batch_size: 4,
  num_train_epochs: 1,
};

/** Runs to the end. */
export async function runOnline(
  setting: Setting,
  method: OnlineMethodName,
  { settings, policy, prompts, onRollout, ...o }: RunOptions = {},
): Promise<Outcome> {
  const rollouts: RolloutReport[] = [];
  const reports: StepReport[] = [];
  const run = trainOnline({
    backend: setting.backend,
    method,
    policy: policy ?? (await setting.policy()),
    tokenizer: setting.tokenizer,
    prompts: prompts ?? (method === "spin" ? demonstrations : questions),
    ...(method !== "spin" && { reward: letters }),
    settings: { ...short, ...settings },
    onRollout: async (report) => {
      rollouts.push(report);
      await onRollout?.(report);
    },
    ...o,
    fit: { learningRate: 1e-2, ...o.fit },
  });
  for (;;) {
    const next = await run.next();
    if (next.done) return { reports, rollouts, result: next.value };
    reports.push(next.value);
  }
}

export async function errorOf(work: Promise<unknown>): Promise<AttuneError> {
  const error = await work.then(
    () => new Error("nothing was thrown"),
    (e: unknown) => e,
  );
  if (!(error instanceof AttuneError)) throw error;
  return error;
}
