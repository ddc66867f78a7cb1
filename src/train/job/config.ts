/**
 * The configuration of a run: one schema a method, from which flags, files, defaults and help derive. Unknown names are
 * errors that suggest the nearest known one. Knows no files.
 */
import { z } from "zod";
import { AttuneError } from "../../errors.js";
import type { OptionValue } from "../../losses/index.js";
import { nearestName } from "../../util/nearest-name.js";
import { lossSettings, resolveLossSettings } from "./loss-settings.js";
import { METHOD_NAMES, methodEntry, type MethodEntry, type MethodName } from "./methods.js";
import { expectedOf, flag, optionalChoice, optionalText, settingInfo } from "./setting.js";
import { checkScheduleSettings } from "./schedule-settings.js";
import { referenceModes, settingGroups } from "./settings.js";

type Groups = ReturnType<typeof settingGroups>;
type Union<T> = T[keyof T];
type Flatten<T> = {
  [K in Union<{ [G in keyof T]: keyof T[G] }>]: Union<{
    [G in keyof T]: K extends keyof T[G] ? T[G][K] : never;
  }>;
};
type CommonShape = Flatten<Groups>;
/** The settings that every method has, defaults filled in. */
export type CommonSettings = {
  [K in keyof CommonShape]: CommonShape[K] extends z.ZodType ? z.output<CommonShape[K]> : never;
};

/** A configuration as it is written: TRL's names, everything but model and data optional. */
export type TrainingInput = { method: MethodName; model: string; data: string } & Partial<CommonSettings> &
  Readonly<Record<string, unknown>>;

/** A configuration that was checked. */
export interface TrainingConfig {
  method: MethodName;
  entry: MethodEntry;
  settings: CommonSettings;
  lossType: string;
  /** Options of the loss under its own names, defaults filled in. */
  loss: Record<string, OptionValue>;
  /** Asked-for source of the reference; undefined: chosen by the method and the model. */
  reference: (typeof referenceModes)[number] | undefined;
  completionOnly: boolean;
  assistantOnly: boolean;
  /** Column with a third answer, where the loss asks for one. */
  goldColumn: string | undefined;
  /** Everything with its defaults, flat, as it can be given again. */
  resolved: Record<string, unknown>;
}

export type SettingSections = Readonly<Record<string, Readonly<Record<string, z.ZodType>>>>;

const lossTypeSetting = (entry: MethodEntry): z.ZodType => {
  const names = Object.keys(entry.losses) as [string, ...string[]];
  const info = {
    kind: "choice" as const,
    doc: "Which objective.",
    source: `${entry.lossType}; ${names.length} in all`,
    choices: names,
  };
  return z.enum(names).default(entry.lossType).meta({ description: info.doc, setting: info });
};

/** Settings of a method by the section of its help. */
export function settingSections(method: MethodName): SettingSections {
  const entry = methodEntry(method);
  const { "Model and data": data, ...others } = settingGroups(entry.defaults);
  const own: Record<string, z.ZodType> = {};
  if (Object.keys(entry.losses).length > 1) own["loss_type"] = lossTypeSetting(entry);
  Object.assign(own, lossSettings(entry.losses));
  if (Object.values(entry.losses).some((loss) => loss.needsReference)) {
    own["reference"] = optionalChoice({
      choices: referenceModes,
      doc: "Where the reference's log-probabilities come from: the same weights without the new adapter, the model as it was given (a copy of the adapter that it came with), or made once beforehand.",
      source: "adapter-off with a new adapter, else frozen-copy; none where the loss needs none",
    });
  }
  const withGold = Object.entries(entry.losses).filter(([, loss]) => loss.gold({}));
  if (withGold.length > 0)
    own["gold_column"] = optionalText({
      doc: `Column with the best answer of all (${withGold.map(([name]) => name).join(", ")}).`,
      source: "reference, TRL TPOTrainer",
    });
  if (entry.records === "demonstration") {
    own["completion_only_loss"] = flag(true, {
      doc: "Rows with a prompt: train the completion only.",
      source: "TRL",
    });
    own["assistant_only_loss"] = flag(false, {
      doc: "Conversations: train the assistant's turns only.",
      source: "TRL",
    });
  }
  return { "Model and data": data, Objective: own, ...others };
}

