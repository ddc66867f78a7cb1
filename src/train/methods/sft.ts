/** Supervised fine-tuning: negative log-likelihood of the trained tokens, a mean over all of them. */
import type { Batch } from "../../data/index.js";
import { sft as sftLoss, type SftOptions } from "../../losses/index.js";
import type { Policy } from "../policy.js";
import type { BatchSource, Trainer } from "../trainer.js";
import { batchInputs, completionLogps, detailMetrics, feedsOf, hiddenOf, shapeOf } from "./batch-graph.js";

export interface SftTrainerOptions {
  policy: Policy;
  train: BatchSource<Batch>;
  evaluation?: BatchSource<Batch> | undefined;
  loss?: Partial<SftOptions>;
}

export function sft({ policy, train, evaluation, loss = {} }: SftTrainerOptions): Trainer<Batch> {
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
      const result = sftLoss({ logps: completionLogps(bound, b, hidden), mask: b.gridMask }, loss);
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
