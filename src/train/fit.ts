/**
 * The only training loop. A generator: the progress bar, the log, early stopping, the live page and the tests consume it.
 * It names no method: batches, losses and metrics are the trainer's.
 *
 * Every number is a function of seed, data, settings and threads. A step's loss is divided by the real rows and tokens of
 * all its micro-batches, so k micro-batches equal one batch. Resuming continues with the very next micro-batch.
 */
import { AttuneError } from "../errors.js";
import type { Recompute } from "../models/index.js";
import {
  adamw,
  chain,
  clipByGlobalNorm,
  schedule,
  type ScheduleName,
  type ScheduleSettings,
  type Transform,
  warmupSteps,
} from "../optim/index.js";
import type { Backend } from "../tensor/index.js";
import {
  listCheckpoints,
  readCheckpoint,
  type RunState,
  writeCheckpoint,
  checkpointName,
  pruneCheckpoints,
} from "./checkpoint.js";
import { diagnose, diagnoseGradients } from "./diagnose.js";
import { evaluate, type EvaluationReport } from "./evaluate.js";
import { checkMetric, checkStart, type StartCheck } from "./invariants.js";
import { addSums, emptySums, metricValues, type MetricSums } from "./metrics.js";
import { createOptimiser, type Optimiser } from "./optimiser.js";
import { downloadParameters, savePolicy, uploadParameters } from "./policy.js";
import { collapsed, isCollapse, notSaved, numericError } from "./run-errors.js";
import { StepPrograms } from "./step-programs.js";
import type { Trainer } from "./trainer.js";

export interface FitOptions {
  backend: Backend;
  /** Passes over the data. Default 3 (transformers). Ignored when `maxSteps` is given. */
  epochs?: number;
  /** Optimiser updates; wins over `epochs`. */
  maxSteps?: number;
  /** Micro-batches a step. Default 1. */
  gradientAccumulationSteps?: number;
  /**
   * What a micro-batch's loss is divided by: the counts of the whole step (default), or its own, averaged over
   * micro-batches, as TRL does for preference losses.
   */
  lossNormalisation?: "step" | "micro-batch";
  /** Peak learning rate. Default 5e-5 (transformers). */
  learningRate?: number;
  /** Default "linear" (transformers). */
  schedule?: ScheduleName;
  scheduleSettings?: ScheduleSettings;
  /** Steps of warm-up; below 1 a share of all steps. Default 0. */
  warmup?: number;
  /** Default: AdamW without decay behind a clip of the global norm at 1 (transformers). */
  optimizer?: Transform;
  /** What the backward pass makes again. Default "attention". */
  recompute?: Recompute;
  /** Metrics that need the whole vocabulary are computed every so many steps. Default 10; 0: never. */
  detailSteps?: number;
  /** Evaluate every so many steps; 0: only at the end. Default 0. */
  evalSteps?: number;
  /** Folder of the run; without it nothing is written. */
  output?: string;
  /** Checkpoint every so many steps; 0: only at the end. Default 0. */
  saveSteps?: number;
  /** Newest checkpoints to keep besides the best. Default 2. */
  saveTotalLimit?: number;
  /**
   * Go on from the newest checkpoint in `output` (from the start when there is none), or from the folder named. A damaged
   * one is refused. Default false.
   */
  resume?: boolean | string;
  /** What the run is made of (hashes, settings); a checkpoint with another is refused. */
  fingerprint?: Record<string, string>;
  /**
   * Stop when the evaluation metric has not improved this many evaluations in a row. A run that stopped so and is resumed
   * stays stopped, unless the patience is greater now.
   */
  earlyStopping?: { metric: string; patience: number; greaterIsBetter: boolean };
  /**
   * Metric that chooses the best checkpoint, which is then kept: every better evaluation is saved. Default: `eval_loss`,
   * lower is better, among the checkpoints that are written anyway. `earlyStopping` brings its own.
   */
  best?: { metric: string; greaterIsBetter: boolean };
  /** Called with what was checked before the first update, which may take its time. */
  onStart?: (checks: readonly StartCheck[]) => void;
  /** Called before a checkpoint is written, so that a log can hold everything that the checkpoint has behind it. */
  beforeCheckpoint?: (report: StepReport) => void | Promise<void>;
  /** Ask to stop: the step in hand is finished, an evaluation that is due after it too, and a checkpoint written. */
  signal?: AbortSignal;
}