/** The schema of a method's configuration. */
export const trainingSchema = (method: MethodName): z.ZodType<Record<string, unknown>> =>
  z.strictObject(Object.assign({}, ...Object.values(settingSections(method))) as Record<string, z.ZodType>);

/** Names of all settings of a method. */
export const settingNames = (method: MethodName): string[] =>
  Object.values(settingSections(method)).flatMap((section) => Object.keys(section));

/**
 * Checks a configuration and fills in defaults. Kebab-case names are read too.
 * @throws AttuneError `config` for an unknown name, a wrong type, a value out of range, or settings that contradict.
 */
export function readTrainingConfig(
  input: Readonly<Record<string, unknown>>,
  { where = "config" }: { where?: string } = {},
): TrainingConfig {
  const { method: named, ...rest } = input;
  const method = METHOD_NAMES.find((name) => name === named);
  if (method === undefined) {
    throw new AttuneError("config", {
      where: `${where}: method`,
      expected: METHOD_NAMES.join(", "),
      got: JSON.stringify(named) ?? "nothing",
    });
  }
  const entry = methodEntry(method);
  const given = Object.fromEntries(
    Object.entries(rest).map(([name, value]) => [name.replaceAll("-", "_"), value ?? undefined]),
  );
  const parsed = trainingSchema(method).safeParse(given);
  if (!parsed.success) throw configError(parsed.error, { method, where, given });
  const values = parsed.data;
  const lossType = (values["loss_type"] as string | undefined) ?? entry.lossType;
  const options = Object.keys(lossSettings(entry.losses));
  const lossGiven = Object.fromEntries(options.map((name) => [name, values[name]]));
  const loss = resolveLossSettings(entry.losses, { lossType, given: lossGiven });
  const gold = values["gold_column"] as string | undefined;
  const config: TrainingConfig = {
    method,
    entry,
    settings: values as CommonSettings,
    lossType,
    loss,
    reference: values["reference"] as TrainingConfig["reference"],
    completionOnly: (values["completion_only_loss"] as boolean | undefined) ?? true,
    assistantOnly: (values["assistant_only_loss"] as boolean | undefined) ?? false,
    goldColumn: entry.losses[lossType]!.gold(loss) ? (gold ?? "reference") : undefined,
    resolved: { method, ...values },
  };
  checkScheduleSettings(config.settings.lr_scheduler_type, config.settings.lr_scheduler_kwargs, { where });
  refuseContradictions(config, given);
  return config;
}

function configError(
  error: z.ZodError,
  { method, where, given }: { method: MethodName; where: string; given: Readonly<Record<string, unknown>> },
): AttuneError {
  // A misspelt name explains a missing one, so it is told first.
  const issue = error.issues.find(({ code }) => code === "unrecognized_keys") ?? error.issues[0]!;
  if (issue.code === "unrecognized_keys") return unknownSetting(issue.keys[0]!, { method, where });
  const name = String(issue.path[0] ?? "");
  const value = given[name];
  const schema = Object.assign({}, ...Object.values(settingSections(method)))[name] as z.ZodType | undefined;
  const doc = schema && settingInfo(schema).doc.replace(/\.$/, "");
  const expected =
    value === undefined
      ? `a value${doc === undefined ? "" : ` (${doc[0]!.toLowerCase()}${doc.slice(1)})`}`
      : expectedOf(issue.message);
  return new AttuneError("config", {
    where: `${where}: ${name}`,
    expected,
    got: typeof value === "number" ? String(value) : (JSON.stringify(value) ?? "nothing"),
  });
}

