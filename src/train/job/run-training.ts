/**
 * A whole training run from a configuration: data, model, checks, the loop, and everything that is written beside it.
 * The command line, the quick start and library users call this. Names no method; computes on the backend it is given.
 */
import { basename, join, resolve } from "node:path";
import { existsSync } from "node:fs";
import { type BatchPlanOptions, type Example } from "../../data/index.js";
import { AttuneError } from "../../errors.js";
import { openSafetensors, readTensor } from "../../models/index.js";
import type { ScheduleSettings } from "../../optim/index.js";
import { ChatTemplate } from "../../text/index.js";
import type { Backend } from "../../tensor/index.js";
import { ioError, sha256File } from "../../util/files.js";
import { versions } from "../../util/versions.js";
import { checkpointName, listCheckpoints } from "../checkpoint.js";
import type { FitOptions, FitResult, StepReport } from "../fit.js";
import { addSums, emptySums, metricValues } from "../metrics.js";
import { savePolicy } from "../policy.js";
import { readTrainingConfig, type TrainingConfig, type TrainingInput } from "./config.js";
import type { TrainingEvent, TrainingResult } from "./events.js";
import { makeOptimiser } from "./make-optimiser.js";
import { hashModel, type OpenedPolicy, openPolicy } from "./open-policy.js";
import { type DataSummary, prepareData, type PreparedData, splitExamples } from "./prepare-data.js";
import { referenceOf, withReference } from "./reference.js";
import { openRunFolder, replaceFolder, type RunFolder } from "./run-folder.js";
import { readFile } from "node:fs/promises";

export interface RunTrainingOptions {
  /** Makes the engine, e.g. `ortBackend`. It is closed when the run ends. */
  openBackend: (options: { threads?: number }) => Backend;
  /** Called with everything that happens; what it throws ends the run. */
  onEvent?: (event: TrainingEvent) => void;
  /** Stops the run: the step in hand is finished and a checkpoint written. */
  signal?: AbortSignal;
}

/**
 * Trains as the configuration says and leaves in the output folder: `model/` (a model or adapter folder),
 * `checkpoint-N/`, `log.jsonl`, `config.json` (to be given again), `run.json` (versions, hashes, results) and the rows
 * that were not used.
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
  try {
    const job = await prepare(config, { folder, ...options });
    backend = options.openBackend(s.threads === undefined ? {} : { threads: s.threads });
    return await train(job, backend);
  } catch (error) {
    await folder.abandon();
    throw error;
  } finally {
    await backend?.close();
  }
}

/** `runs/dpo-stories260K`. */
export const defaultOutput = ({ method, settings }: TrainingConfig): string =>
  join("runs", `${method}-${basename(resolve(settings.model)).replace(/@.*/, "")}`);

interface Job {
  config: TrainingConfig;
  folder: RunFolder;
  opened: OpenedPolicy;
  train: Example[];
  evaluation: Example[] | undefined;
  fingerprint: Record<string, string>;
  record: Record<string, unknown>;
  modelHash: string;
  emit: (event: TrainingEvent) => void;
  signal: AbortSignal | undefined;
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
  const read = await readData(config, { opened, folder, signal });
  for (const { part, data } of read.parts) onEvent({ kind: "data", part, summary: data });
  const { train, evaluation } = read;
  onEvent({ kind: "rows", train: train.length, evaluation: evaluation?.length ?? 0 });
  const model = await hashModel(opened);
  const data = await hashFiles(read.parts.flatMap(({ data: part }) => part.files.map(({ file }) => file)));
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
    fingerprint: fingerprintOf(config, { model: model.hash, data }),
    record,
    modelHash: model.hash,
    emit: onEvent,
    signal,
  };
}

interface ReadData {
  train: Example[];
  evaluation: Example[] | undefined;
  parts: { part: "data" | "eval_data"; data: DataSummary }[];
}