/**
 * Why a run ended: all steps are done, the evaluation has not improved, the source of its batches stopped it (a guard), or
 * somebody asked it to.
 */
export type EndOfRun = "done" | "early-stopping" | "stopped" | "interrupted";

export interface StepReport {
  /** Updates done, from 1. */
  step: number;
  totalSteps: number;
  /** Fractional epochs done. */
  epoch: number;
  /** Loss, gradient norm, learning rate, tokens and the method's metrics, under TRL's names. */
  metrics: Record<string, number>;
  /** Those of them that are the companion's. */
  beside: Readonly<Record<string, number>>;
  /** For averaging over steps. */
  sums: MetricSums;
  seconds: number;
  /** Input tokens of this step. */
  tokens: number;
  evaluation?: EvaluationReport;
  checkpoint?: string;
  /** Only with the first report: what was checked before the first update. */
  start?: StartCheck[];
  /** Why the run ends with this report, if it does. */
  finished?: EndOfRun;
  /** Graphs compiled so far. */
  graphs: number;
}

/** Trains; yields a report after every update. Parameters live in the backend; the generator returns their values. */
export async function* fit<B>(
  trainer: Trainer<B>,
  options: FitOptions,
): AsyncGenerator<StepReport, FitResult> {
  const run = await openRun(trainer, options);
  try {
    const start = run.state.step === 0 ? await checkStart(trainer, run.programs) : undefined;
    if (start) {
      options.onStart?.(start);
      await checkMetric(trainer, run.programs, bestRule(options).metric);
    }
    // Its graph would keep the memory of a forward pass through the whole run.
    await run.programs.release();
    let first = start;
    const over = endedBefore(run);
    if (over !== undefined) return await finish(run, over);
    for (;;) {
      const report = await step(run).catch((error: unknown) => {
        throw collapsed(error, { output: options.output, sound: run.state.sound });
      });
      if (report === undefined) return await finish(run, "stopped");
      if (first) report.start = first;
      first = undefined;
      const { finished } = report;
      yield report;
      if (finished !== undefined) return await finish(run, finished);
    }
  } finally {
    await closeRun(run);
  }
}

/** What a finished run leaves: trained values by graph name. */
export interface FitResult {
  parameters: Map<string, Float32Array>;
  state: RunState;
  finished: EndOfRun;
}

/** Runs to the end; for callers that want the result and not the way. */
export function fitToEnd<B>(
  trainer: Trainer<B>,
  { onStep, ...options }: FitOptions & { onStep?: (report: StepReport) => void },
): Promise<FitResult> {
  return runToEnd(fit(trainer, options), onStep);
}

/** The same for a run that is begun elsewhere, e.g. `runToEnd(trainOnline({ ... }))`. */
export async function runToEnd(
  reports: AsyncGenerator<StepReport, FitResult>,
  onStep?: (report: StepReport) => void,
): Promise<FitResult> {
  for (;;) {
    const next = await reports.next();
    if (next.done) return next.value;
    onStep?.(next.value);
  }
}

interface Run<B> {
  trainer: Trainer<B>;
  options: FitOptions;
  programs: StepPrograms<B>;
  optimiser: Optimiser;
  state: RunState;
  totalSteps: number;
  rate: (step: number) => number;
  /** Of the latest step made. */
  latest?: StepReport;
}