/** The error for a name that no setting has. */
export function unknownSetting(
  name: string,
  { method, where }: { method: MethodName; where: string },
): AttuneError {
  const near = nearestName(name, settingNames(method));
  const elsewhere = METHOD_NAMES.filter((other) => settingNames(other).includes(name));
  return new AttuneError("config", {
    where: `${where}: ${name}`,
    expected: `a setting of ${method}`,
    got: elsewhere.length > 0 ? `one of ${elsewhere.join(", ")} only` : "an unknown name",
    fix: near === undefined ? `see attune train ${method} --help` : `did you mean ${near}?`,
  });
}

/** Of the settings of LoRA with a default of their own, one that is not at it. */
export const askedByValue = (
  s: Pick<CommonSettings, "use_dora" | "use_rslora" | "lora_dropout">,
): string | undefined =>
  s.use_dora ? "use_dora" : s.use_rslora ? "use_rslora" : s.lora_dropout > 0 ? "lora_dropout" : undefined;

function refuseContradictions(
  { entry, settings: s, lossType, reference, goldColumn }: TrainingConfig,
  given: Readonly<Record<string, unknown>>,
): void {
  const refuse = (where: string, o: { expected: string; got: string; fix?: string }): never => {
    throw new AttuneError("config", { where, ...o });
  };
  const lora = ["lora_r", "lora_alpha", "lora_target_modules", "modules_to_save"].find(
    (name) => given[name] !== undefined,
  );
  const asksLora = lora ?? askedByValue(s);
  if (s.full && asksLora !== undefined)
    refuse("full", { expected: "no LoRA settings beside it", got: asksLora });
  if (s.warmup_steps !== undefined && s.warmup_ratio !== undefined)
    refuse("warmup_steps", { expected: "one of warmup_steps and warmup_ratio", got: "both" });
  if (s.lr_scheduler_type === "constant" && ((s.warmup_steps ?? 0) > 0 || (s.warmup_ratio ?? 0) > 0))
    refuse("lr_scheduler_type", { expected: "constant_with_warmup, which has a warm-up", got: "constant" });
  if (s.max_tokens !== undefined && given["per_device_train_batch_size"] !== undefined)
    refuse("max_tokens", { expected: "one of max_tokens and per_device_train_batch_size", got: "both" });
  if (s.eval_data !== undefined && s.eval_split > 0)
    refuse("eval_split", { expected: "one of eval_data and eval_split", got: "both" });
  const evaluates = s.eval_data !== undefined || s.eval_split > 0;
  for (const name of [
    "early_stopping_patience",
    "load_best_model_at_end",
    "metric_for_best_model",
  ] as const) {
    if (!evaluates && s[name])
      refuse(name, {
        expected: "rows to evaluate on",
        got: "none",
        fix: "give --eval-data or --eval-split 0.1",
      });
  }
  const loss = entry.losses[lossType]!;
  if (reference === "none" && loss.needsReference)
    refuse("reference", { expected: `a reference, because ${lossType} compares with one`, got: "none" });
  if (reference !== undefined && reference !== "none" && !loss.needsReference)
    refuse("reference", { expected: `none, because ${lossType} uses no reference`, got: reference });
  if (reference === "precomputed" && (loss.readsTokens || entry.records !== "preference"))
    refuse("reference", {
      expected: `adapter-off or frozen-copy, because ${lossType} reads more than each answer's sum`,
      got: reference,
    });
  if (given["gold_column"] !== undefined && goldColumn === undefined)
    refuse("gold_column", {
      expected: "a loss that learns from a third answer (tpo with tpo_alpha above 0)",
      got: lossType,
      fix: "leave it out",
    });
  if (s.max_tokens !== undefined && loss.smallestBatch > 1)
    refuse("max_tokens", {
      expected: `per_device_train_batch_size, because every micro-batch needs ${loss.smallestBatch} rows`,
      got: "a token budget",
    });
  if (s.per_device_train_batch_size < loss.smallestBatch || s.per_device_eval_batch_size < loss.smallestBatch)
    refuse("per_device_train_batch_size", {
      expected: `at least ${loss.smallestBatch}, in evaluation too: the KL estimate needs answers to other prompts`,
      got: String(Math.min(s.per_device_train_batch_size, s.per_device_eval_batch_size)),
    });
}
