/**
 * A whole training run from a configuration: data, model, checks, the loop, and everything that is written beside it.
 * The command line, the quick start and library users call this. Names no method; computes on the backend it is given.
 */
import { basename, join, resolve } from "node:path";
import { choosePadToken } from "../../models/index.js";
import type { ScheduleSettings } from "../../optim/index.js";
import type { Backend } from "../../tensor/index.js";
import { versions } from "../../util/versions.js";
import type { FitOptions } from "../fit.js";
import type { MemoryReport } from "../memory.js";
import { auditChecks } from "./audit-checks.js";
import { checkMemory, requireMemory } from "./check-memory.js";
import { readTrainingConfig, type TrainingConfig, type TrainingInput } from "./config.js";
import type { TrainingEvent, TrainingResult } from "./events.js";
import { createRecorder, finish, follow } from "./follow-run.js";
import { fingerprintOf } from "./fingerprint.js";
import type { Job } from "./job.js";
import { makeOptimiser } from "./make-optimiser.js";
import { hashModel, openPolicy, type OpenedPolicy } from "./open-policy.js";
import { plansOf, type ReadData, readData } from "./read-data.js";
import { referenceOf, withReference } from "./reference.js";
import { openRunFolder, type RunFolder } from "./run-folder.js";

export interface RunTrainingOptions {
  /** Makes the engine, e.g. `ortBackend`. It is closed when the run ends. */
  openBackend: (options: { threads?: number; frozenWeights?: "float32" | "int8" }) => Backend;
  /** Called with everything that happens; what it throws ends the run. */
  onEvent?: (event: TrainingEvent) => void;
  /** Stops the run: the step in hand is finished and a checkpoint written. */
  signal?: AbortSignal;
}

/**
 * Trains as the configuration says and leaves in the output folder: `model/` (a model or adapter folder),
 * `checkpoint-N/`, `log.jsonl`, `config.json` (to be given again), `run.json` (versions, hashes, results), `examples/` (the
 * data's tokens, which a resumed run reads again) and the rows that were not used.
 *
 * ```ts
 * await runTraining({ method: "dpo", model: "models/tiny", data: "pairs.jsonl", output: "runs/first" }, { openBackend: ortBackend });
 * ```
 *
 * @throws AttuneError of every code; the last good checkpoint stays.
 */
export async function runTraining(
  input: TrainingInput | TrainingConfig,
  options: RunTrainingOptions,
): Promise<TrainingResult> {
  const config = "entry" in input ? (input as TrainingConfig) : readTrainingConfig(input);
  const s = config.settings;
  const output = s.output ?? defaultOutput(config);
  config.resolved["output"] = output;
  const folder = await openRunFolder(output, { resume: s.resume });
  let backend: Backend | undefined;
  let job: Job | undefined;
  try {
    job = await prepare(config, { folder, ...options });
    backend = options.openBackend({
      ...(s.threads !== undefined && { threads: s.threads }),
      frozenWeights: s.load_in_8bit ? "int8" : "float32",
    });
    return await train(job, backend);
  } catch (error) {
    await folder.abandon();
    throw error;
  } finally {
    await backend?.close();
    job?.close();
  }
}

/** `runs/dpo-stories260K`. */
export const defaultOutput = ({ method, settings }: TrainingConfig): string =>
  join("runs", `${method}-${basename(resolve(settings.model)).replace(/@.*/, "")}`);

/**
 * What a run would need, without training: model and data are read, nothing is written.
 * @throws AttuneError as `runTraining`, but for memory that does not suffice.
 */
export async function estimateTraining(
  input: TrainingInput | TrainingConfig,
  { signal }: { signal?: AbortSignal } = {},
): Promise<MemoryReport> {
  const config = "entry" in input ? (input as TrainingConfig) : readTrainingConfig(input);
  const opened = await openPolicy(config);
  const read = await readData(config, { opened, folder: undefined, signal });
  try {
    const { plan } = plansOf(config, read);
    return checkMemory(config, { opened, train: read.train, plan });
  } finally {
    read.close();
  }
}

async function prepare(
  config: TrainingConfig,
  { folder, onEvent = () => undefined, signal }: RunTrainingOptions & { folder: RunFolder },
): Promise<Job> {
  const s = config.settings;
  const opened = await openPolicy(config);
  makeOptimiser(s, opened.policy);
  onEvent({
    kind: "model",
    path: s.model,
    family: opened.opened.model.config.family,
    mode: opened.mode,
    reason: opened.modeReason,
    parameters: opened.parameters,
    trainable: opened.trainable,
  });
  for (const text of [...padNotes(opened), ...batchNotes(config)]) onEvent({ kind: "note", text });
  const read = await readData(config, { opened, folder: folder.path, signal });
  try {
    return await checked(config, { opened, read, folder, onEvent, signal });
  } catch (cause) {
    read.close();
    throw cause;
  }
}