async function openRun<B>(trainer: Trainer<B>, options: FitOptions): Promise<Run<B>> {
  const { backend } = options;
  const totalSteps = options.maxSteps ?? stepsOf(trainer, options);
  const warmup = warmupSteps(options.warmup ?? 0, { total: totalSteps });
  const peak = options.learningRate ?? 5e-5;
  const factor = schedule(options.schedule ?? "linear", {
    warmup,
    total: totalSteps,
    learningRate: peak,
    settings: options.scheduleSettings ?? {},
  });
  const from = resumePath(options);
  const parameters = await uploadParameters(trainer.policy, backend);
  const gradients: typeof parameters = {};
  for (const [name, r] of Object.entries(parameters)) gradients[name] = await backend.zeros(r);
  const transform = options.optimizer ?? chain(clipByGlobalNorm(1), adamw({ weightDecay: 0 }));
  const optimiser = await createOptimiser(transform, backend, { parameters, gradients });
  const programs = new StepPrograms(trainer, backend, parameters, gradients, {
    recompute: options.recompute ?? "attention",
  });
  const state: RunState = { step: 0, epoch: 0, index: 0, tokens: 0, best: null, withoutGain: 0 };
  const run: Run<B> = {
    trainer,
    options,
    programs,
    optimiser,
    state,
    totalSteps,
    rate: (step) => peak * factor(step),
  };
  try {
    if (from !== undefined) {
      const fingerprint = options.fingerprint ?? {};
      run.state = await readCheckpoint(
        from,
        { parameters, optimizer: optimiser.state },
        { backend, fingerprint },
      );
      if (run.state.carried) programs.carried = run.state.carried;
    }
    const { companion: saved, step } = run.state;
    await trainer.companion?.open({ backend, parameters, saved, step, signal: options.signal });
    return run;
  } catch (error) {
    await closeRun(run);
    throw error;
  }
}

function stepsOf<B>(
  { train }: Trainer<B>,
  { epochs = 3, gradientAccumulationSteps: k = 1 }: FitOptions,
): number {
  let total = 0;
  for (let epoch = 0; epoch < Math.floor(epochs); epoch++) total += Math.ceil(train.count(epoch) / k);
  const part = epochs - Math.floor(epochs);
  return total + Math.ceil((part * train.count(Math.floor(epochs))) / k);
}

function resumePath({ resume, output }: FitOptions): string | undefined {
  if (resume === undefined || resume === false) return undefined;
  if (typeof resume === "string") return resume;
  if (output === undefined) {
    throw new AttuneError("usage", { where: "fit: resume", expected: "an output folder", got: "none" });
  }
  const newest = listCheckpoints(output).at(-1);
  return newest === undefined ? undefined : `${output}/${checkpointName(newest)}`;
}

