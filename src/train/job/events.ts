/** What a run tells while it goes, and what it leaves. Plain data. */
import type { EndOfRun, StepReport } from "../fit.js";
import type { StartCheck } from "../invariants.js";
import type { RolloutReport } from "../online/rollout.js";
import type { MemoryReport } from "../memory.js";
import type { DataSummary } from "./prepare-data.js";

/** A share of rows with its counts, for an interval. */
export interface Accuracy {
  metric: string;
  correct: number;
  rows: number;
}

export type TrainingEvent =
  | {
      kind: "model";
      path: string;
      family: string;
      mode: "full" | "lora";
      reason: string;
      parameters: number;
      trainable: number;
    }
  | { kind: "data"; part: "data" | "eval_data"; summary: DataSummary }
  | { kind: "rows"; train: number; evaluation: number }
  | { kind: "memory"; memory: MemoryReport }
  | { kind: "start"; output: string; resumedStep: number; lossType: string; reference: string }
  | { kind: "note"; text: string }
  | { kind: "checks"; title: string; checks: readonly StartCheck[] }
  | { kind: "step"; report: StepReport }
  /** A line of log.jsonl: averages since the last one. */
  | { kind: "log"; line: Readonly<Record<string, number>> }
  | {
      kind: "evaluation";
      step: number;
      rows: number;
      metrics: Readonly<Record<string, number>>;
      accuracy?: Accuracy;
    }
  /** The answers that the next updates learn from, with their rewards; of online methods. */
  | { kind: "rollout"; report: RolloutReport }
  | { kind: "checkpoint"; path: string };

/** The guard's latest word. */
export interface GuardVerdict {
  readonly state: string;
  readonly words: string;
}

export interface TrainingResult {
  finished: EndOfRun;
  /** Why there was nothing left to do for a run that was resumed; undefined when there was. */
  already: string | undefined;
  output: string;
  /** Updates done, those before a resume counted. */
  steps: number;
  /** Folder of the final model; undefined when the run was interrupted. */
  model: string | undefined;
  /** Newest checkpoint. */
  checkpoint: string | undefined;
  best: { metric: string; value: number; step: number } | null;
  /** Evaluation of the final model. */
  evaluation: { metrics: Readonly<Record<string, number>>; rows: number; accuracy?: Accuracy } | undefined;
  /** Of runs that were watched. */
  guard?: GuardVerdict | undefined;
  /** Step whose model the guard chose; undefined: the last is taken. */
  kept?: number | undefined;
  /** Command that goes on with a run that was interrupted, or stopped early (with more patience). */
  resume: string | undefined;
}
