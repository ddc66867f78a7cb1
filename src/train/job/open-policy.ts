/** The model of a run: opened, its tokenizer, and whether an adapter or every parameter is trained. Knows no data. */
import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { AttuneError } from "../../errors.js";
import { elementCount, type LoraConfig, openModel, type OpenedModel } from "../../models/index.js";
import { loadTokenizer, type Tokenizer } from "../../text/index.js";
import { sha256, sha256File } from "../../util/files.js";
import { createPolicy, type Policy } from "../policy.js";
import { askedByValue, type CommonSettings } from "./config.js";
import type { MethodEntry } from "./methods.js";

export interface OpenedPolicy {
  opened: OpenedModel;
  policy: Policy;
  tokenizer: Tokenizer;
  /** Folder the tokenizer came from. */
  tokenizerFolder: string;
  /** What is trained, and why. */
  mode: "full" | "lora";
  modeReason: string;
  parameters: number;
  trainable: number;
}

/** Models below this many parameters are trained whole unless told otherwise. */
const smallModel = 50e6;

/** Settings of adapters: TRL's ModelConfig (rank 16, alpha 32), all linear layers. */
const loraRank = 16;
const loraAlpha = 32;

/**
 * Opens model and tokenizer and chooses what is trained.
 * @throws AttuneError `model`, `tokenizer`, `config`.
 */
export async function openPolicy({ settings: s, entry }: PolicyConfig): Promise<OpenedPolicy> {
  const opened = await openModel(s.model, entry.head === undefined ? {} : { head: entry.head });
  const { config } = opened.model;
  if (entry.head === undefined && config.head.kind !== "lm") {
    throw new AttuneError("model", {
      where: s.model,
      expected: "a language model",
      got: `a model with the head "${config.head.kind}"`,
      fix: "train from the language model that it was made of",
    });
  }
  const tokenizerFolder = await folderOfTokenizer(s.model, opened);
  const tokenizer = await loadTokenizer(tokenizerFolder);
  tokenizer.fits(config.vocabSize);
  const parameters = [...opened.model.tensors.values(), ...opened.model.newParameters].reduce(
    (n, t) => n + elementCount(t),
    0,
  );
  const { mode, reason } = modeOf(s, { parameters, adapted: opened.adapter !== undefined });
  if (s.load_in_8bit && mode === "full") {
    throw new AttuneError("config", {
      where: "load_in_8bit",
      expected: "an adapter to train, because only frozen weights are kept in 8 bits",
      got: `training of every parameter (${reason})`,
      fix: "train an adapter: --lora-r 16; or leave --load-in-8bit out",
    });
  }
  const lora =
    mode === "lora" && opened.adapter === undefined ? loraOf(s, entry.head === "sequence") : undefined;
  const policy = createPolicy(opened, { seed: s.seed, ...(lora && { lora }) });
  const trainable = [...policy.trainable.values()].reduce(
    (n, { shape }) => n + shape.reduce((a, b) => a * b, 1),
    0,
  );
  return { opened, policy, tokenizer, tokenizerFolder, mode, modeReason: reason, parameters, trainable };
}

/** An adapter's folder may bring its own tokenizer; else the base model's. */
async function folderOfTokenizer(named: string, { model, adapter }: OpenedModel): Promise<string> {
  if (adapter === undefined) return model.path;
  const own = resolve(named);
  return hasTokenizer(own) ? own : model.path;
}

function hasTokenizer(folder: string): boolean {
  try {
    return readdirSync(folder).includes("tokenizer.json");
  } catch {
    return false;
  }
}

type Settings = Pick<
  CommonSettings,
  | "model"
  | "seed"
  | "full"
  | "load_in_8bit"
  | "lora_r"
  | "lora_alpha"
  | "lora_dropout"
  | "use_rslora"
  | "use_dora"
  | "lora_target_modules"
  | "modules_to_save"
>;

/** What opening reads of a configuration. */
export interface PolicyConfig {
  readonly settings: Settings;
  readonly entry: Pick<MethodEntry, "head">;
}

function modeOf(
  s: Settings,
  { parameters, adapted }: { parameters: number; adapted: boolean },
): { mode: "full" | "lora"; reason: string } {
  const named = ["lora_r", "lora_alpha", "lora_target_modules", "modules_to_save"] as const;
  const asked = named.find((name) => s[name] !== undefined) ?? askedByValue(s);
  if (adapted) {
    const refused = s.full ? "full" : asked;
    if (refused === undefined)
      return { mode: "lora", reason: "the model came with an adapter, which is trained on" };
    throw new AttuneError("config", {
      where: refused,
      expected: "a model without an adapter, because an adapter that is trained on keeps its own settings",
      got: s.model,
      fix: "leave it out, or merge the adapter first: attune merge",
    });
  }
  if (s.full) return { mode: "full", reason: "--full" };
  if (asked !== undefined) return { mode: "lora", reason: "LoRA settings are given" };
  return parameters < smallModel
    ? {
        mode: "full",
        reason: `below ${smallModel / 1e6} M parameters; --lora-r 16 trains an adapter instead`,
      }
    : { mode: "lora", reason: `${Math.round(parameters / 1e6)} M parameters; --full trains all of them` };
}

function loraOf(s: Settings, classifies: boolean): Partial<LoraConfig> {
  return {
    r: s.lora_r ?? loraRank,
    alpha: s.lora_alpha ?? loraAlpha,
    rslora: s.use_rslora,
    dora: s.use_dora,
    dropout: s.lora_dropout,
    targetModules: targets(s.lora_target_modules),
    modulesToSave: s.modules_to_save ?? [],
    task: classifies ? "SEQ_CLS" : "CAUSAL_LM",
  };
}

const targets = (names: readonly string[] | undefined): readonly string[] | string =>
  names === undefined || (names.length === 1 && names[0] === "all-linear") ? "all-linear" : names;

/** One hash of everything that the model is: config, weights, tokenizer, adapter. */
export async function hashModel({
  opened,
  tokenizer,
}: Pick<OpenedPolicy, "opened" | "tokenizer">): Promise<{ hash: string; files: Record<string, string> }> {
  const { model, adapter } = opened;
  const paths = new Set([join(model.path, "config.json"), ...[...model.tensors.values()].map((t) => t.file)]);
  for (const entry of adapter?.tensors.values() ?? []) paths.add(entry.file);
  const files: Record<string, string> = {};
  for (const path of [...paths].sort()) files[path] = await sha256File(path);
  return { hash: sha256([...Object.values(files), tokenizer.hash].join("\n")), files };
}