async function readData(
  config: TrainingConfig,
  { opened, folder, signal }: { opened: OpenedPolicy; folder: RunFolder; signal: AbortSignal | undefined },
): Promise<ReadData> {
  const s = config.settings;
  const template = s.chat_template === undefined ? undefined : await readTemplate(s.chat_template, opened);
  const prepareOne = (source: string, stem: string): Promise<PreparedData> =>
    prepareData({
      source,
      kind: config.entry.records,
      limit: s.max_rows,
      tokenizer: opened.tokenizer,
      template,
      completionOnly: config.completionOnly,
      assistantOnly: config.assistantOnly,
      maxLength: Math.min(s.max_length, opened.opened.model.config.maxPositions),
      truncation: s.truncation_mode,
      prefixBreaks: s.prefix_breaks,
      margins: config.entry.head === "sequence",
      quarantineFolder: folder.path,
      quarantineStem: stem,
      signal,
    });
  const main = await prepareOne(s.data, "quarantine");
  requireRows(main, config);
  const parts: ReadData["parts"] = [{ part: "data", data: main.summary }];
  if (s.eval_data !== undefined) {
    const other = await prepareOne(s.eval_data, "quarantine-eval");
    requireRows(other, config);
    return {
      train: main.examples,
      evaluation: other.examples,
      parts: [...parts, { part: "eval_data", data: other.summary }],
    };
  }
  if (s.eval_split === 0) return { train: main.examples, evaluation: undefined, parts };
  return { ...splitExamples(main, { share: s.eval_split, seed: s.seed }), parts };
}

async function readTemplate(path: string, { tokenizer }: OpenedPolicy): Promise<ChatTemplate> {
  try {
    return new ChatTemplate(await readFile(path, "utf8"), {
      name: path,
      variables: tokenizer.templateVariables,
    });
  } catch (cause) {
    throw ioError(cause, { path, expected: "a file with a chat template" });
  }
}

function requireRows({ examples, summary }: PreparedData, { entry }: TrainingConfig): void {
  if (examples.length >= entry.smallestBatch) return;
  const dropped = Object.entries(summary.truncation.dropped).filter(([, n]) => n > 0);
  throw new AttuneError("data", {
    where: summary.source,
    expected: `at least ${entry.smallestBatch} rows to learn from`,
    got: `${examples.length}; left out: ${dropped.map(([reason, n]) => `${n} ${reason}`).join(", ") || "none"}`,
    fix: "raise max_length or choose another truncation_mode; attune inspect shows the rows",
  });
}

async function hashFiles(files: readonly string[]): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for (const file of files) hashes[file] = await sha256File(file);
  return hashes;
}

/** Settings that change no number of the training itself. */
const harmless = new Set([
  "output",
  "resume",
  "logging_steps",
  "save_steps",
  "save_total_limit",
  "threads",
  "memory_limit",
  "cache_dir",
  "model",
  "data",
  "eval_data",
]);

/** One entry a setting, so that a refusal names what differs. */
function fingerprintOf(
  { resolved }: TrainingConfig,
  { model, data }: { model: string; data: Record<string, string> },
): Record<string, string> {
  const settings = Object.entries(resolved).filter(
    ([name, value]) => value !== undefined && !harmless.has(name),
  );
  return {
    ...Object.fromEntries(settings.map(([name, value]) => [name, JSON.stringify(value)])),
    model,
    data: Object.values(data).join(" "),
  };
}