/** One update: micro-batches, gradients, optimiser, and what is due after it. Undefined: there are no more batches. */
async function step<B>(run: Run<B>): Promise<StepReport | undefined> {
  const { options, programs, optimiser, state } = run;
  const began = performance.now();
  const next = await nextBatches(run).catch((error: unknown) => stopped(run, error));
  if (next === undefined) {
    await keepLearned(run);
    return undefined;
  }
  const { batches, position } = next;
  const number = state.step + 1;
  const every = options.detailSteps ?? 10;
  const detail = every > 0 && (number % every === 0 || number === 1);
  const sums = emptySums();
  let loss = 0;
  let tokens = 0;
  const counts = batches.map((b) => run.trainer.counts(b));
  for (const [i, batch] of batches.entries()) {
    const outcome = await programs.gradient(
      { batch, totals: totalsOf(counts, i, options), detail, step: number },
      batches.length === 1 ? "only" : i === 0 ? "first" : "next",
    );
    if (!Number.isFinite(outcome.loss)) {
      const source = await diagnose(run.trainer, batch, programs);
      throw numericError({
        ids: run.trainer.ids(batch),
        output: options.output,
        number,
        what: `loss ${outcome.loss}; ${source}`,
      });
    }
    loss += outcome.loss;
    tokens += counts[i]!.inputTokens;
    addSums(sums, outcome.metrics);
  }
  const lr = run.rate(state.step);
  const { gradNorm } = await optimiser.step({ step: number, lr });
  if (!Number.isFinite(gradNorm)) {
    // The update has spoilt the parameters by now; the gradients that did it are still there.
    const source = await diagnoseGradients(programs);
    throw numericError({
      ids: batches.flatMap((batch) => run.trainer.ids(batch)),
      output: options.output,
      number,
      what: `gradient norm ${gradNorm}; ${source}`,
    });
  }
  Object.assign(state, { step: number, ...position, tokens: state.tokens + tokens });
  if (run.trainer.state) state.carried = programs.carried;

  const own = { loss, grad_norm: gradNorm, learning_rate: lr, ...metricValues(sums) };
  const beside = run.trainer.companion?.afterStep(own) ?? {};
  const per = run.trainer.train.count(state.epoch);
  const epoch = state.epoch + state.index / per;
  const metrics = { ...own, ...beside, num_tokens: state.tokens, epoch };
  const seconds = (performance.now() - began) / 1000;
  const report: StepReport = {
    step: number,
    totalSteps: run.totalSteps,
    epoch,
    metrics,
    beside,
    sums,
    seconds,
    tokens,
    graphs: programs.made,
  };
  run.latest = report;
  await afterStep(run, report);
  return report;
}

/** Each micro-batch's divisors: the step's own counts, or k times this micro-batch's. */
function totalsOf(
  counts: readonly { rows: number; tokens: number }[],
  i: number,
  { lossNormalisation = "step" }: FitOptions,
): { rows: number; tokens: number } {
  if (lossNormalisation === "micro-batch") {
    const own = counts[i]!;
    return { rows: own.rows * counts.length, tokens: own.tokens * counts.length };
  }
  return counts.reduce((a, b) => ({ rows: a.rows + b.rows, tokens: a.tokens + b.tokens }), {
    rows: 0,
    tokens: 0,
  });
}

/** The next micro-batches, undefined where the source stops; a step never crosses an epoch. */
async function nextBatches<B>({
  trainer,
  options,
  state,
}: Run<B>): Promise<{ batches: B[]; position: { epoch: number; index: number } } | undefined> {
  const k = options.gradientAccumulationSteps ?? 1;
  let { epoch, index } = state;
  const { train } = trainer;
  if ((await train.prepare?.(epoch)) === "stop") return undefined;
  if (index >= train.count(epoch)) {
    epoch += 1;
    index = 0;
    if ((await train.prepare?.(epoch)) === "stop") return undefined;
  }
  // What answered for a new rollout is what the updates before it made.
  if (trainer.companion && index === 0) state.sound = state.step;
  const end = train.stepEnd?.({ epoch, index }) ?? Math.min(index + k, train.count(epoch));
  const batches: B[] = [];
  for (; index < end; index++) batches.push(await trainer.train.load({ epoch, index }));
  return { batches, position: { epoch, index } };
}

/** No batch came (a reward failed, somebody stopped it): what was learned so far is kept before the run ends. */
async function stopped<B>(run: Run<B>, error: unknown): Promise<never> {
  if (run.trainer.companion && !isCollapse(error)) await keepLearned(run);
  throw error;
}

/** A checkpoint of the latest step, where there is none. */
async function keepLearned<B>(run: Run<B>): Promise<void> {
  const { output, beforeCheckpoint } = run.options;
  if (output === undefined || run.state.step === 0 || listCheckpoints(output).at(-1) === run.state.step)
    return;
  if (run.latest) await beforeCheckpoint?.(run.latest);
  await save(run, output);
}

