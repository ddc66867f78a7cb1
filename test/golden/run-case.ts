/**
 * The recorded runs of golden/runs as policies, batches and settings of `fit`. Knows the layout of those files, no
 * method's formula.
 */
import {
  type Batch,
  type Completion,
  type Example,
  layoutBatch,
  type LayoutOptions,
} from "../../src/data/index.js";
import { openModel, openSafetensors, readTensor } from "../../src/models/index.js";
import { adamw, chain, clipByGlobalNorm, type ScheduleName } from "../../src/optim/index.js";
import {
  createPolicy,
  type FitOptions,
  fixedSource,
  kto,
  type KtoBatch,
  type Policy,
  preference,
  reward,
  sft,
  type Trainer,
} from "../../src/train/index.js";
import { data, golden, readJson } from "../support/shared.js";

type Rows = Readonly<Record<string, readonly (readonly number[])[]>>;

export interface Recorded {
  loss: number;
  metrics: Record<string, number>;
}

export interface Slice {
  norm: number;
  first_8: number[];
}

export interface Expected {
  eval_before: Recorded;
  eval_after: Recorded;
  steps: (Recorded & { step: number; grad_norm: number; learning_rate: number; compute_loss: number[] })[];
  first_step_gradients: Record<string, Slice>;
  final_parameters: Record<string, Slice>;
}

export interface Options {
  max_steps: number;
  gradient_accumulation_steps: number;
  learning_rate: number;
  lr_scheduler_type: ScheduleName;
  warmup_steps: number;
  weight_decay: number;
  adam_beta1: number;
  adam_beta2: number;
  adam_epsilon: number;
  max_grad_norm: number;
  no_weight_decay: string[];
  lora?: { r: number; targets: string[]; lora_alpha: number; use_rslora: boolean };
  loss_type?: string | string[];
  loss_weights?: number[];
  beta?: number;
  simpo_gamma?: number;
  cpo_alpha?: number;
  center_rewards_coefficient?: number;
  desirable_weight?: number;
  undesirable_weight?: number;
}

export interface RunCase {
  name: string;
  inputs: { batches: Rows[][]; eval_batch: Rows; lora_init?: string; score_init?: string };
  options: Options;
  expected: { float32: Expected; float64: Expected };
}

export const readRun = (file: string): RunCase =>
  readJson<{ cases: RunCase[] }>(golden("runs", `${file}.json`)).cases[0]!;

/** The model of the runs, with the recorded starting values of adapter or head. */
export async function policyOf({ inputs, options }: Pick<RunCase, "inputs" | "options">): Promise<Policy> {
  const head = inputs.score_init === undefined ? {} : { head: "sequence" as const, numLabels: 1 };
  const opened = await openModel(data("stories260K"), head);
  const { lora } = options;
  const policy = createPolicy(
    opened,
    lora && {
      lora: { r: lora.r, alpha: lora.lora_alpha, rslora: lora.use_rslora, targetModules: lora.targets },
    },
  );
  const init = inputs.lora_init ?? inputs.score_init;
  return init === undefined ? policy : startingFrom(policy, golden("runs", init));
}

/** A policy whose parameters start from those of a file, under the file's names. */
function startingFrom(policy: Policy, file: string): Policy {
  const { tensors } = openSafetensors(file);
  const trainable = new Map(policy.trainable);
  for (const [key, entry] of tensors) {
    const name = key.replace(/^base_model\.model\./, "");
    const known = trainable.get(name);
    if (!known) throw new Error(`${file}: ${name} is no parameter of the policy`);
    trainable.set(name, { ...known, start: () => Float32Array.from(readTensor(entry)) });
  }
  return { ...policy, trainable };
}

/** Real tokens of a right-padded row. */
const unpadded = (ids: readonly number[], attention: readonly number[]): number[] =>
  ids.filter((_, t) => attention[t] === 1);

/** A row cut before its first trained token. */
function cut(ids: readonly number[], mask: readonly number[]): { prompt: number[]; completion: Completion } {
  const at = mask.indexOf(1);
  return {
    prompt: ids.slice(0, at),
    completion: { tokens: ids.slice(at), mask: mask.slice(at, ids.length) },
  };
}

function pair(id: string, chosen: ReturnType<typeof cut>, rejected: ReturnType<typeof cut>): Example {
  if (chosen.prompt.join() !== rejected.prompt.join()) throw new Error(`${id}: the prompts differ`);
  return { id, prompt: chosen.prompt, completions: [chosen.completion, rejected.completion] };
}

const trainedOf = (labels: readonly number[]): number[] => labels.map((label) => (label === -100 ? 0 : 1));

function labelled(rows: Rows, prefix: string): ReturnType<typeof cut>[] {
  const {
    [`${prefix}input_ids`]: ids,
    [`${prefix}attention_mask`]: attention,
    [`${prefix}labels`]: labels,
  } = rows;
  return ids!.map((row, i) => cut(unpadded(row, attention![i]!), trainedOf(labels![i]!)));
}

function masked(rows: Rows, prefix = ""): ReturnType<typeof cut>[] {
  const {
    [`${prefix}input_ids`]: ids,
    [`${prefix}attention_mask`]: attention,
    [`${prefix}completion_mask`]: mask,
  } = rows;
  return ids!.map((row, i) => cut(unpadded(row, attention![i]!), mask![i]!));
}

