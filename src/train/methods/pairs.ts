/**
 * Trainer for every pairwise objective on log-probabilities: DPO and its kin, ORPO, SimPO. Which one is a loss function
 * given from outside; no objective is named here.
 */
import type { Batch } from "../../data/index.js";
import type { LossResult } from "../../losses/index.js";
import { targetKl, targetLogSumSquares } from "../../models/index.js";
import { gather, stopGradient, type Tensor } from "../../tensor/index.js";
import type { BoundModel, Policy } from "../policy.js";
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
  chosenKl?: Tensor; // [pairs, width], KL(reference || policy) at each token
  rejectedKl?: Tensor;
  chosenLogSumSquares?: Tensor; // [pairs, width], log sum over the vocabulary of p^2
  rejectedLogSumSquares?: Tensor;
  goldLogps?: Tensor; // [pairs, width], of a third answer
  goldMask?: Tensor;
}

/**
 * What a loss asks for beyond the log-probabilities of both answers: the divergence from the reference over the whole
 * vocabulary (live only), the policy's own sum of squares, or a third answer, the best one, behind the two in its group.
 */
export type PairExtra = "kl" | "logSumSquares" | "gold";

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
  /** Of the sampler whose answers these are: divides the logits of policy and live reference. Default 1. */
  temperature?: number | undefined;
  /** The loss also takes the prompt's own likelihood. Default false. */
  promptLikelihood?: boolean;
  /** Default none. */
  extras?: readonly PairExtra[];
  /** Answer of a group whose tokens a likelihood term is divided by: 0 chosen, 2 gold. Default 0. */
  likelihoodOf?: number;
  /** What the loss carries from batch to batch, and where it starts. */
  state?: Readonly<Record<string, number>>;
  /** What must hold at the start. */
  invariants?: readonly StartInvariant[];
}

export function pairTrainer(o: PairTrainerOptions): Trainer<Batch> {
  const withPrompt = o.promptLikelihood ?? false;
  const extras = new Set(o.extras);
  const answer = o.likelihoodOf ?? 0;
  return {
    name: o.name,
    policy: o.policy,
    train: o.train,
    evaluation: o.evaluation,
    ...(o.invariants && { invariants: o.invariants }),
    ...(o.state && Object.keys(o.state).length > 0 && { state: o.state }),
    shape: (batch) => shapeOf(batch) + (withPrompt ? promptShape(batch) : ""),
    feeds: (batch) => ({ ...feedsOf(batch), ...(withPrompt ? promptFeeds(batch) : {}) }),
    counts: (batch) => ({
      rows: batch.ids.length,
      tokens: trainedTokens(batch, answer) + (withPrompt ? promptTokens(batch) : 0),
      inputTokens: batch.tokens,
    }),
    ids: (batch) => batch.ids,
    trace(batch, context) {
      const b = batchInputs(batch);
      const hidden = hiddenOf(context.policy, b, context.recompute);
      const { temperature } = o;
      const logps = completionLogps(context.policy, b, { hidden, temperature });
      const prompt = withPrompt ? promptLogps(context.policy, hidden, batch) : undefined;
      const reference = o.reference === "live" ? referenceStates(b, context) : undefined;
      const result = o.loss({
        ...sides(logps, b),
        ...references(o.reference, { b, reference, temperature }),
        ...(prompt && { chosenPromptLogps: prompt.logps, chosenPromptMask: prompt.mask }),
        ...(extras.has("kl") && divergences(b, { policy: context.policy, hidden, reference: reference! })),
        ...(extras.has("logSumSquares") && sumsOfSquares(b, { policy: context.policy, hidden })),
        ...(extras.has("gold") && gold(logps, b)),
        ...context.state,
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

const sideOf = (x: Tensor, k: number, { completionsPerGroup }: BatchTensors): Tensor =>
  completionOf(x, k, completionsPerGroup);

function sides(logps: Tensor, b: BatchTensors): PairTensors {
  return {
    chosenLogps: sideOf(logps, 0, b),
    rejectedLogps: sideOf(logps, 1, b),
    chosenMask: sideOf(b.gridMask, 0, b),
    rejectedMask: sideOf(b.gridMask, 1, b),
    rowMask: b.groupMask,
  };
}

const gold = (logps: Tensor, b: BatchTensors) => ({
  goldLogps: sideOf(logps, 2, b),
  goldMask: sideOf(b.gridMask, 2, b),
});

interface States {
  bound: BoundModel;
  hidden: Tensor;
}

function referenceStates(b: BatchTensors, context: TraceContext): States {
  const bound = context.reference();
  return { bound, hidden: hiddenOf(bound, b, "none") };
}

type References = Pick<PairTensors, "refChosenLogps" | "refRejectedLogps">;

function references(
  mode: ReferenceMode,
  o: { b: BatchTensors; reference: States | undefined; temperature: number | undefined },
): References {
  const { b, reference, temperature } = o;
  if (mode === "none") return {};
  if (mode === "precomputed") {
    return {
      refChosenLogps: b.values["ref_chosen_logps"]!,
      refRejectedLogps: b.values["ref_rejected_logps"]!,
    };
  }
  const { bound, hidden } = reference!;
  const logps = stopGradient(completionLogps(bound, b, { hidden, temperature }));
  return { refChosenLogps: sideOf(logps, 0, b), refRejectedLogps: sideOf(logps, 1, b) };
}

function divergences(b: BatchTensors, o: { policy: BoundModel; hidden: Tensor; reference: States }) {
  const { bound, hidden } = o.reference;
  const kl = targetKl({ model: o.policy.model, hidden: o.hidden }, { model: bound.model, hidden }, b);
  const grid = gather(kl, b.grid);
  return { chosenKl: sideOf(grid, 0, b), rejectedKl: sideOf(grid, 1, b) };
}

function sumsOfSquares(b: BatchTensors, { policy, hidden }: { policy: BoundModel; hidden: Tensor }) {
  const grid = gather(targetLogSumSquares(policy.model, hidden, b), b.grid);
  return { chosenLogSumSquares: sideOf(grid, 0, b), rejectedLogSumSquares: sideOf(grid, 1, b) };
}

/** Trained tokens of one answer of every group: what a likelihood term is divided by. */
function trainedTokens({ gridMask, width, sequences, completionsPerGroup }: Batch, answer: number): number {
  let count = 0;
  for (let s = answer; s < sequences; s += completionsPerGroup) {
    for (let t = 0; t < width; t++) count += gridMask[s * width + t]!;
  }
  return count;
}

const promptTokens = (batch: Batch): number =>
  (promptFeeds(batch)["promptMask"]!.data as Float32Array).reduce((a, b) => a + b, 0);
