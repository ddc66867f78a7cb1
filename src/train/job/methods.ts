/**
 * The methods of `attune train`: what each needs, when to choose it, its losses, and how its trainer is made. One entry
 * a method; configuration, help and the job read the table and name no method themselves.
 */
import type { BatchPlanOptions, Examples, LayoutOptions, RecordKind } from "../../data/index.js";
import {
  type OptionSpec,
  type OptionSpecs,
  type OptionValue,
  PAIR_LOSSES,
  type PairLossEntry,
  REWARD_OPTIONS,
  SFT_OPTIONS,
  UNPAIRED_LOSSES,
  type UnpairedLossEntry,
} from "../../losses/index.js";
import type { HeadKind } from "../../models/index.js";
import { exampleSource, type ExampleSourceOptions } from "../example-source.js";
import { fit, type FitOptions, type FitResult, type StepReport } from "../fit.js";
import { kto, ktoSource } from "../methods/kto.js";
import type { PairExtra, ReferenceMode } from "../methods/pairs.js";
import { extrasOf, preference } from "../methods/preference.js";
import { reward } from "../methods/reward.js";
import { sft } from "../methods/sft.js";
import { unpaired } from "../methods/unpaired.js";
import type { Policy } from "../policy.js";
import type { BatchSource, Trainer } from "../trainer.js";
import type { LossChoice, LossChoices } from "./loss-settings.js";
import type { MethodDefaults } from "./settings.js";

/** What a trainer is made of. */
export interface TrainerParts {
  policy: Policy;
  train: Examples;
  evaluation: Examples | undefined;
  lossType: string;
  loss: Readonly<Record<string, OptionValue>>;
  reference: ReferenceMode;
  plan: BatchPlanOptions;
  evaluationPlan: BatchPlanOptions;
  layout: LayoutOptions;
}

/** A trainer whose batches nobody outside needs to know. */
export type StartTraining = (options: FitOptions) => AsyncGenerator<StepReport, FitResult>;

export interface MethodEntry {
  readonly title: string;
  /** What the rows must hold, in words. */
  readonly needs: string;
  /** When to choose it. */
  readonly choose: string;
  readonly records: RecordKind;
  /** Head that the model is opened with; undefined: a language model's. */
  readonly head: HeadKind | undefined;
  readonly defaults: MethodDefaults;
  readonly losses: LossChoices;
  readonly lossType: string;
  /** Metric of an evaluation that is a share of rows, for intervals. */
  readonly accuracy: string | undefined;
  start(parts: TrainerParts): StartTraining;
}

const starts =
  <B>(trainer: Trainer<B>): StartTraining =>
  (options) =>
    fit(trainer, options);

const one = (
  summary: string,
  o: Pick<LossChoice, "paper" | "options"> & Partial<LossChoice>,
): LossChoice => ({
  summary,
  needsReference: false,
  readsTokens: false,
  gold: () => false,
  wholeBatch: false,
  smallestBatch: 1,
  layouts: 1,
  ...o,
});

/** Two distributions, their logarithms, difference and gradients (TDPO); one, its logarithm, exponential and square (WPO). */
function vocabularyArraysOf(extras: readonly PairExtra[]): Pick<LossChoice, "vocabularyArrays"> {
  if (extras.includes("kl")) return { vocabularyArrays: 8 };
  return extras.includes("logSumSquares") ? { vocabularyArrays: 4 } : {};
}

/** The registry's losses on pairs. */
function pairLosses(): LossChoices {
  const entries = Object.entries(PAIR_LOSSES as Readonly<Record<string, PairLossEntry>>);
  return Object.fromEntries(
    entries.map(([name, { summary, paper, options, needsReference, reads, wholeBatch, ...entry }]) => [
      name,
      one(summary, {
        paper,
        options,
        needsReference,
        wholeBatch,
        readsTokens: reads === "tokens" || extrasOf(entry, {}).includes("kl"),
        gold: (values) => extrasOf(entry, values).includes("gold"),
        ...vocabularyArraysOf(extrasOf(entry, {})),
      }),
    ]),
  );
}

/** The registry's losses on single answers; what a trainer decides by itself is no setting. */
function unpairedLosses(): LossChoices {
  const entries = Object.entries(UNPAIRED_LOSSES as Readonly<Record<string, UnpairedLossEntry>>);
  return Object.fromEntries(
    entries.map(([name, { summary, paper, options, needsKl, wholeBatch }]) => {
      const { update: _, ...settings } = options as OptionSpecs & { update?: OptionSpec };
      const twice = needsKl ? { smallestBatch: 2, layouts: 2 } : {};
      return [name, one(summary, { paper, options: settings, needsReference: true, wholeBatch, ...twice })];
    }),
  );
}

const { lossType: _, ...sftOptions } = SFT_OPTIONS;

const pairs = pairLosses();
const pairNeeds = "prompt, chosen, rejected";

function startPreference({ policy, lossType, loss, reference, ...parts }: TrainerParts): StartTraining {
  return starts(
    preference({
      policy,
      lossType,
      loss,
      reference,
      train: exampleSource(parts.train, parts),
      evaluation:
        parts.evaluation &&
        exampleSource(parts.evaluation, { plan: parts.evaluationPlan, layout: parts.layout }),
    }),
  );
}

