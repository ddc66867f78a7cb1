/**
 * adapter_config.json as peft writes it, brought to one shape and back. Knows nothing of tensors or of which modules exist.
 */
import { AttuneError } from "../errors.js";
import { Fields, isRecord, type RawConfig } from "./config/fields.js";

export type LoraTask = "CAUSAL_LM" | "SEQ_CLS" | "TOKEN_CLS";

export interface LoraConfig {
  /** Rank of modules that no pattern names. */
  readonly r: number;
  /** Scaling is alpha / r, or alpha / sqrt(r) with `rslora`. */
  readonly alpha: number;
  readonly rslora: boolean;
  readonly dora: boolean;
  /** During training, on the adapter's input. */
  readonly dropout: number;
  /** Names (`q_proj`, matched as the end of a path), full paths, `all-linear`, or a regular expression over full paths. */
  readonly targetModules: readonly string[] | string;
  /** Left out of the targets: names, or a regular expression over full paths. */
  readonly excludeModules: readonly string[] | string;
  /** Layers that are adapted; null: all. Only with a list of targets. */
  readonly layersToTransform: readonly number[] | null;
  /** Rank of single modules: keys are regular expressions for the end of a path. */
  readonly rankPattern: Readonly<Record<string, number>>;
  readonly alphaPattern: Readonly<Record<string, number>>;
  /** Modules that are trained whole and stored beside the adapter, such as `score`. */
  readonly modulesToSave: readonly string[];
  readonly task: LoraTask;
  /** `base_model_name_or_path`. */
  readonly baseModel: string | null;
}

/** peft's defaults (0.21: r 8, alpha 8, no dropout), all linear layers as target. */
export const loraDefaults: LoraConfig = {
  r: 8,
  alpha: 8,
  rslora: false,
  dora: false,
  dropout: 0,
  targetModules: "all-linear",
  excludeModules: [],
  layersToTransform: null,
  rankPattern: {},
  alphaPattern: {},
  modulesToSave: [],
  task: "CAUSAL_LM",
  baseModel: null,
};

/** Keys that change the numbers and that are not known here, with the values that leave them off. */
const off: Readonly<Record<string, readonly unknown[]>> = {
  bias: ["none"],
  layer_replication: [],
  target_parameters: [[]],
  trainable_token_indices: [],
  alora_invocation_tokens: [],
  arrow_config: [],
  use_qalora: [false],
  use_bdlora: [false],
  lora_bias: [false],
};

/**
 * Brings a parsed adapter_config.json to the one shape.
 * @throws AttuneError `model` for another kind of adapter, settings that are not known here, values out of range.
 */
export function normaliseAdapterConfig(
  raw: RawConfig,
  { where = "adapter_config.json" }: { where?: string } = {},
): LoraConfig {
  const config = new Fields(raw, { where });
  config.mustBe("peft_type", { value: "LORA", fallback: undefined });
  for (const [key, values] of Object.entries(off)) {
    if (!config.given(key)) continue;
    const fits = values.some((value) => JSON.stringify(value) === JSON.stringify(raw[key]));
    if (!fits)
      config.refuse(key, {
        expected: `${values.length === 0 ? "null" : JSON.stringify(values[0])}, the only value known here`,
      });
  }
  const lora: LoraConfig = {
    r: config.integer("r"),
    alpha: config.number("lora_alpha"),
    rslora: config.boolean("use_rslora", false),
    dora: config.boolean("use_dora", false),
    dropout: config.number("lora_dropout", { min: 0, max: 1, fallback: 0 }),
    targetModules: namesOrPattern(config, "target_modules"),
    excludeModules: namesOrPattern(config, "exclude_modules", []),
    layersToTransform: layerList(config),
    rankPattern: patterns(config, "rank_pattern"),
    alphaPattern: patterns(config, "alpha_pattern"),
    modulesToSave: [...new Set(names(config, "modules_to_save"))],
    task: config.choice<LoraTask>("task_type", {
      table: { CAUSAL_LM: "CAUSAL_LM", SEQ_CLS: "SEQ_CLS", TOKEN_CLS: "TOKEN_CLS" },
      fallback: "CAUSAL_LM",
    }),
    baseModel: typeof raw["base_model_name_or_path"] === "string" ? raw["base_model_name_or_path"] : null,
  };
  if (config.given("layers_pattern") && JSON.stringify(raw["layers_pattern"]) !== "[]") {
    config.refuse("layers_pattern", {
      expected: "null: the layers of the architectures known here are found without it",
    });
  }
  for (const [key, rank] of Object.entries(lora.rankPattern)) {
    if (!Number.isInteger(rank)) config.refuse("rank_pattern", { expected: `a whole number for ${key}` });
  }
  return lora;
}

function namesOrPattern(config: Fields, key: string, fallback?: string[]): string[] | string {
  const value = config.raw[key];
  if (!config.given(key) && fallback !== undefined) return fallback;
  if (typeof value === "string") return value;
  const list = names(config, key);
  return list.length > 0 || fallback !== undefined
    ? list
    : config.refuse(key, { expected: "module names, all-linear or a regular expression" });
}

function names(config: Fields, key: string): string[] {
  const value = config.raw[key] ?? [];
  if (Array.isArray(value) && value.every((x) => typeof x === "string" && x !== "")) return value as string[];
  return config.refuse(key, { expected: "a list of module names" });
}

function layerList(config: Fields): number[] | null {
  const value = config.raw["layers_to_transform"] ?? null;
  const list: unknown = typeof value === "number" ? [value] : value;
  if (list === null) return null;
  if (Array.isArray(list) && list.every((x) => Number.isInteger(x) && (x as number) >= 0))
    return list as number[];
  return config.refuse("layers_to_transform", { expected: "layer numbers" });
}

function patterns(config: Fields, key: string): Record<string, number> {
  const value = config.raw[key] ?? {};
  if (isRecord(value) && Object.values(value).every((x) => typeof x === "number" && x > 0))
    return value as Record<string, number>;
  return config.refuse(key, { expected: "numbers above 0 by module pattern" });
}

/** What peft needs to load the adapter; keys that came from a file and mean nothing here are kept. */
export function adapterConfigJson(
  lora: LoraConfig,
  { fanInFanOut, raw = {} }: { fanInFanOut: boolean; raw?: RawConfig },
): RawConfig {
  return {
    ...raw,
    peft_type: "LORA",
    task_type: lora.task,
    base_model_name_or_path: lora.baseModel,
    r: lora.r,
    lora_alpha: lora.alpha,
    lora_dropout: lora.dropout,
    use_rslora: lora.rslora,
    use_dora: lora.dora,
    bias: "none",
    fan_in_fan_out: fanInFanOut,
    inference_mode: true,
    init_lora_weights: raw["init_lora_weights"] ?? true,
    target_modules: lora.targetModules,
    exclude_modules: lora.excludeModules.length === 0 ? null : lora.excludeModules,
    layers_to_transform: lora.layersToTransform,
    rank_pattern: lora.rankPattern,
    alpha_pattern: lora.alphaPattern,
    modules_to_save: lora.modulesToSave.length === 0 ? null : lora.modulesToSave,
  };
}

/** A regular expression written for Python, matched by `re.match` or `re.fullmatch`. */
export function pythonPattern(source: string, { where }: { where: string }): RegExp {
  try {
    // Named groups are the one difference that occurs in module patterns.
    return new RegExp(source.replaceAll("(?P<", "(?<"));
  } catch (cause) {
    throw new AttuneError("model", { where, expected: "a regular expression", got: source, cause });
  }
}
