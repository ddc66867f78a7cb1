/** Supervised fine-tuning: negative log-likelihood of the trained tokens, a mean over all of them. */
import type { Batch } from "../../data/index.js";
import { sft as sftLoss, type SftOptions } from "../../losses/index.js";
import { targetLogProbs, targetLogSumExp, targetMeanLogProbs } from "../../models/index.js";
import { gather, type Tensor } from "../../tensor/index.js";
import type { BoundModel, Policy } from "../policy.js";
import type { BatchSource, Trainer } from "../trainer.js";
import { batchInputs, type BatchTensors, detailMetrics, feedsOf, hiddenOf, shapeOf } from "./batch-graph.js";

export interface SftTrainerOptions {
  policy: Policy;
  train: BatchSource<Batch>;
  evaluation?: BatchSource<Batch> | undefined;
  loss?: Partial<SftOptions>;
}

export function sft({ policy, train, evaluation, loss = {} }: SftTrainerOptions): Trainer<Batch> {
  const numbers = { mean: (loss.labelSmoothing ?? 0) > 0, normaliser: (loss.zLoss ?? 0) > 0 };
  return {
    name: "sft",
    policy,
    train,
    evaluation,
    shape: shapeOf,
    feeds: (batch) => feedsOf(batch),
    counts: (batch) => ({ rows: batch.ids.length, tokens: batch.trainedTokens, inputTokens: batch.tokens }),
    ids: (batch) => batch.ids,
    trace(batch, { policy: bound, recompute, detail }) {
      const b = batchInputs(batch);
      const hidden = hiddenOf(bound, b, recompute);
      const logps = targetLogProbs(bound.model, hidden, b);
      const result = sftLoss(
        {
          logps: gather(logps, b.grid),
          mask: b.gridMask,
          ...overVocabulary(bound, b, { hidden, logps, numbers }),
        },
        loss,
      );
      const extra = detail ? detailMetrics(bound, b, { hidden, logits: [] }) : { metrics: {}, weights: {} };
      return {
        result: {
          ...result,
          metrics: { ...result.metrics, ...extra.metrics },
          metricRules: { ...result.metricRules, ...extra.weights },
        },
        inputs: b.inputs,
        rowMask: b.groupMask,
      };
    },
  };
}

/** What label smoothing and the z-loss read of the whole vocabulary, each [sequences, width]. */
function overVocabulary(
  { model }: BoundModel,
  b: BatchTensors,
  o: { hidden: Tensor; logps: Tensor; numbers: { mean: boolean; normaliser: boolean } },
): { meanLogps?: Tensor; logSumExp?: Tensor } {
  if (!o.numbers.mean && !o.numbers.normaliser) return {};
  const logSumExp = targetLogSumExp(model, o.hidden, { ...b, logps: o.logps });
  return {
    ...(o.numbers.normaliser && { logSumExp: gather(logSumExp, b.grid) }),
    ...(o.numbers.mean && {
      meanLogps: gather(targetMeanLogProbs(model, o.hidden, { ...b, logSumExp }), b.grid),
    }),
  };
}
