/** A run while it goes and when it ends: events, log, final model, record. Names no method. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { AttuneError } from "../../errors.js";
import { choosePadToken, openSafetensors, readTensor, writePadToken } from "../../models/index.js";
import { checkpointName, listCheckpoints } from "../checkpoint.js";
import type { FitResult, StepReport } from "../fit.js";
import { addSums, emptySums, metricValues } from "../metrics.js";
import { savePolicy } from "../policy.js";
import type { TrainingResult } from "./events.js";
import type { FollowedConfig, FollowedJob } from "./job.js";
import { type LogLine, replaceFolder } from "./run-folder.js";

interface Followed {
  result: FitResult;
  /** Updates made now. */
  made: number;
  evaluations: Map<number, { metrics: Record<string, number>; rows: number }>;
}

/** Takes reports as they come: the log, the record of the run, events. */
export interface Recorder {
  /**
   * Writes what a report has to say, once: before its checkpoint, so that a run killed in between loses no line of the log,
   * else when it arrives.
   */
  note(report: StepReport, options?: { beforeCheckpoint?: boolean }): Promise<void>;
  /** The run ended with an error: the log gets the steps that it has not told yet, the record the reason. */
  broke(error: unknown): Promise<void>;
  readonly evaluations: Followed["evaluations"];
}

/** Of what counts on and on the newest number is told. */
const counters = new Set(["episode", "rollout"]);

/** The mean of every name over the steps that have it. */
function means(steps: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const names = new Set(steps.flatMap(Object.keys).filter((name) => !counters.has(name)));
  return Object.fromEntries(
    [...names].map((name) => {
      const values = steps.flatMap((step) => step[name] ?? []);
      return [name, values.reduce((a, b) => a + b, 0) / values.length];
    }),
  );
}

/** Evaluations of the part of a run that was done before it was resumed. */
function loggedEvaluations(lines: readonly LogLine[]): Followed["evaluations"] {
  const found: Followed["evaluations"] = new Map();
  for (const { step, epoch: _, eval_rows: rows, ...metrics } of lines)
    if (rows !== undefined) found.set(step!, { metrics, rows });
  return found;
}

export function createRecorder({ config, folder, emit, record }: FollowedJob): Recorder {
  const every = config.settings.logging_steps;
  const evaluations = loggedEvaluations(folder.logged);
  let sums = emptySums();
  let losses: number[] = [];
  let beside: Readonly<Record<string, number>>[] = [];
  let seconds = 0;
  let tokens = 0;
  let noted = 0;
  let latest: StepReport | undefined;

  function logAverages(report: StepReport): void {
    const loss = losses.reduce((a, b) => a + b, 0) / losses.length;
    const line = {
      step: report.step,
      ...report.metrics,
      loss,
      ...metricValues(sums),
      ...means(beside),
      step_time: seconds / losses.length,
      tokens_per_second: tokens / seconds,
      graphs: report.graphs,
    };
    folder.log(line);
    emit({ kind: "log", line });
    [sums, losses, beside, seconds, tokens] = [emptySums(), [], [], 0, 0];
  }

  function logEvaluation(
    { step, epoch }: StepReport,
    { metrics, rows }: NonNullable<StepReport["evaluation"]>,
  ): void {
    evaluations.set(step, { metrics, rows });
    folder.log({ step, epoch, eval_rows: rows, ...metrics });
    emit({ kind: "evaluation", step, rows, metrics, ...accuracyOf(config, { metrics, rows }) });
  }

  return {
    evaluations,
    note: async (report, { beforeCheckpoint = false } = {}) => {
      if (noted === report.step) {
        // A checkpoint that nobody saw coming: what the log has not said yet belongs before it.
        if (beforeCheckpoint && losses.length > 0) logAverages(report);
        return;
      }
      if (noted === 0) {
        await folder.write("config.json", config.resolved);
        await folder.write("run.json", record);
      }
      noted = report.step;
      latest = report;
      addSums(sums, report.sums);
      losses.push(report.metrics["loss"]!);
      beside.push(report.beside);
      seconds += report.seconds;
      tokens += report.tokens;
      emit({ kind: "step", report });
      // Averages never reach over a checkpoint: a resumed run could not know their first half.
      if (report.step % every === 0 || beforeCheckpoint || report.finished !== undefined) logAverages(report);
      if (report.evaluation) logEvaluation(report, report.evaluation);
    },
    broke: async (error) => {
      if (latest === undefined) return;
      const { code, message } = error as Partial<AttuneError>;
      const status = code === "interrupted" ? code : "failed";
      const ended = new Date().toISOString();
      try {
        if (losses.length > 0) logAverages(latest);
        await folder.write("run.json", { ...record, status, ended, steps: noted, error: { code, message } });
      } catch {
        // A disk without room for this either; the error that is on its way says more.
      }
    },
  };
}

