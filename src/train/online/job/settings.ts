/**
 * The settings of `attune train METHOD` for methods that learn from their own answers: the method's own, and those that every
 * training has, declared where offline methods have them. Knows no files.
 */
import type { z } from "zod";
import { AttuneError } from "../../../errors.js";
import type { CommonSettings } from "../../job/config.js";
import { choice, flag, number, optionalText, optionalWhole, texts, whole } from "../../job/setting.js";
import { settingGroups } from "../../job/settings.js";
import type { OnlineMethodEntry } from "../recipe.js";
import { type OnlineSettings, onlineSections, readOnlineSettings } from "../settings.js";
import { ONLINE_METHODS, type OnlineMethodName } from "../table.js";

const shared = {
  "Model and data": [
    "model",
    "data",
    "output",
    "resume",
    "data_split",
    "data_subset",
    "data_format",
    "max_rows",
  ],
  Training: [
    "learning_rate",
    "max_steps",
    "lr_scheduler_type",
    "lr_scheduler_kwargs",
    "warmup_steps",
    "warmup_ratio",
    "optim",
    "weight_decay",
    "adam_beta1",
    "adam_beta2",
    "adam_epsilon",
    "momentum",
    "max_grad_norm",
  ],
  "LoRA or everything": [
    "full",
    "lora_r",
    "lora_alpha",
    "lora_dropout",
    "use_rslora",
    "use_dora",
    "lora_target_modules",
    "modules_to_save",
  ],
  "Evaluation, logs and checkpoints": ["logging_steps", "detail_steps", "save_steps", "save_total_limit"],
  "Speed and memory": ["gradient_checkpointing", "load_in_8bit", "threads"],
} as const satisfies Partial<Record<keyof ReturnType<typeof settingGroups>, readonly string[]>>;

type SharedName = (typeof shared)[keyof typeof shared][number];

const rewards = (required: boolean) => ({
  reward: texts({
    doc: 'What judges an answer: a reward model (folder or Hugging Face id), a reward server (http://...), a module of your own (./mine.js), a rule (rule:exact-match?column=answer), a language model (judge:http://host/v1?model=NAME; with &compare=pairs it compares the answers to a prompt with each other). Give several for their sum, each with a weight: "0.5*rule:ended".',
    source: required ? "required" : "none: it is logged and watched by the guard, and not learned from",
  }),
  reward_combine: choice("sum", {
    choices: ["sum", "mean", "min", "lower_bound"],
    doc: "Several rewards: their weighted sum, or an ensemble of judges of the same thing: its mean, the smallest, or the mean less one deviation (weights are then not allowed).",
    source: "TRL: sum; lower bound: Coste et al. 2023 (2310.02743)",
  }),
  reward_part_clip: number(0, {
    min: 0,
    doc: "Each of several rewards is held within +- this before its weight; 0: not.",
    source: "ours: off",
  }),
  centre_reward_on: optionalText({
    doc: "Demonstrations (prompts with answers): their mean reward is taken off, so that they score 0.",
    source: "none; Ouyang et al. 2022 (2203.02155)",
  }),
  normalize_reward: flag(false, {
    doc: "Bring rewards to the scale of all answers so far, within +-10.",
    source: "OpenRLHF normalize_reward: off",
  }),
  log_completions: flag(false, {
    doc: "Write every rollout's answers and rewards under answers/ in the output folder.",
    source: "TRL",
  }),
});

const guards = {
  guard: choice("stop", {
    choices: ["stop", "warn", "off"],
    doc: "Watch for the reward being hacked: fixed prompts are answered every so many rollouts (guard.jsonl, report.html). stop: end a run whose held-out reward falls while its own rises, and give the model that was best by what is held out; warn: say so and go on; off: no looks.",
    source: "ours: on, looks are about a tenth of all answers",
  }),
  held_out_reward: texts({
    doc: "A reward that is not trained on, to judge the looks by; named as --reward is. Without it or an ensemble the guard can only give hints.",
    source: "none",
  }),
  guard_ensemble: texts({
    doc: "Rewards (two or more) whose lower bound stands in for a held-out reward, and whose disagreement is watched.",
    source: "the members of --reward, where --reward-combine makes an ensemble of them",
  }),
  guard_prompts: whole(256, {
    min: 2,
    doc: "Prompts of a look, set aside from training: at most a tenth of the data. Smaller data lends its prompts to both. The more, the earlier a fall is beyond chance.",
    source: "ours: 64 saw the built-in world's fall after twice as many rollouts (docs/overoptimisation.md)",
  }),
  guard_samples: whole(1, {
    min: 1,
    doc: "Answers to each; two or more show whether the reward follows length.",
    source: "ours: more prompts tell more than more answers",
  }),
  guard_every: optionalWhole({
    min: 1,
    doc: "Rollouts between looks.",
    source: "ours: a tenth of all answers, 8 to 50 looks a run",
  }),
  guard_patience: optionalWhole({
    min: 1,
    doc: "End the run after so many looks without a better one, too: near the best step where a reward is being hacked, but also where a run rests before it gains again.",
    source: "ours: never; 2 for a reward that is not trusted (docs/overoptimisation.md)",
  }),
};

