/** Whether a run fits: its estimate against what the system has, and the flags that would make it fit. */
import {
  batchPlan,
  type BatchPlanOptions,
  countTrained,
  type Examples,
  planRows,
  rowLengths,
} from "../../data/index.js";
import { AttuneError } from "../../errors.js";
import {
  type BatchSize,
  estimateMemory,
  type MemoryEstimate,
  type MemoryReport,
  type MemoryRequest,
} from "../memory.js";
import type { TrainingConfig } from "./config.js";
import { makeOptimiser } from "./make-optimiser.js";
import type { OpenedPolicy } from "./open-policy.js";
import { referenceOf } from "./reference.js";

interface CheckParts {
  opened: OpenedPolicy;
  train: Examples;
  plan: BatchPlanOptions;
}

/** The largest batch of the first epoch: by tokens, and its trained tokens. Of equal ones the last. */
function largestBatch(examples: Examples, options: BatchPlanOptions): BatchSize {
  const lengths = rowLengths(examples);
  const plan = batchPlan(lengths, options);
  let largest = { rows: 1, length: 1, batch: -1 };
  for (let number = 0; number < plan.count; number++) {
    const units = plan.batch(number).flatMap((i) => lengths.at(i)!);
    const { rows, length } = planRows(units, options.rows ?? {});
    if (rows * length >= largest.rows * largest.length) largest = { rows, length, batch: number };
  }
  const { rows, length, batch } = largest;
  const targets = batch < 0 ? 1 : plan.batch(batch).reduce((sum, i) => sum + trainedOf(examples, i), 0);
  return { rows, length, targets };
}

function trainedOf(examples: Examples, index: number): number {
  const { prompt, completions } = examples.at(index)!;
  return completions.reduce((sum, each) => sum + countTrained(each, prompt.length), 0);
}

export function checkMemory(config: TrainingConfig, { opened, train, plan }: CheckParts): MemoryReport {
  const s = config.settings;
  const { layouts, vocabularyArrays } = config.entry.losses[config.lossType]!;
  const of = (o: {
    plan: BatchPlanOptions;
    layers: boolean;
  }): { request: MemoryRequest; estimate: MemoryEstimate } => {
    const request: MemoryRequest = {
      policy: opened.policy,
      optimizer: makeOptimiser(s, opened.policy),
      batch: largestBatch(train, o.plan),
      recompute: o.layers ? "layers" : "attention",
      liveReference: referenceOf(config, opened).mode === "live",
      layouts,
      eightBit: s.load_in_8bit,
      ...(vocabularyArrays !== undefined && { vocabularyArrays }),
    };
    return { request, estimate: estimateMemory(request) };
  };
  const { request, estimate } = of({ plan, layers: s.gradient_checkpointing });
  const available = s.memory_limit === undefined ? process.availableMemory() : s.memory_limit * 1e6;
  const fits = estimate.total <= available;
  const remedies = fits ? [] : remediesFor(config, { plan, available, of: (o) => of(o).estimate.total });
  return { ...estimate, batch: request.batch, available, fits, remedies };
}

/** Combinations of milder and harsher means that fit. */
function remediesFor(
  { settings: s, entry, lossType, method }: TrainingConfig,
  {
    plan,
    available,
    of,
  }: {
    plan: BatchPlanOptions;
    available: number;
    of: (o: { plan: BatchPlanOptions; layers: boolean }) => number;
  },
): MemoryReport["remedies"] {
  const found: MemoryReport["remedies"] = [];
  const layersFlag = s.gradient_checkpointing ? [] : ["--gradient-checkpointing"];
  for (const layers of s.gradient_checkpointing ? [true] : [false, true]) {
    for (
      let size = s.per_device_train_batch_size;
      size >= entry.losses[lossType]!.smallestBatch;
      size = Math.floor(size / 2)
    ) {
      const smaller = size < s.per_device_train_batch_size;
      const { maxTokens: _, ...rest } = plan;
      const total = of({ plan: { ...rest, perDeviceBatchSize: size }, layers });
      if (total > available) continue;
      const steps = Math.round((s.per_device_train_batch_size / size) * s.gradient_accumulation_steps);
      const flags = [
        ...(layers ? layersFlag : []),
        ...(smaller ? [`--per-device-train-batch-size ${size} --gradient-accumulation-steps ${steps}`] : []),
      ];
      if (flags.length > 0) found.push({ flags: flags.join(" "), total });
      break;
    }
  }
  const last = ["--max-length 512", ...(s.full || s.lora_r === undefined ? ["--lora-r 16"] : [])];
  if (found.length === 0)
    found.push({
      flags: `a smaller model, or try ${last.join(" ")}${method === "dpo" ? " --reference precomputed" : ""}`,
      total: Number.NaN,
    });
  return found;
}

/** Throws `memory` when the run does not fit. */
export function requireMemory({ fits, total, available, remedies, terms }: MemoryReport): void {
  if (fits) return;
  const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(2)} GB`;
  const largest = terms
    .toSorted((a, b) => b.bytes - a.bytes)
    .slice(0, 2)
    .map(({ name, bytes }) => `${name} ${gigabytes(bytes)}`);
  const [first] = remedies;
  throw new AttuneError("memory", {
    where: "memory",
    expected: `at most the ${gigabytes(available)} that are free`,
    got: `an estimate of ${gigabytes(total)} (${largest.join(", ")})`,
    fix: `${first!.flags}${Number.isNaN(first!.total) ? "" : ` (estimated ${gigabytes(first!.total)})`}; --memory-limit changes the bound`,
  });
}
