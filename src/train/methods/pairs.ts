/**
 * Trainer for every pairwise objective on log-probabilities: DPO and its kin, ORPO, SimPO. Which one is a loss function
 * given from outside; no objective is named here.
 */
import type { Batch } from "../../data/index.js";
import type { LossResult } from "../../losses/index.js";
import { stopGradient, type Tensor } from "../../tensor/index.js";
import type { Policy } from "../policy.js";
import type { BatchSource, StartInvariant, TraceContext, Trainer } from "../trainer.js";
import {
  type BatchTensors,
  batchInputs,
  completionLogps,
  completionOf,
  detailMetrics,
  feedsOf,
  hiddenOf,
  shapeOf,
} from "./batch-graph.js";
import { promptFeeds, promptLogps, promptShape } from "./prompt-targets.js";

/** What a pairwise loss may use; every tensor is there when the loss asks for it. */
export interface PairTensors {
  chosenLogps: Tensor; // [pairs, width]
  rejectedLogps: Tensor;
  chosenMask: Tensor;
  rejectedMask: Tensor;
  rowMask: Tensor; // [pairs]
  refChosenLogps?: Tensor; // [pairs, width], or [pairs] when summed beforehand
  refRejectedLogps?: Tensor;
  chosenPromptLogps?: Tensor; // [pairs, prompt width]
  chosenPromptMask?: Tensor;
}

/**
 * Where the reference's log-probabilities come from: the same weights without the adapter or from the files, in every
 * step (`live`); computed before and carried by the batch as `ref_chosen_logps`, `ref_rejected_logps` (`precomputed`);
 * or not at all.
 */
export type ReferenceMode = "live" | "precomputed" | "none";

export interface PairTrainerOptions {
  name: string;
  policy: Policy;
  train: BatchSource<Batch>;
  evaluation?: BatchSource<Batch> | undefined;
  loss: (inputs: PairTensors) => LossResult;
  reference: ReferenceMode;
  /** The loss also takes the prompt's own likelihood. Default false. */
  promptLikelihood?: boolean;
  /** What must hold at the start. */
  invariants?: readonly StartInvariant[];
}

export function pairTrainer(o: PairTrainerOptions): Trainer<Batch> {
  const withPrompt = o.promptLikelihood ?? false;
  return {
    name: o.name,
    policy: o.policy,
    train: o.train,
    evaluation: o.evaluation,
    ...(o.invariants && { invariants: o.invariants }),
    shape: (batch) => shapeOf(batch) + (withPrompt ? promptShape(batch) : ""),
    feeds: (batch) => ({ ...feedsOf(batch), ...(withPrompt ? promptFeeds(batch) : {}) }),
    counts: (batch) => ({
      rows: batch.ids.length,
      tokens: withPrompt ? likelihoodTokens(batch) : chosenTokens(batch),
      inputTokens: batch.tokens,
    }),
    ids: (batch) => batch.ids,
    trace(batch, context) {
      const b = batchInputs(batch);
      const hidden = hiddenOf(context.policy, b, context.recompute);
      const logps = completionLogps(context.policy, b, hidden);
      const prompt = withPrompt ? promptLogps(context.policy, hidden, batch) : undefined;
      const result = o.loss({
        ...sides(logps, b),
        ...references(o.reference, { b, context }),
        ...(prompt && { chosenPromptLogps: prompt.logps, chosenPromptMask: prompt.mask }),
      });
      const extra = context.detail
        ? detailMetrics(context.policy, b, { hidden, logits: ["logits/chosen", "logits/rejected"] })
        : { metrics: {}, weights: {} };
      return {
        result: {
          ...result,
          metrics: { ...result.metrics, ...extra.metrics },
          metricRules: { ...result.metricRules, ...extra.weights },
        },
        inputs: { ...b.inputs, ...prompt?.inputs },
        rowMask: b.groupMask,
      };
    },
  };
}

function sides(logps: Tensor, b: BatchTensors): PairTensors {
  return {
    chosenLogps: completionOf(logps, 0, 2),
    rejectedLogps: completionOf(logps, 1, 2),
    chosenMask: completionOf(b.gridMask, 0, 2),
    rejectedMask: completionOf(b.gridMask, 1, 2),
    rowMask: b.groupMask,
  };
}

type References = Pick<PairTensors, "refChosenLogps" | "refRejectedLogps">;

function references(
  mode: ReferenceMode,
  { b, context }: { b: BatchTensors; context: TraceContext },
): References {
  if (mode === "none") return {};
  if (mode === "precomputed") {
    return {
      refChosenLogps: b.values["ref_chosen_logps"]!,
      refRejectedLogps: b.values["ref_rejected_logps"]!,
    };
  }
  const bound = context.reference();
  const hidden = hiddenOf(bound, b, "none");
  const logps = stopGradient(completionLogps(bound, b, hidden));
  return { refChosenLogps: completionOf(logps, 0, 2), refRejectedLogps: completionOf(logps, 1, 2) };
}

/** Trained tokens of the chosen answers: what a likelihood term is divided by. */
function chosenTokens({ gridMask, width, sequences }: Batch): number {
  let count = 0;
  for (let s = 0; s < sequences; s += 2) {
    for (let t = 0; t < width; t++) count += gridMask[s * width + t]!;
  }
  return count;
}

function likelihoodTokens(batch: Batch): number {
  const mask = promptFeeds(batch)["promptMask"]!.data as Float32Array;
  return chosenTokens(batch) + mask.reduce((a, b) => a + b, 0);
}
