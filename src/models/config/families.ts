/**
 * The table of architectures, and the one function that brings any config.json to a ModelConfig. Knows nothing of weights.
 */
import { readFileSync } from "node:fs";

import { AttuneError } from "../../errors.js";
import { Fields, isRecord, type RawConfig } from "./fields.js";
import { readGemma2 } from "./gemma2.js";
import { readGemma3 } from "./gemma3.js";
import { readGpt2 } from "./gpt2.js";
import { readLlama } from "./llama.js";
import { readMistral } from "./mistral.js";
import { readPhi3 } from "./phi3.js";
import { readQwen2 } from "./qwen2.js";
import { readQwen3 } from "./qwen3.js";
import { readSmollm3 } from "./smollm3.js";
import type { HeadKind, ModelConfig, ModelFamily } from "./types.js";

export interface FamilyRecord {
  read: (config: Fields) => ModelConfig;
  /** Module that holds everything but the head; older files leave it out of their names. */
  prefix: "model" | "transformer";
  /** Start of the class names that transformers knows: `Llama` + `ForCausalLM`. */
  className: string;
  /** Ending of the language model's class. */
  languageModel: "ForCausalLM" | "LMHeadModel";
}

const decoder = { prefix: "model", languageModel: "ForCausalLM" } as const;

/** Every architecture that is known here, by `model_type`. */
export const families: Readonly<Record<ModelFamily, FamilyRecord>> = {
  llama: { ...decoder, className: "Llama", read: readLlama },
  mistral: { ...decoder, className: "Mistral", read: readMistral },
  qwen2: { ...decoder, className: "Qwen2", read: readQwen2 },
  qwen3: { ...decoder, className: "Qwen3", read: readQwen3 },
  gpt2: { prefix: "transformer", languageModel: "LMHeadModel", className: "GPT2", read: readGpt2 },
  gemma2: { ...decoder, className: "Gemma2", read: readGemma2 },
  gemma3_text: { ...decoder, className: "Gemma3", read: readGemma3 },
  phi3: { ...decoder, className: "Phi3", read: readPhi3 },
  smollm3: { ...decoder, className: "SmolLM3", read: readSmollm3 },
};

/** The class name that transformers writes into `architectures`. Gemma-3's text classifier has a name of its own. */
export function architectureName(family: ModelFamily, head: HeadKind): string {
  const { className, languageModel } = families[family];
  if (head === "lm" || head === "value") return className + languageModel;
  const name = family === "gemma3_text" ? "Gemma3Text" : className;
  return name + (head === "sequence" ? "ForSequenceClassification" : "ForTokenClassification");
}

/**
 * Brings a parsed config.json of either generation of keys to the one shape.
 * @param options.where named in errors; default `config.json`
 * @throws AttuneError `model` for an unknown architecture, a missing key or a value out of range.
 */
export function normaliseConfig(
  raw: RawConfig,
  { where = "config.json" }: { where?: string } = {},
): ModelConfig {
  const config = new Fields(raw, { where });
  const known = Object.keys(families).join(", ");
  const type = raw["model_type"];
  if (typeof type !== "string" || !Object.hasOwn(families, type)) {
    config.refuse("model_type", {
      expected: `one of the known architectures (${known})`,
      fix:
        type === "gemma3"
          ? "this is Gemma-3 with images: take its text_config and language model alone"
          : undefined,
    });
  }
  if (config.given("quantization_config")) {
    config.refuse("quantization_config", {
      expected: "plain F32, BF16 or F16 weights",
      fix: "use the unquantised model of the same name",
    });
  }
  return families[type as ModelFamily].read(config);
}

/** Reads `path` (a config.json). Errors as `normaliseConfig`, and when the file is absent or no JSON object. */
export function readConfigFile(path: string): { config: ModelConfig; rawConfig: RawConfig } {
  const rawConfig = readJsonObject(path);
  return { config: normaliseConfig(rawConfig, { where: path }), rawConfig };
}

/** A JSON file that must hold an object. */
export function readJsonObject(path: string): RawConfig {
  const refuse = (cause: unknown): never => {
    throw new AttuneError("model", { where: path, expected: "a JSON object", got: String(cause), cause });
  };
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    return refuse(cause);
  }
  return isRecord(parsed) ? parsed : refuse(JSON.stringify(parsed).slice(0, 80));
}
