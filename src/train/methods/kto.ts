/**
 * KTO (arXiv 2402.01306): answers judged alone, good or bad. The KL estimate comes from answers put to the wrong prompts
 * (each takes the answer of the example before it in its micro-batch, as TRL), without gradient.
 */
import {
  type Batch,
  type Example,
  type Examples,
  layoutBatch,
  type LayoutOptions,
} from "../../data/index.js";
import { AttuneError } from "../../errors.js";
import { kto as ktoLoss, ktoKl, type KtoOptions } from "../../losses/index.js";
import { type ExampleSourceOptions, groupedSource } from "../example-source.js";
import type { Policy } from "../policy.js";
import type { BatchSource, Trainer } from "../trainer.js";
import { batchInputs, completionLogps, feedsOf, hiddenOf, shapeOf } from "./batch-graph.js";
import { plainLogps, unpairedDetails } from "./judged-details.js";
import { startTolerance } from "./start-loss.js";
import { meanWeight } from "./unpaired.js";

/** Rows as they are, and the same prompts with each other's answers. */
export interface KtoBatch {
  own: Batch;
  mismatched: Batch;
}

/** A prompt with another's answer can be longer than any example: these rows find their own length. */
const mismatchedLayout = (layout: LayoutOptions): LayoutOptions => ({ ...layout, length: undefined });

/** Batches of unpaired examples; each needs `values.label`, 1 for good and 0 for bad. */
export function ktoSource(examples: Examples, options: ExampleSourceOptions = {}): BatchSource<KtoBatch> {
  if (examples.length < 2) {
    throw new AttuneError("data", {
      where: "train.kto",
      expected: "at least 2 examples, because the KL estimate needs answers to other prompts",
      got: String(examples.length),
    });
  }
  const build = (group: readonly Example[], layout: LayoutOptions, numbers: readonly number[]): KtoBatch => {
    // An example alone in its micro-batch (the last of an epoch) takes the answer of its neighbour in the data.
    const neighbour = (): Example => examples.at((numbers[0]! + 1) % examples.length)!;
    const others = group.length > 1 ? group : [group[0]!, neighbour()];
    const mismatched = group.map((e, i) => ({
      ...e,
      completions: others[(i + others.length - 1) % others.length]!.completions,
      values: {},
    }));
    return { own: layoutBatch(group, layout), mismatched: layoutBatch(mismatched, mismatchedLayout(layout)) };
  };
  return groupedSource(examples, build, options);
}

export interface KtoTrainerOptions {
  policy: Policy;
  train: BatchSource<KtoBatch>;
  evaluation?: BatchSource<KtoBatch> | undefined;
  loss?: Partial<KtoOptions>;
}

const prefix = "kl:";

export function kto({ policy, train, evaluation, loss = {} }: KtoTrainerOptions): Trainer<KtoBatch> {
  const { desirableWeight: good = 1, undesirableWeight: bad = 1 } = loss;
  return {
    name: "kto",
    policy,
    train,
    evaluation,
    shape: ({ own, mismatched }) => `${shapeOf(own)}|${shapeOf(mismatched)}`,
    feeds: ({ own, mismatched }) => ({ ...feedsOf(own), ...feedsOf(mismatched, prefix) }),
    counts: ({ own }) => ({ rows: own.ids.length, tokens: own.trainedTokens, inputTokens: own.tokens }),
    ids: ({ own }) => own.ids,
    invariants: [
      {
        name: "policy equals reference",
        metric: "kl",
        expected: 0,
        tolerance: 1e-3,
        fix: notTheStart,
      },
      {
        name: "loss",
        metric: "loss",
        // Half the weight of every row.
        expected: { of: ({ own }) => meanWeight(own, { good, bad }) / 2 },
        formula: "mean weight / 2",
        tolerance: startTolerance(1),
        fix: notTheStart,
      },
    ],
    trace(batch, context) {
      const b = batchInputs(batch.own);
      const k = batchInputs(batch.mismatched, prefix);
      const hidden = hiddenOf(context.policy, b, context.recompute);
      const logps = completionLogps(context.policy, b, { hidden });
      const kl = ktoKl({
        logps: plainLogps(context.policy, k),
        refLogps: plainLogps(context.reference(), k),
        mask: k.gridMask,
        rowMask: k.groupMask,
      });
      const refLogps = plainLogps(context.reference(), b);
      const result = ktoLoss(
        { logps, refLogps, mask: b.gridMask, desirable: b.values["label"]!, kl, rowMask: b.groupMask },
        loss,
      );
      const extra = unpairedDetails(context, { b, hidden });
      return {
        result: {
          ...result,
          metrics: { ...result.metrics, ...extra.metrics },
          metricRules: { ...result.metricRules, ...extra.weights },
        },
        inputs: { ...b.inputs, ...k.inputs },
        rowMask: b.groupMask,
      };
    },
  };
}

const notTheStart = "the reference is not the model that training starts from";
