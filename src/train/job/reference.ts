/** Where a run's reference comes from, and reference log-probabilities made beforehand put on its examples. */
import { join } from "node:path";
import { type Examples, withValues } from "../../data/index.js";
import { AttuneError } from "../../errors.js";
import type { Backend } from "../../tensor/index.js";
import type { ReferenceMode } from "../methods/pairs.js";
import { referenceLogProbs } from "../reference-cache.js";
import type { TrainingConfig } from "./config.js";
import type { TrainingEvent } from "./events.js";
import type { OpenedPolicy } from "./open-policy.js";

export interface ChosenReference {
  /** For the trainer. */
  mode: ReferenceMode;
  /** For people. */
  made: NonNullable<TrainingConfig["reference"]>;
}

/** Throws `config` when the adapter should be turned off where there is none, or where it is part of the reference. */
export function referenceOf(
  { entry, lossType, reference }: TrainingConfig,
  { mode, opened }: Pick<OpenedPolicy, "mode" | "opened">,
): ChosenReference {
  if (!entry.losses[lossType]!.needsReference) return { mode: "none", made: "none" };
  if (reference === "precomputed") return { mode: "precomputed", made: "precomputed" };
  const adapted = opened.adapter !== undefined;
  if (reference === "adapter-off" && (mode === "full" || adapted)) {
    throw new AttuneError("config", {
      where: "reference",
      expected: `frozen-copy or precomputed, because ${adapted ? "the model came with an adapter: without it the reference would not be the model that training starts from" : "every parameter is trained"}`,
      got: "adapter-off",
      fix: adapted ? "leave it out" : "leave it out, or train an adapter: --lora-r 16",
    });
  }
  const usual = mode === "lora" && !adapted ? "adapter-off" : "frozen-copy";
  return { mode: "live", made: reference ?? usual };
}

interface PrecomputeParts {
  config: TrainingConfig;
  folder: { path: string };
  opened: OpenedPolicy;
  train: Examples;
  evaluation: Examples | undefined;
  modelHash: string;
  emit: (event: TrainingEvent) => void;
  signal: AbortSignal | undefined;
}

/** Puts `ref_chosen_logps` and `ref_rejected_logps` on every example, from the cache or made now. */
export async function withReference(job: PrecomputeParts, { backend }: { backend: Backend }): Promise<void> {
  const s = job.config.settings;
  const of = async (examples: Examples, part: string): Promise<Examples> => {
    const { logps, source } = await referenceLogProbs(job.opened.policy, examples, {
      backend,
      // Other products, other numbers.
      modelHash: s.load_in_8bit ? `${job.modelHash} in 8 bits` : job.modelHash,
      folder: s.cache_dir ?? join(job.folder.path, "reference"),
      batchSize: s.per_device_eval_batch_size,
      signal: job.signal,
    });
    job.emit({
      kind: "note",
      text: `reference log-probabilities of ${examples.length} ${part} rows ${source === "cache" ? "read from the cache, a sample verified" : "computed"}`,
    });
    const answers = logps.length / examples.length;
    const side = (which: number): Float32Array =>
      Float32Array.from({ length: examples.length }, (_, i) => logps[answers * i + which]!);
    return withValues(examples, { ref_chosen_logps: side(0), ref_rejected_logps: side(1) });
  };
  job.train = await of(job.train, "training");
  if (job.evaluation) job.evaluation = await of(job.evaluation, "evaluation");
}
