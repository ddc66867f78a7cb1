/**
 * PPO-ptx: texts that the policy is not to forget, a few beside the rows of every micro-batch, and their mean loss a token.
 * Knows no reward.
 *
 *   L = L_policy + ptx_coef * mean over the texts' tokens of -log pi(token)
 *
 * Ouyang et al. 2022 (2203.02155), section 3.5; the mean and its weight are OpenRLHF's (`ptx_coef`).
 */
import { type Batch, layoutBatch } from "../../data/index.js";
import { type LossResult, withMetrics } from "../../losses/index.js";
import type { Recompute } from "../../models/index.js";
import { add, div, maximum, mul, neg, sum, type Tensor, type Tree } from "../../tensor/index.js";
import { createRandom } from "../../util/random.js";
import { batchInputs, completionLogps, feedsOf, hiddenOf } from "../methods/batch-graph.js";
import type { BoundModel } from "../policy.js";
import type { Feeds } from "../trainer.js";

export interface PretrainingText {
  readonly id: string;
  /** Read as given, special tokens among them. */
  readonly tokens: readonly number[];
}

export interface MixOptions {
  readonly texts: readonly PretrainingText[];
  /** Of a micro-batch. */
  readonly count: number;
  /** Longer texts are cut at their end. */
  readonly maxLength: number;
  readonly seed: number;
}

/** The texts beside micro-batch `index` of a rollout: drawn by the seed, so that a resumed run has the same. */
export function textsBeside(
  { rollout, index }: { rollout: number; index: number },
  { texts, count, maxLength, seed }: MixOptions,
): Batch {
  const random = createRandom(seed, { stream: `pretraining/${rollout}/${index}` });
  const drawn = Array.from({ length: count }, () => texts[Math.floor(random.uniform() * texts.length)]!);
  return layoutBatch(
    drawn.map(({ id, tokens }, i) => ({
      id: `${id}/${i}`,
      prompt: [],
      completions: [{ tokens: tokens.slice(0, maxLength) }],
    })),
    { length: maxLength, width: maxLength, buckets: { stepsPerOctave: 2 } },
  );
}

const prefix = "pretraining:";

export const pretrainingFeeds = (batch: Batch): Feeds => feedsOf(batch, prefix);

/** The loss with its second term; `mask` [rows, tokens] is the policy's. */
export function withPretraining(
  result: LossResult,
  o: { batch: Batch; bound: BoundModel; recompute: Recompute; mask: Tensor; weight: number },
): { result: LossResult; inputs: Tree } {
  const b = batchInputs(o.batch, prefix);
  const logps = completionLogps(o.bound, b, { hidden: hiddenOf(o.bound, b, o.recompute) });
  const loss = div(neg(sum(mul(logps, b.gridMask))), maximum(sum(b.gridMask), 1));
  const rows = sum(mul(o.mask, 0), { axes: [1] });
  return {
    // Every real token carries the term, so that the mean over them has it once.
    result: {
      ...withMetrics(result, { metrics: { "loss/pretraining": add(rows, loss) } }),
      loss: add(result.loss, mul(o.mask, mul(loss, o.weight))),
    },
    inputs: b.inputs,
  };
}
