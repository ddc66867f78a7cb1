/** A run while it goes and when it ends: events, log, final model, record. Names no method. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { openSafetensors, readTensor } from "../../models/index.js";
import { checkpointName, listCheckpoints } from "../checkpoint.js";
import type { FitResult, StepReport } from "../fit.js";
import { addSums, emptySums, metricValues } from "../metrics.js";
import { savePolicy } from "../policy.js";
import type { TrainingConfig } from "./config.js";
import type { TrainingResult } from "./events.js";
import type { Job } from "./job.js";
import { replaceFolder } from "./run-folder.js";

interface Followed {
  result: FitResult;
  finished: StepReport["finished"];
  evaluations: Map<number, { metrics: Record<string, number>; rows: number }>;
}

/** Consumes the loop: events for who watches, averages for the log, the record once the first step stands. */
export async function follow(
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
      if (report.start) emit({ kind: "checks", title: "before the first step", checks: report.start });
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
        graphs: report.graphs,
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

/** Writes the final model and the record. */
export async function finish(
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