/** KTO's batches hold mismatched answers too; the other losses need none. */
function startUnpaired({ policy, lossType, loss, layout, ...parts }: TrainerParts): StartTraining {
  const make = <B>(
    source: (examples: Examples, options: ExampleSourceOptions) => BatchSource<B>,
  ): { train: BatchSource<B>; evaluation: BatchSource<B> | undefined } => ({
    train: source(parts.train, { plan: parts.plan, layout }),
    evaluation: parts.evaluation && source(parts.evaluation, { plan: parts.evaluationPlan, layout }),
  });
  return lossType === "kto"
    ? starts(kto({ policy, loss, ...make(ktoSource) }))
    : starts(unpaired({ policy, lossType, loss, ...make(exampleSource) }));
}

const truncatesAsTrl = { truncationMode: "keep_start", truncationSource: "TRL" } as const;
const preferenceDefaults = { learningRate: 1e-6, ...truncatesAsTrl };

const pairMethod = (
  o: Pick<MethodEntry, "title" | "choose" | "losses" | "lossType"> & { learningRateSource: string },
): MethodEntry => ({
  title: o.title,
  choose: o.choose,
  losses: o.losses,
  lossType: o.lossType,
  needs: pairNeeds,
  records: "preference",
  head: undefined,
  defaults: { ...preferenceDefaults, learningRateSource: o.learningRateSource },
  accuracy: "eval_rewards/accuracies",
  start: startPreference,
});

export const METHODS = {
  sft: {
    title: "Supervised fine-tuning: imitate the answers",
    needs: "messages, or prompt and completion, or text",
    choose: "first of all: a model that does not answer in the right form yet cannot learn from comparisons",
    records: "demonstration",
    head: undefined,
    defaults: { learningRate: 2e-5, learningRateSource: "TRL SFTConfig", ...truncatesAsTrl },
    losses: {
      nll: one("likelihood of the answers", { paper: "2203.02155", options: sftOptions }),
      dft: one("every token weighted by its own probability", { paper: "2508.05629", options: sftOptions }),
    },
    lossType: SFT_OPTIONS.lossType.default,
    accuracy: undefined,
    start: ({ policy, lossType, loss, ...parts }) =>
      starts(
        sft({
          policy,
          loss: { ...loss, lossType: lossType as "nll" | "dft" },
          train: exampleSource(parts.train, parts),
          evaluation:
            parts.evaluation &&
            exampleSource(parts.evaluation, { plan: parts.evaluationPlan, layout: parts.layout }),
        }),
      ),
  },
  reward: {
    title: "Reward model: a number that says which answer people would prefer",
    needs: `${pairNeeds} (margin if you have it)`,
    choose: "to rank or filter answers, to measure other models, and before any reinforcement learning",
    records: "preference",
    head: "sequence",
    defaults: {
      learningRate: 1e-4,
      learningRateSource: "TRL RewardConfig",
      truncationMode: "drop",
      truncationSource: "TRL: rows are left out, not cut",
    },
    losses: {
      "bradley-terry": one("the chosen answer wins by a logistic law", {
        paper: "2203.02155",
        options: REWARD_OPTIONS,
      }),
    },
    lossType: "bradley-terry",
    accuracy: "eval_accuracy",
    start: ({ policy, loss, ...parts }) =>
      starts(
        reward({
          policy,
          loss,
          train: exampleSource(parts.train, parts),
          evaluation:
            parts.evaluation &&
            exampleSource(parts.evaluation, { plan: parts.evaluationPlan, layout: parts.layout }),
        }),
      ),
  },
  dpo: pairMethod({
    title: "Direct preference optimisation: the policy learns from pairs, held near where it began",
    choose: "the usual way from pairs to a better policy; --loss-type offers its whole family",
    learningRateSource: "TRL DPOConfig",
    losses: pairs,
    lossType: "sigmoid",
  }),
  orpo: pairMethod({
    title: "Odds-ratio preference optimisation: imitation and preference in one pass, no reference model",
    choose: "from a base model straight to preferences, or where memory is short",
    learningRateSource: "TRL ORPOConfig",
    losses: { orpo: pairs["orpo"]! },
    lossType: "orpo",
  }),
  simpo: pairMethod({
    title: "Simple preference optimisation: mean log-probability with a margin, no reference model",
    choose: "where answers of different lengths must be compared fairly; watch the learning rate",
    learningRateSource: "TRL CPOConfig",
    losses: { simpo: pairs["simpo"]! },
    lossType: "simpo",
  }),
  kto: {
    title: "Kahneman-Tversky optimisation and kin: answers judged alone, thumbs up or down",
    needs: "prompt, completion, label (pairs are taken apart)",
    choose: "where there are votes but no pairs, or many more likes than dislikes",
    records: "unpaired",
    head: undefined,
    defaults: { ...preferenceDefaults, learningRateSource: "TRL KTOConfig" },
    losses: unpairedLosses(),
    lossType: "kto",
    accuracy: undefined,
    start: startUnpaired,
  },
} as const satisfies Readonly<Record<string, MethodEntry>>;

export type MethodName = keyof typeof METHODS;
export const METHOD_NAMES = Object.keys(METHODS) as readonly MethodName[];
export const methodEntry = (name: MethodName): MethodEntry => METHODS[name];