async function checked(
  config: TrainingConfig,
  {
    opened,
    read,
    folder,
    onEvent,
    signal,
  }: {
    opened: OpenedPolicy;
    read: ReadData;
    folder: RunFolder;
    onEvent: (event: TrainingEvent) => void;
    signal: AbortSignal | undefined;
  },
): Promise<Job> {
  const s = config.settings;
  for (const { part, data } of read.parts) onEvent({ kind: "data", part, summary: data });
  const { train, evaluation } = read;
  onEvent({ kind: "rows", train: train.length, evaluation: evaluation?.length ?? 0 });
  const { plan } = plansOf(config, read);
  const memory = checkMemory(config, { opened, train, plan });
  onEvent({ kind: "memory", memory });
  requireMemory(memory);
  onEvent({
    kind: "checks",
    title: "the data",
    checks: read.parts.flatMap(({ part, data }) => auditChecks(part, data)),
  });
  const model = await hashModel(opened);
  const data = read.hashes;
  const record = {
    status: "running",
    method: config.method,
    versions: versions(),
    started: new Date().toISOString(),
    seeds: { seed: s.seed },
    model: {
      named: s.model,
      mode: opened.mode,
      parameters: opened.parameters,
      trainable: opened.trainable,
      sha256: model.hash,
      files: model.files,
    },
    data: { sha256: data, parts: read.parts },
    rows: { train: train.length, evaluation: evaluation?.length ?? 0 },
    loss: { type: config.lossType, ...config.loss },
    config: config.resolved,
  };
  return {
    config,
    folder,
    opened,
    train,
    evaluation,
    fingerprint: fingerprintOf(config.resolved, {
      model: model.hash,
      data: Object.values(data).join(" "),
    }),
    record,
    modelHash: model.hash,
    emit: onEvent,
    signal,
    close: read.close,
  };
}

/** A reward model is read by others at the last token that is not padding; where that is not the last token, say so. */
function padNotes({ opened: { model }, tokenizer }: OpenedPolicy): string[] {
  if (model.config.head.kind !== "sequence") return [];
  const pad = choosePadToken(tokenizer, model.config);
  if (pad === undefined)
    return ["the vocabulary has no token to pad with: transformers takes one row at a time"];
  const named = `${JSON.stringify(pad.token)} (${pad.id})`;
  if (pad.endsText)
    return [
      `the pad token ${named} also ends texts: transformers reads the score at the token before it, attune at the last one`,
    ];
  return pad.own ? [] : [`pad token for transformers: ${named}, because the tokenizer has none of its own`];
}

/** Losses that sort, or take means over, the rows of a micro-batch. */
function batchNotes({ entry, lossType, settings: s }: TrainingConfig): string[] {
  const { wholeBatch } = entry.losses[lossType]!;
  if (!wholeBatch || s.gradient_accumulation_steps === 1) return [];
  return [
    `${lossType} looks across the rows of a micro-batch: ${s.gradient_accumulation_steps} of them are not one batch of their size`,
  ];
}

async function train(job: Job, backend: Backend): Promise<TrainingResult> {
  const { config, folder, opened, emit } = job;
  const reference = referenceOf(config, opened);
  if (reference.made === "precomputed") await withReference(job, { backend });
  const { evaluation } = job;
  const { layout, plan, evaluationPlan } = plansOf(config, job);
  const start = config.entry.start({
    policy: opened.policy,
    train: job.train,
    evaluation,
    lossType: config.lossType,
    loss: config.loss,
    reference: reference.mode,
    plan,
    evaluationPlan,
    layout,
  });
  emit({
    kind: "start",
    output: folder.path,
    resumedStep: folder.resumedStep,
    lossType: config.lossType,
    reference: reference.made,
  });
  const recorder = createRecorder(job);
  const reports = start({
    ...fitOptions(job, backend),
    onStart: (checks) => emit({ kind: "checks", title: "before the first step", checks }),
    beforeCheckpoint: (report) => recorder.note(report, { beforeCheckpoint: true }),
  });
  return finish(job, await follow(job, { recorder, reports }));
}

function fitOptions({ config, folder, opened, fingerprint, signal }: Job, backend: Backend): FitOptions {
  const s = config.settings;
  const best = bestRule(s);
  return {
    backend,
    epochs: s.num_train_epochs,
    ...(s.max_steps !== undefined && { maxSteps: s.max_steps }),
    gradientAccumulationSteps: s.gradient_accumulation_steps,
    lossNormalisation: s.loss_normalisation,
    learningRate: s.learning_rate,
    schedule: s.lr_scheduler_type,
    scheduleSettings: s.lr_scheduler_kwargs as ScheduleSettings,
    warmup: warmupOf(s),
    optimizer: makeOptimiser(s, opened.policy),
    recompute: s.gradient_checkpointing ? "layers" : "attention",
    detailSteps: s.detail_steps,
    evalSteps: s.eval_steps,
    output: folder.path,
    saveSteps: s.save_steps,
    saveTotalLimit: s.save_total_limit,
    resume: folder.resume ?? false,
    fingerprint,
    best,
    ...(s.early_stopping_patience !== undefined && {
      earlyStopping: { ...best, patience: s.early_stopping_patience },
    }),
    ...(signal && { signal }),
  };
}

type Settings = TrainingConfig["settings"];

/** A ratio of 1 means all steps, which a bare 1 would not. */
const warmupOf = ({ warmup_steps, warmup_ratio }: Settings): number =>
  warmup_steps ?? (warmup_ratio === undefined ? 0 : Math.min(warmup_ratio, 1 - 1e-12));

function bestRule(s: Settings): { metric: string; greaterIsBetter: boolean } {
  const named = s.metric_for_best_model ?? "eval_loss";
  const metric = named.startsWith("eval_") ? named : `eval_${named}`;
  return {
    metric,
    greaterIsBetter:
      s.greater_is_better === undefined ? !metric.endsWith("loss") : s.greater_is_better === "true",
  };
}
