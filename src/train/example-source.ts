/** Batches of tokenised examples, in memory or on disk, in a seeded order. Knows no method; any batch of any epoch can be asked for. */
import { AttuneError } from "../errors.js";
import {
  type Batch,
  type BatchPlan,
  batchPlan,
  type BatchPlanOptions,
  type Example,
  type Examples,
  layoutBatch,
  type LayoutOptions,
  roundToBucket,
  type RowLengths,
  rowLengths,
} from "../data/index.js";
import { usePlan } from "./methods/batch-graph.js";
import { type PlanBook, planBook, planSample } from "./plan-book.js";
import type { BatchSource } from "./trainer.js";

export interface ExampleSourceOptions {
  /** How batches are formed. Default: 8 examples each (TRL `per_device_train_batch_size`), shuffled with seed 42. */
  plan?: BatchPlanOptions;
  /**
   * How rows are laid out. Default: prompts shared; all rows as long as the longest example, rounded to a bucket, with
   * shorter examples packed into them, because every row length of its own is a graph of its own.
   */
  layout?: LayoutOptions;
}

function fixedLayout(lengths: RowLengths, given: LayoutOptions = {}): LayoutOptions {
  const steps = Math.min(4, given.buckets?.stepsPerOctave ?? 4);
  const layout = { ...given, buckets: { ...given.buckets, stepsPerOctave: steps } };
  if (given.pack === false || given.length !== undefined) return layout;
  let longest = 1;
  for (let index = 0; index < lengths.length; index++)
    for (const length of [lengths.at(index)!].flat()) longest = Math.max(longest, length);
  return { ...layout, length: roundToBucket(longest, layout.buckets) };
}

/**
 * Batches made by `build` from groups of examples, whose numbers it is told; for methods whose batch is more than one layout.
 */
export function groupedSource<B>(
  examples: Examples,
  build: (group: readonly Example[], layout: LayoutOptions, numbers: readonly number[]) => B,
  options: ExampleSourceOptions = {},
): BatchSource<B> {
  if (examples.length === 0) {
    throw new AttuneError("data", { where: "training data", expected: "at least one example", got: "none" });
  }
  const { plan = {} } = options;
  const lengths = rowLengths(examples, { sharePrompt: options.layout?.sharePrompt ?? true });
  const layout = fixedLayout(lengths, options.layout);
  // The plan asks how many rows a batch takes; a given number of rows is for the layout, which pads up to it.
  const measured = { pack: layout.pack, length: layout.length, buckets: layout.buckets };
  const given =
    plan.maxTokens === undefined && plan.perDeviceBatchSize === undefined ? { perDeviceBatchSize: 8 } : {};
  let planned: { epoch: number; plan: BatchPlan } | undefined;
  const planOf = (epoch: number): BatchPlan => {
    if (planned?.epoch !== epoch)
      planned = { epoch, plan: batchPlan(lengths, { ...plan, ...given, rows: measured, epoch }) };
    return planned.plan;
  };
  return {
    examples: examples.length,
    count: (epoch) => planOf(epoch).count,
    load: async ({ epoch, index }) => {
      const numbers = planOf(epoch).batch(index);
      return build(
        numbers.map((i) => examples.at(i)!),
        layout,
        numbers,
      );
    },
  };
}

/** Batches straight from the layout. */
export function exampleSource(examples: Examples, options: ExampleSourceOptions = {}): BatchSource<Batch> {
  const source = groupedSource(examples, layoutBatch, options);
  let book: Promise<PlanBook> | undefined;
  const openBook = async (): Promise<PlanBook> => {
    const first: Batch[] = [];
    for (let index = 0; index < Math.min(planSample, source.count(0)); index++)
      first.push(await source.load({ epoch: 0, index }));
    return planBook(first);
  };
  return {
    ...source,
    load: async (at) => {
      const batch = await source.load(at);
      book ??= openBook();
      usePlan(batch, (await book)(batch));
      return batch;
    },
  };
}

/** A fixed list of batches, in order, every epoch the same; for tests and for callers with batches of their own. */
export const fixedSource = <B>(batches: readonly B[]): BatchSource<B> => ({
  examples: batches.length,
  count: () => batches.length,
  load: ({ index }) => Promise.resolve(batches[index]!),
});
