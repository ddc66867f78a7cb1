/** Bradley-Terry reward model: a scalar head read at each answer's last token (by length, never by token id). */
import type { Batch } from "../../data/index.js";
import { AttuneError } from "../../errors.js";
import { reward as rewardLoss, type RewardOptions } from "../../losses/index.js";
import { headOutputs } from "../../models/index.js";
import { gather, reshape, type Tensor } from "../../tensor/index.js";
import type { Policy } from "../policy.js";
import type { BatchSource, Trainer } from "../trainer.js";
import { batchInputs, completionOf, feedsOf, hiddenOf, shapeOf } from "./batch-graph.js";

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