async function afterStep<B>(run: Run<B>, report: StepReport): Promise<void> {
  const { options, state, totalSteps } = run;
  const done = state.step >= totalSteps || run.trainer.companion?.done() === true;
  const due = (every: number | undefined): boolean =>
    done || (every !== undefined && every > 0 && state.step % every === 0);
  const scheduled = due(options.saveSteps);
  let gained = false;
  if (run.trainer.evaluation && due(options.evalSteps)) {
    report.evaluation = await evaluate(run.trainer, run.programs);
    gained = noteEvaluation(run, report.evaluation, { saved: scheduled });
  }
  const over = endedBefore(run);
  if (over !== undefined) report.finished = over;
  // Asked only now: who stops during the evaluation does not wait for another step.
  else if (options.signal?.aborted) report.finished = "interrupted";
  if (options.output !== undefined && (scheduled || gained || report.finished !== undefined)) {
    await options.beforeCheckpoint?.(report);
    report.checkpoint = await save(run, options.output);
  }
}

/** Why nothing is left to do, as the state says; a resumed run may have ended before. */
function endedBefore<B>({ options, state, totalSteps, trainer }: Run<B>): EndOfRun | undefined {
  if (state.step >= totalSteps || trainer.companion?.done() === true) return "done";
  const { patience = Infinity } = options.earlyStopping ?? {};
  return state.withoutGain >= patience ? "early-stopping" : undefined;
}

const bestRule = ({ earlyStopping, best }: FitOptions): { metric: string; greaterIsBetter: boolean } =>
  earlyStopping ?? best ?? { metric: "eval_loss", greaterIsBetter: false };

/** Remembers the best value; true when this is one that has to be saved. */
function noteEvaluation<B>(
  { options, state }: Run<B>,
  evaluation: EvaluationReport,
  { saved }: { saved: boolean },
): boolean {
  const rule = bestRule(options);
  const value = evaluation.metrics[rule.metric];
  if (value === undefined) {
    throw new AttuneError("config", {
      where: "metric for the best checkpoint",
      expected: `one of ${Object.keys(evaluation.metrics).join(", ")}`,
      got: rule.metric,
    });
  }
  const gain =
    state.best === null || (rule.greaterIsBetter ? value > state.best.value : value < state.best.value);
  const asked = options.earlyStopping !== undefined || options.best !== undefined;
  if (gain && (asked || saved)) state.best = { metric: rule.metric, value, step: state.step };
  state.withoutGain = gain ? 0 : state.withoutGain + 1;
  return gain && asked;
}

async function save<B>(
  { options, programs, optimiser, state, trainer }: Run<B>,
  output: string,
): Promise<string> {
  const { backend } = options;
  if (trainer.companion) state.companion = trainer.companion.state();
  const kept = listCheckpoints(output).at(-1);
  const written = writeCheckpoint(
    output,
    { parameters: programs.parameters, optimizer: optimiser.state },
    {
      backend,
      state,
      fingerprint: options.fingerprint ?? {},
      saveModel: async (folder) =>
        savePolicy(folder, trainer.policy, {
          values: await downloadParameters(programs.parameters, backend),
        }),
    },
  );
  const path = await written.catch((error: unknown) => {
    throw notSaved(error, { output, step: state.step, kept });
  });
  await pruneCheckpoints(output, { keep: options.saveTotalLimit ?? 2, state });
  return path;
}

async function finish<B>(
  { programs, options, state, trainer }: Run<B>,
  finished: EndOfRun,
): Promise<FitResult> {
  if (finished !== "interrupted") await trainer.companion?.end?.();
  return { parameters: await downloadParameters(programs.parameters, options.backend), state, finished };
}

async function closeRun<B>({ trainer, programs, optimiser, options }: Run<B>): Promise<void> {
  await trainer.companion?.close();
  await programs.release();
  await optimiser.release();
  await options.backend.free([...Object.values(programs.parameters), ...Object.values(programs.gradients)]);
}
