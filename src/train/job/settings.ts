/**
 * The settings that every training method has, in groups as the help shows them. Names are TRL's (those of
 * `transformers.TrainingArguments` and `trl`), so that a configuration written for TRL reads the same here.
 */
import { type FormatName, formatNames } from "../../data/index.js";
import { SCHEDULE_NAMES, type ScheduleName } from "../../optim/index.js";
import {
  choice,
  flag,
  list,
  number,
  object,
  optionalChoice,
  optionalNumber,
  optionalText,
  optionalWhole,
  switchOrText,
  text,
  whole,
} from "./setting.js";

/** Defaults in which methods differ. */
export interface MethodDefaults {
  learningRate: number;
  /** Where it comes from. */
  learningRateSource: string;
  truncationMode: "error" | "drop" | "keep_start" | "keep_end";
  truncationSource: string;
  /** Steps between detailed metrics; default 10. */
  detailSteps?: number;
  /** Steps between checkpoints and where the number comes from; default transformers' 500. */
  saveSteps?: { readonly every: number; readonly source: string };
}

const transformers = "transformers TrainingArguments";

export const optimisers = ["adamw", "adafactor", "lion", "rmsprop", "sgd"] as const;
export const referenceModes = ["adapter-off", "frozen-copy", "precomputed", "none"] as const;

