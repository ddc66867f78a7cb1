/** Bradley-Terry reward model: a scalar head read at each answer's last token (by length, never by token id). */
import type { Batch } from "../../data/index.js";
import { AttuneError } from "../../errors.js";
import { reward as rewardLoss, type RewardOptions } from "../../losses/index.js";
import { headOutputs } from "../../models/index.js";
import { gather, reshape, type Tensor } from "../../tensor/index.js";
import type { Policy } from "../policy.js";
import type { BatchSource, Trainer } from "../trainer.js";
import { batchInputs, completionOf, feedsOf, hiddenOf, shapeOf } from "./batch-graph.js";
import { startTolerance } from "./start-loss.js";

export interface RewardTrainerOptions {
  policy: Policy;
  train: BatchSource<Batch>;
  evaluation?: BatchSource<Batch> | undefined;
  loss?: Partial<RewardOptions>;
}

export function reward({ policy, train, evaluation, loss = {} }: RewardTrainerOptions): Trainer<Batch> {
  const { head } = policy.folder.config;
  if (head.kind !== "sequence" || head.numLabels !== 1) {
    throw new AttuneError("model", {
      where: "train.reward",
      expected: "a model with a scalar sequence head",
      got: `the head "${head.kind}" with ${head.numLabels} outputs`,
      fix: 'open the model with { head: "sequence" }',
    });
  }
  return {
    name: "reward",
    policy,
    train,
    evaluation,
    shape: shapeOf,
    feeds: (batch) => feedsOf(batch),
    counts: (batch) => ({ rows: batch.ids.length, tokens: batch.trainedTokens, inputTokens: batch.tokens }),
    ids: (batch) => batch.ids,
    invariants: [
      {
        name: "loss",
        metric: "loss",
        expected: { of: (batch, metrics) => zeroHeadLoss(batch, { metrics, loss }) },
        formula: "that of equal rewards",
        tolerance: startTolerance(1),
        fix: "the head gives 0 for every answer, so that only the margins of the data can move the loss: look at them",
      },
    ],
    trace(batch, { policy: bound, recompute }) {
      const b = batchInputs(batch);
      const states = gather(hiddenOf(bound, b, recompute), b.ends); // [sequences, hidden]
      const rewards = headOutputs(bound.model, states); // [sequences, 1]
      const side = (k: number): Tensor => reshape(completionOf(rewards, k, 2), [-1]);
      const margin = b.values["margin"];
      const result = rewardLoss(
        { chosenRewards: side(0), rejectedRewards: side(1), ...(margin && { margin }) },
        loss,
      );
      return {
        result,
        inputs: b.inputs,
        rowMask: b.groupMask,
        values: { chosen: side(0), rejected: side(1) },
      };
    },
  };
}

/** Equal rewards lose ln 2 without margins; nothing can be said of a head that tells answers apart already. */
function zeroHeadLoss(
  { values, sequenceMask }: Batch,
  { metrics, loss }: { metrics: Readonly<Record<string, number>>; loss: Partial<RewardOptions> },
): number | undefined {
  if (metrics["min_reward"] !== 0 || metrics["max_reward"] !== 0) return undefined;
  const smoothing = loss.labelSmoothing ?? 0;
  const softplus = (x: number): number => Math.log1p(Math.exp(-Math.abs(x))) + Math.max(x, 0);
  const pairs = Array.from({ length: sequenceMask.length / 2 }, (_, pair) => pair);
  const losses = pairs
    .filter((pair) => sequenceMask[2 * pair]! > 0)
    .map((pair) => values["margin"]?.[pair] ?? 0)
    .map((margin) => (1 - smoothing) * softplus(margin) + smoothing * softplus(-margin));
  return losses.reduce((a, b) => a + b, 0) / losses.length;
}
