/** Everything a run is made of, before its engine starts. */
import type { Examples } from "../../data/index.js";
import type { CommonSettings, TrainingConfig } from "./config.js";
import type { GuardVerdict, TrainingEvent } from "./events.js";
import type { MethodEntry } from "./methods.js";
import type { OpenedPolicy } from "./open-policy.js";
import type { RunFolder } from "./run-folder.js";

/** What following a run reads of its configuration, whatever the method learns from. */
export interface FollowedConfig {
  readonly method: string;
  readonly settings: Pick<CommonSettings, "model" | "logging_steps" | "load_best_model_at_end">;
  readonly entry: Pick<MethodEntry, "accuracy">;
  readonly resolved: Record<string, unknown>;
}

/** A run as the log, the record and the final model need it. */
export interface FollowedJob extends Pick<Job, "folder" | "opened" | "record" | "emit"> {
  readonly config: FollowedConfig;
  /** What watched the run. */
  readonly guard?: {
    /** The model to take in place of the last. */
    kept(): Promise<{ step: number; parameters: ReadonlyMap<string, Float32Array> } | undefined>;
    verdict(): GuardVerdict | undefined;
  };
}

export interface Job {
  config: TrainingConfig;
  folder: RunFolder;
  opened: OpenedPolicy;
  train: Examples;
  evaluation: Examples | undefined;
  fingerprint: Record<string, string>;
  record: Record<string, unknown>;
  modelHash: string;
  emit: (event: TrainingEvent) => void;
  signal: AbortSignal | undefined;
  /** Ends reading of the examples. */
  close(): void;
}