async function train(job: Job, backend: Backend): Promise<TrainingResult> {
  const { config, folder, opened, emit, signal } = job;
  const s = config.settings;
  const reference = referenceOf(config, opened);
  if (reference.made === "precomputed") await withReference(job, { backend });
  const { evaluation } = job;
  const layout = { pack: s.packing };
  const smallest = config.entry.smallestBatch;
  const dropLast = (n: number, size: number): boolean => smallest > 1 && n % size > 0 && n % size < smallest;
  const plan: BatchPlanOptions = {
    ...(s.max_tokens === undefined
      ? { perDeviceBatchSize: s.per_device_train_batch_size }
      : { maxTokens: s.max_tokens }),
    rows: layout,
    groupByLength: s.group_by_length,
    shuffle: s.shuffle,
    seed: s.seed,
    dropLast: dropLast(job.train.length, s.per_device_train_batch_size),
  };
  const evaluationPlan: BatchPlanOptions = {
    perDeviceBatchSize: s.per_device_eval_batch_size,
    rows: layout,
    groupByLength: true,
    shuffle: false,
    dropLast: dropLast(evaluation?.length ?? 0, s.per_device_eval_batch_size),
  };
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
  const reports = start(fitOptions(job, backend));
  const { result, finished, evaluations } = await follow(job, reports);
  return finish(job, { result, finished, evaluations, interrupted: signal?.aborted ?? false });
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

interface Followed {
  result: FitResult;
  finished: StepReport["finished"];
  evaluations: Map<number, { metrics: Record<string, number>; rows: number }>;
}

/** Consumes the loop: events for who watches, averages for the log, the record once the first step stands. */
async function follow(
  { config, folder, emit, record }: Job,
  reports: AsyncGenerator<StepReport, FitResult>,
): Promise<Followed> {
  const every = config.settings.logging_steps;
  const evaluations: Followed["evaluations"] = new Map();
  let sums = emptySums();
  let losses: number[] = [];
  let seconds = 0;
  let tokens = 0;
  let finished: StepReport["finished"];
  for (let first = true; ; first = false) {
    const next = await reports.next();
    if (next.done) return { result: next.value, finished: finished ?? "done", evaluations };
    const report = next.value;
    if (first) {
      await folder.write("config.json", config.resolved);
      await folder.write("run.json", record);
      if (report.start) emit({ kind: "checks", checks: report.start });
    }
    finished = report.finished;
    addSums(sums, report.sums);
    losses.push(report.metrics["loss"]!);
    seconds += report.seconds;
    tokens += report.tokens;
    emit({ kind: "step", report });
    if (report.step % every === 0 || finished !== undefined) {
      const loss = losses.reduce((a, b) => a + b, 0) / losses.length;
      const line = {
        step: report.step,
        ...report.metrics,
        loss,
        ...metricValues(sums),
        step_time: seconds / losses.length,
        tokens_per_second: tokens / seconds,
      };
      folder.log(line);
      emit({ kind: "log", line });
      [sums, losses, seconds, tokens] = [emptySums(), [], 0, 0];
    }
    if (report.evaluation) {
      const { metrics, rows } = report.evaluation;
      evaluations.set(report.step, { metrics, rows });
      folder.log({ step: report.step, epoch: report.epoch, eval_rows: rows, ...metrics });
      emit({
        kind: "evaluation",
        step: report.step,
        rows,
        metrics,
        ...accuracyOf(config, { metrics, rows }),
      });
    }
    if (report.checkpoint !== undefined) emit({ kind: "checkpoint", path: report.checkpoint });
  }
}

/** Successes and trials of the method's accuracy, for an interval. */
function accuracyOf(
  { entry }: TrainingConfig,
  { metrics, rows }: { metrics: Record<string, number>; rows: number },
) {
  const share = entry.accuracy === undefined ? undefined : metrics[entry.accuracy];
  return share === undefined
    ? {}
    : { accuracy: { metric: entry.accuracy!, correct: Math.round(share * rows), rows } };
}

async function finish(
  job: Job,
  { result, finished, evaluations, interrupted }: Followed & { interrupted: boolean },
): Promise<TrainingResult> {
  const { config, folder, opened, record } = job;
  const output = folder.path;
  const stopped = finished === "interrupted" || (interrupted && finished !== "done");
  const common = {
    output,
    steps: result.state.step,
    best: result.state.best,
    checkpoint: newestCheckpoint(output),
  };
  if (stopped) {
    await folder.write("run.json", {
      ...record,
      status: "interrupted",
      ended: new Date().toISOString(),
      steps: result.state.step,
    });
    return {
      ...common,
      finished: "interrupted",
      model: undefined,
      evaluation: undefined,
      resume: `attune train ${config.method} --config ${join(output, "config.json")} --resume`,
    };
  }
  const best = config.settings.load_best_model_at_end ? result.state.best : null;
  const values =
    best !== null && best.step !== result.state.step
      ? readParameters(join(output, checkpointName(best.step)), result)
      : result.parameters;
  const model = join(output, "model");
  const { model: base } = opened.opened;
  await replaceFolder(model, async (path) => {
    const named = config.settings.model;
    await savePolicy(path, opened.policy, {
      values,
      baseModel: existsSync(named) || opened.opened.adapter ? resolve(base.path) : named,
    });
    await opened.tokenizer.save(path);
  });
  const chosen = evaluations.get(best?.step ?? result.state.step) ?? [...evaluations.values()].at(-1);
  const evaluation = chosen && { ...chosen, ...accuracyOf(config, chosen) };
  await folder.write("run.json", {
    ...record,
    status: finished,
    ended: new Date().toISOString(),
    steps: result.state.step,
    best: result.state.best,
    evaluation,
  });
  return {
    ...common,
    finished: finished === "early-stopping" ? "early-stopping" : "done",
    model,
    evaluation,
    resume: undefined,
  };
}

function newestCheckpoint(output: string): string | undefined {
  const newest = listCheckpoints(output).at(-1);
  return newest === undefined ? undefined : join(output, checkpointName(newest));
}

function readParameters(checkpoint: string, { parameters }: FitResult): Map<string, Float32Array> {
  const { tensors } = openSafetensors(join(checkpoint, "parameters.safetensors"));
  return new Map([...parameters.keys()].map((name) => [name, readTensor(tensors.get(name)!)]));
}