const critics = {
  critic_model: optionalText({
    doc: "A model with a body of its own for the critic, all of it trained; a reward model brings its head.",
    source: "the policy's own body",
  }),
  value_head: optionalText({
    doc: "File (safetensors: weight, bias) that the value head starts from.",
    source: "the critic model's reward head, else zeros",
  }),
};

const mixes = {
  ptx_data: optionalText({
    doc: "Texts or demonstrations that the policy is not to forget (PPO-ptx): as many as answers beside every micro-batch, cut to the rows' length; --ptx-coef weighs them.",
    source: "none",
  }),
};

/** Settings of a run beside those of `OnlineSettings`. */
export type OnlineJobSettings = Pick<CommonSettings, SharedName> &
  OnlineSettings & {
    reward?: string[];
    reward_combine: "sum" | "mean" | "min" | "lower_bound";
    reward_part_clip: number;
    centre_reward_on?: string;
    guard: "stop" | "warn" | "off";
    held_out_reward?: string[];
    guard_ensemble?: string[];
    guard_prompts: number;
    guard_samples: number;
    guard_every?: number;
    guard_patience?: number;
    normalize_reward: boolean;
    log_completions: boolean;
    critic_model?: string;
    value_head?: string;
    ptx_data?: string;
  };

/** Settings of a method by the section of its help. */
export function onlineTrainingSections(method: OnlineMethodName): Record<string, Record<string, z.ZodType>> {
  const entry: OnlineMethodEntry = ONLINE_METHODS[method];
  const { learningRate, learningRateSource } = entry;
  const groups = settingGroups({
    learningRate,
    learningRateSource,
    truncationMode: "drop",
    truncationSource: "ours",
    // A second graph without them would cost more than they do.
    detailSteps: 1,
    saveSteps: { every: 20, source: "ours: a policy that collapses leaves a good one behind" },
  }) as unknown as Record<string, Record<string, z.ZodType>>;
  const picked = (title: keyof typeof shared): Record<string, z.ZodType> =>
    Object.fromEntries(shared[title].map((name) => [name, groups[title]![name]!]));
  return {
    "Model and data": picked("Model and data"),
    Reward: rewards(entry.rewarded),
    ...onlineSections(entry.defaults, entry.groups),
    ...(entry.critic && { Critic: critics, "Pretraining mix": mixes }),
    Guard: guards,
    Training: picked("Training"),
    "LoRA or everything": picked("LoRA or everything"),
    "Logs and checkpoints": picked("Evaluation, logs and checkpoints"),
    "Speed and memory": picked("Speed and memory"),
  };
}

/** A configuration that was checked. */
export interface OnlineTrainingConfig {
  readonly method: OnlineMethodName;
  readonly entry: OnlineMethodEntry;
  readonly settings: OnlineJobSettings;
  /** Those of the method itself, as `trainOnline` takes them. */
  readonly own: Partial<OnlineSettings>;
  /** Everything with its defaults, flat, as it can be given again. */
  readonly resolved: Record<string, unknown>;
}

/** Checks a configuration and fills in defaults; kebab-case names are read too. Throws `config` and names the setting. */
export function readOnlineTrainingConfig(
  method: OnlineMethodName,
  input: Readonly<Record<string, unknown>>,
): OnlineTrainingConfig {
  const entry: OnlineMethodEntry = ONLINE_METHODS[method];
  const given = Object.fromEntries(
    Object.entries(input).flatMap(([name, value]) =>
      name === "method" || value === undefined || value === null ? [] : [[name.replaceAll("-", "_"), value]],
    ),
  );
  const sections = onlineTrainingSections(method);
  const settings = readOnlineSettings(method, given, sections) as OnlineJobSettings;
  if (entry.rewarded && settings.reward === undefined) {
    throw new AttuneError("config", {
      where: `${method}: reward`,
      expected: "what judges an answer",
      got: "nothing",
      fix: "--reward runs/reward/model, --reward http://..., --reward rule:exact-match; see --help",
    });
  }
  if (settings.guard_ensemble?.length === 1) {
    throw new AttuneError("config", {
      where: `${method}: guard_ensemble`,
      expected: "two rewards or more",
      got: settings.guard_ensemble[0]!,
      fix: "a single reward is a --held-out-reward",
    });
  }
  if (settings.warmup_steps !== undefined && settings.warmup_ratio !== undefined) {
    throw new AttuneError("config", {
      where: `${method}: warmup_steps`,
      expected: "one of warmup_steps and warmup_ratio",
      got: "both",
    });
  }
  const names = Object.values(onlineSections(entry.defaults, entry.groups)).flatMap(Object.keys);
  const all = settings as unknown as Record<string, unknown>;
  const own = Object.fromEntries(names.map((name) => [name, all[name]])) as Partial<OnlineSettings>;
  return { method, entry, settings, own, resolved: { method, ...all } };
}