const halves = <T>(list: readonly T[]): [T[], T[]] => [
  list.slice(0, list.length / 2),
  list.slice(list.length / 2),
];

function pairs(chosen: ReturnType<typeof cut>[], rejected: ReturnType<typeof cut>[]): Example[] {
  return chosen.map((c, i) => pair(`row ${i}`, c, rejected[i]!));
}

/** A pair without masks: the prompt is what both rows begin with. */
export function rewardPairs(rows: Rows): Example[] {
  const [chosen, rejected] = halves(
    rows["input_ids"]!.map((ids, i) => unpadded(ids, rows["attention_mask"]![i]!)),
  );
  return chosen.map((c, i) => {
    const r = rejected[i]!;
    const most = Math.min(c.length, r.length) - 1;
    const differ = c.findIndex((token, t) => t >= most || token !== r[t]);
    return {
      id: `row ${i}`,
      prompt: c.slice(0, differ),
      completions: [{ tokens: c.slice(differ) }, { tokens: r.slice(differ) }],
    };
  });
}

/** One recorded micro-batch as what the method's trainer takes. */
type Lay = (rows: Rows, layout: LayoutOptions) => Batch;

const layRows: Lay = (rows, layout) =>
  layoutBatch(
    labelled(rows, "").map(({ prompt, completion }, i) => ({
      id: `row ${i}`,
      prompt,
      completions: [completion],
    })),
    layout,
  );
const layHalves: Lay = (rows, layout) => layoutBatch(pairs(...halves(masked(rows))), layout);
const laySides: Lay = (rows, layout) =>
  layoutBatch(pairs(labelled(rows, "chosen_"), labelled(rows, "rejected_")), layout);
const layRewards: Lay = (rows, layout) => layoutBatch(rewardPairs(rows), layout);

function layKto(rows: Rows, layout: LayoutOptions): KtoBatch {
  const labels = rows["label"] as unknown as readonly (number | boolean)[];
  const singles = (
    list: ReturnType<typeof cut>[],
    values: (i: number) => Record<string, number>,
  ): Example[] =>
    list.map(({ prompt, completion }, i) => ({
      id: `row ${i}`,
      prompt,
      completions: [completion],
      values: values(i),
    }));
  return {
    own: layoutBatch(
      singles(masked(rows), (i) => ({ label: Number(labels[i]) })),
      layout,
    ),
    mismatched: layoutBatch(
      singles(masked(rows, "KL_"), () => ({})),
      layout,
    ),
  };
}

export interface Replay {
  trainer: Trainer<unknown>;
  /** Everything but the backend. */
  settings: Omit<FitOptions, "backend">;
}

/** A recorded run as a trainer with fixed batches, and TRL's settings. */
export async function replay(run: RunCase, layout: LayoutOptions = {}): Promise<Replay> {
  const { inputs, options: o } = run;
  const policy = await policyOf(run);
  const sources = <B>(lay: (rows: Rows, layout: LayoutOptions) => B) => ({
    policy,
    train: fixedSource(inputs.batches.flat().map((rows) => lay(rows, layout))),
    evaluation: fixedSource([lay(inputs.eval_batch, layout)]),
  });
  const loss = optionsOf(o);
  const kind = kindOf(run.name);
  const trainer =
    kind === "sft"
      ? sft(sources(layRows))
      : kind === "reward"
        ? reward({ ...sources(layRewards), loss })
        : kind === "kto"
          ? kto({ ...sources(layKto), loss })
          : kind === "dpo"
            ? preference({ ...sources(layHalves), lossType: o.loss_type!, lossWeights: o.loss_weights, loss })
            : preference({ ...sources(laySides), lossType: kind, loss, promptLikelihood: kind === "orpo" });
  return {
    trainer: trainer as Trainer<unknown>,
    settings: {
      maxSteps: o.max_steps,
      gradientAccumulationSteps: o.gradient_accumulation_steps,
      lossNormalisation: kind === "sft" ? "step" : "micro-batch",
      learningRate: o.learning_rate,
      schedule: o.lr_scheduler_type,
      warmup: o.warmup_steps,
      optimizer: chain(
        clipByGlobalNorm(o.max_grad_norm),
        adamw({
          beta1: o.adam_beta1,
          beta2: o.adam_beta2,
          eps: o.adam_epsilon,
          weightDecay: o.weight_decay,
          decay: (name) => !o.no_weight_decay.includes(name),
        }),
      ),
      detailSteps: 1,
    },
  };
}

function kindOf(name: string): "sft" | "reward" | "kto" | "dpo" | "orpo" | "simpo" | "cpo" {
  if (name.startsWith("sft")) return "sft";
  if (name.startsWith("dpo") || name === "ipo") return "dpo";
  return name as "reward" | "kto" | "orpo" | "simpo" | "cpo";
}

/** The loss's own options under the names of `src/losses`. */
function optionsOf(o: Options): Record<string, number> {
  const named = {
    beta: o.beta,
    simpoGamma: o.simpo_gamma,
    cpoAlpha: o.loss_type === "simpo" ? undefined : o.cpo_alpha,
    centerRewardsCoefficient: o.center_rewards_coefficient,
    desirableWeight: o.desirable_weight,
    undesirableWeight: o.undesirable_weight,
  };
  return Object.fromEntries(
    Object.entries(named).filter((entry): entry is [string, number] => entry[1] !== undefined),
  );
}
