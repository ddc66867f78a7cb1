/**
 * Trainer for objectives on answers judged alone that need no mismatched answers: APO-zero on single answers, BCO, whose
 * running mean goes from batch to batch. Which one is a name in the registry. KTO has a trainer of its own (`kto.ts`).
 */
import type { Batch } from "../../data/index.js";
import { AttuneError } from "../../errors.js";
import {
  type OptionValue,
  resolveOptions,
  UNPAIRED_LOSSES,
  type UnpairedLossEntry,
  withMetrics,
} from "../../losses/index.js";
import type { Policy } from "../policy.js";
import type { BatchSource, StartInvariant, Trainer } from "../trainer.js";
import { batchInputs, completionLogps, feedsOf, hiddenOf, shapeOf } from "./batch-graph.js";
import { plainLogps, unpairedDetails } from "./judged-details.js";
import { startTolerance } from "./start-loss.js";

export interface UnpairedOptions {
  policy: Policy;
  /** Examples need `values.label`, 1 for good and 0 for bad. */
  train: BatchSource<Batch>;
  evaluation?: BatchSource<Batch> | undefined;
  /** Name in the registry of losses on unpaired data, but `kto`. */
  lossType: string;
  /** The loss's own options, e.g. `{ beta: 0.1 }`. */
  loss?: Readonly<Record<string, OptionValue>>;
}

export function unpaired(o: UnpairedOptions): Trainer<Batch> {
  const entry = entryOf(o.lossType);
  const options = resolveOptions(`loss_type ${o.lossType}`, entry.options, o.loss);
  return {
    name: o.lossType,
    policy: o.policy,
    train: o.train,
    evaluation: o.evaluation,
    shape: shapeOf,
    feeds: (batch) => feedsOf(batch),
    counts: (batch) => ({ rows: batch.ids.length, tokens: batch.trainedTokens, inputTokens: batch.tokens }),
    ids: (batch) => batch.ids,
    ...(Object.keys(entry.state).length > 0 && { state: entry.state }),
    invariants: startsAtReference(o.lossType, options),
    trace(batch, context) {
      const b = batchInputs(batch);
      const hidden = hiddenOf(context.policy, b, context.recompute);
      const logps = completionLogps(context.policy, b, { hidden });
      const refLogps = plainLogps(context.reference(), b);
      const result = entry.loss(
        {
          logps,
          refLogps,
          mask: b.gridMask,
          desirable: b.values["label"]!,
          rowMask: b.groupMask,
          ...context.state,
        },
        // Held-out rows do not move a running mean.
        "update" in options ? { ...options, update: context.training } : options,
      );
      const extra = unpairedDetails(context, { b, hidden });
      return {
        result: withMetrics(result, { metrics: extra.metrics, metricRules: extra.weights }),
        inputs: b.inputs,
        rowMask: b.groupMask,
      };
    },
  };
}

function entryOf(name: string): UnpairedLossEntry {
  const table: Readonly<Record<string, UnpairedLossEntry>> = UNPAIRED_LOSSES;
  const usable = Object.keys(table).filter((each) => !table[each]!.needsKl);
  if (usable.includes(name)) return table[name]!;
  throw new AttuneError("config", { where: "loss_type", expected: usable.join(", "), got: name });
}

const notTheStart = "the reference is not the model that training starts from";

function startsAtReference(
  name: string,
  { desirableWeight: good = 1, undesirableWeight: bad = 1 }: Readonly<Record<string, OptionValue>>,
): StartInvariant<Batch>[] {
  const none = { expected: 0, tolerance: 1e-3, fix: notTheStart };
  const loss = { name: "loss", metric: "loss", tolerance: startTolerance(1), fix: notTheStart };
  const losses: Readonly<Record<string, StartInvariant<Batch>>> = {
    bco: { ...loss, expected: Math.LN2, formula: "ln 2" },
    apo_zero_unpaired: {
      ...loss,
      expected: { of: (batch) => meanWeight(batch, { good: Number(good), bad: Number(bad) }) / 2 },
      formula: "mean weight / 2",
    },
  };
  return [
    {
      name: "policy equals reference",
      metric: "rewards/chosen",
      ...none,
      // A batch may hold bad answers only.
      expected: { of: (_, metrics) => (metrics["rewards/chosen"] === undefined ? undefined : 0) },
    },
    ...(losses[name] ? [losses[name]] : []),
  ];
}

/** Mean over real rows of the weight of their label. */
export function meanWeight(
  { values, sequenceMask }: Batch,
  { good, bad }: { good: number; bad: number },
): number {
  const rows = [...sequenceMask.keys()].filter((row) => sequenceMask[row]! > 0);
  return rows.reduce((sum, row) => sum + (values["label"]![row]! > 0.5 ? good : bad), 0) / rows.length;
}
