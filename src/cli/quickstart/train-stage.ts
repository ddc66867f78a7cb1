/**
 * One training stage: runs the loop, shows where it stands, writes the log and the trained model. Knows no method: the
 * trainer is made by the caller.
 */
import { createWriteStream } from "node:fs";
import { once } from "node:events";
import { join } from "node:path";
import type { Batch, Examples } from "../../data/index.js";
import type { Backend } from "../../tensor/index.js";
import {
  exampleSource,
  fit,
  savePolicy,
  type FitResult,
  type Policy,
  type StepReport,
  type Trainer,
} from "../../train/index.js";
import { AttuneError } from "../../errors.js";
import { ensureFolder } from "../../util/files.js";
import type { Narrator } from "./narrator.js";
import { oneShape } from "./one-shape.js";
import type { Training } from "./settings.js";

/** One line of the log: TRL's names. */
export type LogLine = { step: number } & Record<string, number>;

export interface Trained {
  /** Folder of the trained model: a whole one. */
  model: string;
  /** A line a step, evaluations among them under names that begin with `eval_`. */
  history: LogLine[];
  /** What was checked before the first update, in words. */
  checks: string[];
  steps: number;
}

export interface StageContext {
  backend: Backend;
  narrator: Narrator;
  /** Folder of the stage. */
  folder: string;
  seed: number;
  signal: AbortSignal | undefined;
}

/** Batches of one shape: `train` in seeded order, `evaluation` in the order given. */
export function stageSources(
  train: Examples,
  { training, evaluation, seed }: { training: Training; evaluation?: Examples; seed: number },
) {
  const source = (examples: Examples, options: { shuffle: boolean; epochs: number }) => {
    const plan = { perDeviceBatchSize: training.batchSize, seed, shuffle: options.shuffle };
    return exampleSource(examples, { plan, layout: oneShape(examples, { plan, epochs: options.epochs }) });
  };
  return {
    train: source(train, { shuffle: true, epochs: training.epochs }),
    evaluation: evaluation && source(evaluation, { shuffle: false, epochs: 1 }),
  };
}

export async function trainStage(
  trainer: Trainer<Batch>,
  { training, context }: { training: Training; context: StageContext },
): Promise<Trained> {
  const { folder, backend, signal } = context;
  await ensureFolder(folder);
  const total = Math.ceil(trainer.train.count(0)) * training.epochs;
  const reports = fit(trainer, {
    backend,
    epochs: training.epochs,
    learningRate: training.learningRate,
    schedule: "linear",
    warmup: 0.1,
    recompute: "none",
    detailSteps: 0,
    evalSteps: Math.max(1, Math.round(total / 4)),
    output: folder,
    saveTotalLimit: 1,
    fingerprint: { seed: String(context.seed) },
    signal,
  });
  return followStage(reports, { policy: trainer.policy, context });
}

/** Takes a run's reports to its end: shows them, writes the log, saves the model. */
export async function followStage(
  reports: AsyncGenerator<StepReport, FitResult>,
  { policy, context }: { policy: Policy; context: StageContext },
): Promise<Trained> {
  const { folder, narrator } = context;
  await ensureFolder(folder);
  const log = createWriteStream(join(folder, "log.jsonl"));
  const history: LogLine[] = [];
  const checks: string[] = [];
  let result: FitResult | undefined;
  let last: string | undefined;
  try {
    while (!result) {
      const next = await reports.next();
      if (next.done) {
        result = next.value;
        break;
      }
      const { step, totalSteps, metrics, evaluation, start, seconds, tokens, finished, checkpoint } =
        next.value;
      for (const check of start ?? []) checks.push(`${check.name}: ${check.got}`);
      const line: LogLine = { step, ...metrics, ...evaluation?.metrics };
      history.push(line);
      log.write(`${JSON.stringify(line)}\n`);
      const rate = Math.round(tokens / seconds);
      narrator.progress(`step ${step}/${totalSteps}, loss ${metrics["loss"]!.toFixed(3)}, ${rate} tokens/s`);
      last = checkpoint ?? last;
      if (finished === "interrupted") throw interrupted(last);
    }
  } finally {
    log.end();
    await once(log, "close");
  }
  const model = join(folder, "model");
  await saveTrained(model, { policy, result });
  return { model, history, checks, steps: result.state.step };
}

/** Small weights are kept in float32: a few steps of training are finer than bfloat16's last digit. */
function saveTrained(path: string, { policy, result }: { policy: Policy; result: FitResult }): Promise<void> {
  // A critic's parameters are not the model's.
  const values = new Map([...result.parameters].filter(([name]) => policy.trainable.has(name)));
  return savePolicy(path, policy, { values, dtype: "F32" });
}

const interrupted = (checkpoint: string | undefined): AttuneError =>
  new AttuneError("interrupted", {
    where: "quickstart",
    expected: "to finish",
    got: `a request to stop${checkpoint === undefined ? "" : `; the stage's state is in ${checkpoint}`}`,
    fix: "start the quick start again: with the same seed it gives the same result",
  });