/** Consumes the loop to its end. */
export async function follow(
  { emit }: Pick<FollowedJob, "emit">,
  { recorder, reports }: { recorder: Recorder; reports: AsyncGenerator<StepReport, FitResult> },
): Promise<Followed> {
  for (let made = 0; ; made++) {
    const next = await reports.next().catch(async (error: unknown) => {
      await recorder.broke(error);
      throw error;
    });
    if (next.done) return { result: next.value, made, evaluations: recorder.evaluations };
    const report = next.value;
    await recorder.note(report);
    if (report.checkpoint !== undefined) emit({ kind: "checkpoint", path: report.checkpoint });
  }
}

/** Successes and trials of the method's accuracy, for an interval. */
function accuracyOf(
  { entry }: FollowedConfig,
  { metrics, rows }: { metrics: Record<string, number>; rows: number },
) {
  const share = entry.accuracy === undefined ? undefined : metrics[entry.accuracy];
  return share === undefined
    ? {}
    : { accuracy: { metric: entry.accuracy!, correct: Math.round(share * rows), rows } };
}

/** Writes the final model and the record. */
export async function finish(
  job: FollowedJob,
  { result, made, evaluations }: Followed,
): Promise<TrainingResult> {
  const { config, folder, opened, record } = job;
  const output = folder.path;
  const { finished, state } = result;
  const common = {
    output,
    steps: state.step,
    best: state.best,
    checkpoint: newestCheckpoint(output),
    already: made === 0 ? whyFinished(result) : undefined,
  };
  const guard = job.guard?.verdict();
  const goOn = `attune train ${config.method} --config ${join(output, "config.json")} --resume`;
  if (finished === "interrupted") {
    await folder.write("run.json", {
      ...record,
      status: "interrupted",
      ended: new Date().toISOString(),
      steps: state.step,
    });
    return { ...common, finished, model: undefined, evaluation: undefined, guard, resume: goOn };
  }
  const best = config.settings.load_best_model_at_end ? result.state.best : null;
  const kept = await job.guard?.kept();
  const values =
    kept?.parameters ??
    (best !== null && best.step !== result.state.step
      ? readParameters(join(output, checkpointName(best.step)), result)
      : result.parameters);
  const model = join(output, "model");
  const { model: base } = opened.opened;
  await replaceFolder(model, async (path) => {
    const named = config.settings.model;
    await savePolicy(path, opened.policy, {
      values,
      baseModel: existsSync(named) || opened.opened.adapter ? resolve(base.path) : named,
    });
    await opened.tokenizer.save(path);
    const pad = base.config.head.kind === "sequence" && choosePadToken(opened.tokenizer, base.config);
    if (pad) await writePadToken(path, pad);
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
    ...(guard && { guard: { ...guard, kept: kept?.step } }),
  });
  return {
    ...common,
    finished,
    model,
    evaluation,
    guard,
    kept: kept?.step,
    resume: goOnAfter(finished, { goOn, state }),
  };
}

/** For runs that ended before their steps. */
function goOnAfter(
  finished: FitResult["finished"],
  { goOn, state }: { goOn: string; state: FitResult["state"] },
): string | undefined {
  if (finished === "early-stopping") return `${goOn} --early-stopping-patience ${2 * state.withoutGain}`;
  return finished === "stopped" ? `${goOn} --guard warn` : undefined;
}

/** For a resumed run that had nothing left to do. */
function whyFinished({ finished, state }: FitResult): string {
  const { step, best, withoutGain } = state;
  if (finished === "done") return `all ${step} steps were done`;
  if (finished === "stopped") return `the guard stopped it after step ${step}`;
  const since = best === null ? "" : ` (${best.value.toPrecision(4)} at step ${best.step})`;
  return `it stopped early at step ${step}, because ${best?.metric ?? "its metric"} had not improved on its best${since} in ${withoutGain} evaluations`;
}

function newestCheckpoint(output: string): string | undefined {
  const newest = listCheckpoints(output).at(-1);
  return newest === undefined ? undefined : join(output, checkpointName(newest));
}

function readParameters(checkpoint: string, { parameters }: FitResult): Map<string, Float32Array> {
  const { tensors } = openSafetensors(join(checkpoint, "parameters.safetensors"));
  return new Map([...parameters.keys()].map((name) => [name, readTensor(tensors.get(name)!)]));
}
