/** Everything a run is made of, before its engine starts. */
import type { Examples } from "../../data/index.js";
import type { TrainingConfig } from "./config.js";
import type { TrainingEvent } from "./events.js";
import type { OpenedPolicy } from "./open-policy.js";
import type { RunFolder } from "./run-folder.js";

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