/** Groups of settings by the title of their section in the help. */
export function settingGroups(defaults: MethodDefaults) {
  return {
    "Model and data": {
      model: text({ doc: "Model folder, adapter folder, or Hugging Face id.", source: "required" }),
      data: text({
        doc: "File, folder or Hugging Face data set with the rows to learn from.",
        source: "required",
      }),
      eval_data: optionalText({ doc: "Rows to evaluate on.", source: "TRL: none" }),
      eval_split: number(0, {
        min: 0,
        below: 1,
        doc: "Share of the prompts held out for evaluation; no prompt is on both sides.",
        source: "TRL: none",
      }),
      output: optionalText({ doc: "Folder of the run.", source: "runs/METHOD-MODEL" }),
      resume: switchOrText({
        doc: "Go on from the newest checkpoint in the output folder, or from the one named.",
        source: "off",
      }),
      data_split: optionalText({ doc: "Split of a folder or a Hugging Face data set.", source: "train" }),
      eval_data_split: optionalText({ doc: "The same for eval_data.", source: "train" }),
      data_subset: optionalText({
        doc: "Subset (configuration) of a folder or a Hugging Face data set.",
        source: "the only one",
      }),
      data_format: optionalChoice({
        choices: formatNames as unknown as [FormatName, ...FormatName[]],
        doc: "Read the rows in this format instead of the one detected.",
        source: "detected",
      }),
      max_rows: optionalWhole({ min: 1, doc: "Read at most so many rows.", source: "all" }),
      chat_template: optionalText({
        doc: "File with a chat template to use instead of the tokenizer's own.",
        source: "TRL chat_template_path: none",
      }),
    },
    Training: {
      learning_rate: number(defaults.learningRate, {
        above: 0,
        doc: "Peak rate. With LoRA about ten times the default is usual.",
        source: defaults.learningRateSource,
      }),
      per_device_train_batch_size: whole(8, {
        min: 1,
        doc: "Rows (pairs) in a micro-batch.",
        source: transformers,
      }),
      per_device_eval_batch_size: whole(8, { min: 1, doc: "The same in evaluation.", source: transformers }),
      max_tokens: optionalWhole({
        min: 16,
        doc: "Tokens in a micro-batch, padding counted, instead of a number of rows.",
        source: "off",
      }),
      gradient_accumulation_steps: whole(1, {
        min: 1,
        doc: "Micro-batches in a step.",
        source: transformers,
      }),
      loss_normalisation: choice("step", {
        choices: ["step", "micro-batch"],
        doc: "A micro-batch's loss is divided by the rows and tokens of the whole step (8 x 1 equals 1 x 8), or by its own.",
        source: "ours; TRL's preference losses: micro-batch",
      }),
      num_train_epochs: number(3, { above: 0, doc: "Passes over the data.", source: transformers }),
      max_steps: optionalWhole({
        min: 1,
        doc: "Updates; wins over the epochs.",
        source: `${transformers}: by epochs`,
      }),
      lr_scheduler_type: choice("linear", {
        choices: SCHEDULE_NAMES as unknown as [ScheduleName, ...ScheduleName[]],
        doc: "How the rate changes.",
        source: transformers,
      }),
      lr_scheduler_kwargs: object({
        doc: 'Settings of the schedule, e.g. {"min_lr_rate": 0.1}.',
        source: `${transformers}: none`,
      }),
      warmup_steps: optionalNumber({
        min: 0,
        doc: "Steps of warm-up; below 1 a share of all steps.",
        source: `${transformers}: 0`,
      }),
      warmup_ratio: optionalNumber({
        min: 0,
        max: 1,
        doc: "Share of all steps that is warm-up.",
        source: `${transformers}: 0`,
      }),
      optim: choice("adamw", { choices: optimisers, doc: "Optimiser.", source: transformers }),
      weight_decay: number(0, {
        min: 0,
        doc: "Decay of matrices; norms and biases have none.",
        source: transformers,
      }),
      adam_beta1: optionalNumber({
        min: 0,
        below: 1,
        doc: "adamw, lion: decay of the mean.",
        source: "0.9, both papers",
      }),
      adam_beta2: optionalNumber({
        min: 0,
        below: 1,
        doc: "adamw: decay of the squares; lion: of the momentum.",
        source: "0.999 (transformers); lion 0.99 (paper)",
      }),
      adam_epsilon: optionalNumber({
        above: 0,
        doc: "adamw, rmsprop: added to the root.",
        source: "1e-8, transformers",
      }),
      momentum: optionalNumber({
        min: 0,
        below: 1,
        doc: "sgd, rmsprop: momentum.",
        source: "0, torch.optim",
      }),
      max_grad_norm: number(1, {
        min: 0,
        doc: "Clip of the gradient's global norm; 0: none.",
        source: transformers,
      }),
      seed: whole(42, { min: 0, doc: "Seed of the order, the split and new weights.", source: transformers }),
    },
    "LoRA or everything": {
      full: flag(false, {
        doc: "Train every parameter.",
        source: "models below 50 M parameters; larger ones get LoRA",
      }),
      lora_r: optionalWhole({
        min: 1,
        doc: "Rank of the adapter; asks for LoRA.",
        source: "16, TRL ModelConfig",
      }),
      lora_alpha: optionalNumber({
        above: 0,
        doc: "Scale of the adapter: alpha / r.",
        source: "32, TRL ModelConfig",
      }),
      lora_dropout: number(0, {
        min: 0,
        below: 1,
        doc: "Share of the adapter's inputs that is dropped, in training only.",
        source: "ours: off; TRL ModelConfig: 0.05",
      }),
      use_rslora: flag(false, { doc: "Scale by alpha / sqrt(r) instead.", source: "TRL ModelConfig" }),
      use_dora: flag(false, { doc: "DoRA: learn magnitudes apart.", source: "TRL ModelConfig" }),
      lora_target_modules: list({
        doc: "Modules that get an adapter.",
        source: "all-linear; peft: by architecture",
      }),
      modules_to_save: list({
        doc: "Modules trained whole beside the adapter.",
        source: "TRL ModelConfig: none",
      }),
    },
    "Rows and tokens": {
      max_length: whole(1024, {
        min: 2,
        doc: "Most tokens of prompt and answer together; at most the model's context.",
        source: "TRL",
      }),
      truncation_mode: choice(defaults.truncationMode, {
        choices: ["error", "drop", "keep_start", "keep_end"],
        doc: "Longer rows: refuse, leave out, cut the answers' ends, cut the prompt's start. All are counted.",
        source: defaults.truncationSource,
      }),
      prefix_breaks: choice("quarantine", {
        choices: ["quarantine", "move"],
        doc: "Prompts whose tokens change when the answer follows: leave the row out, or train from where the tokens part.",
        source: "ours; TRL moves the boundary",
      }),
      packing: flag(true, {
        doc: "Several rows side by side, each blind to the others.",
        source: "ours: exact, so on; TRL: off",
      }),
      group_by_length: flag(false, { doc: "Rows of similar length in a batch.", source: transformers }),
      shuffle: flag(true, {
        doc: "A new order every epoch; off: the order of the file.",
        source: transformers,
      }),
    },
    "Evaluation, logs and checkpoints": {
      logging_steps: whole(10, {
        min: 1,
        doc: "Write the averages of so many steps to log.jsonl.",
        source: "TRL",
      }),
      detail_steps: whole(defaults.detailSteps ?? 10, {
        min: 0,
        doc: "Compute entropy, token accuracy and mean logits every so many steps; 0: never.",
        source: "ours: they cost a pass over the vocabulary",
      }),
      eval_steps: whole(0, {
        min: 0,
        doc: "Evaluate every so many steps; 0: at the end only.",
        source: "ours",
      }),
      save_steps: whole(defaults.saveSteps?.every ?? 500, {
        min: 0,
        doc: "Checkpoint every so many steps; 0: at the end only.",
        source: defaults.saveSteps?.source ?? transformers,
      }),
      save_total_limit: whole(2, {
        min: 1,
        doc: "Newest checkpoints to keep besides the best.",
        source: "ours; transformers: all",
      }),
      load_best_model_at_end: flag(false, {
        doc: "The final model is the best checkpoint, not the last.",
        source: transformers,
      }),
      metric_for_best_model: optionalText({
        doc: "Metric of the evaluation that chooses it.",
        source: `${transformers}: loss`,
      }),
      greater_is_better: optionalChoice({
        choices: ["true", "false"],
        doc: "Which way it is better.",
        source: `${transformers}: unless its name ends in loss`,
      }),
      early_stopping_patience: optionalWhole({
        min: 1,
        doc: "Stop after so many evaluations without a better value.",
        source: "transformers EarlyStoppingCallback: off",
      }),
    },
    "Speed and memory": {
      gradient_checkpointing: flag(false, {
        doc: "Make each layer again in the backward pass: less memory, about a third slower.",
        source: "ours: off; TRL: on",
      }),
      load_in_8bit: flag(false, {
        doc: "Products with frozen weights in 8 bits (LoRA): up to twice as fast, a third of the weights' memory, about 1% error a product.",
        source: "TRL ModelConfig",
      }),
      threads: optionalWhole({
        min: 1,
        doc: "Threads of the engine; equal threads give equal bytes.",
        source: "the cores, at most 8",
      }),
      memory_limit: optionalNumber({
        above: 0,
        doc: "Megabytes that may be used.",
        source: "what the system has free",
      }),
      cache_dir: optionalText({
        doc: "Folder for precomputed reference log-probabilities.",
        source: "in the output folder",
      }),
    },
  };
}
