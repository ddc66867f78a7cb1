/** Batches of tokenised examples in a seeded order. Knows no method; any batch of any epoch can be asked for. */
import { AttuneError } from "../errors.js";
import {
  type Batch,
  type BatchPlanOptions,
  type Example,
  layoutBatch,
  type LayoutOptions,
  planBatches,
  roundToBucket,
  unitLengths,
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

function fixedLayout(examples: readonly Example[], given: LayoutOptions = {}): LayoutOptions {
  const steps = Math.min(4, given.buckets?.stepsPerOctave ?? 4);
  const layout = { ...given, buckets: { ...given.buckets, stepsPerOctave: steps } };
  if (given.pack === false || given.length !== undefined) return layout;
  let longest = 1;
  for (const e of examples)
    for (const n of unitLengths(e, { sharePrompt: given.sharePrompt ?? true }))
      longest = Math.max(longest, n);
  return { ...layout, length: roundToBucket(longest, layout.buckets) };
}

/** Batches made by `build` from groups of examples; for methods whose batch is more than one layout. */
export function groupedSource<B>(
  examples: readonly Example[],
  build: (group: readonly Example[], layout: LayoutOptions) => B,
  options: ExampleSourceOptions = {},
): BatchSource<B> {
  if (examples.length === 0) {
    throw new AttuneError("data", { where: "training data", expected: "at least one example", got: "none" });
  }
  const { plan = {} } = options;
  const layout = fixedLayout(examples, options.layout);
  // The plan asks how many rows a batch takes; a given number of rows is for the layout, which pads up to it.
  const measured = { pack: layout.pack, length: layout.length, buckets: layout.buckets };
  const lengths = examples.map((e) => unitLengths(e, { sharePrompt: layout.sharePrompt ?? true }));
  const given =
    plan.maxTokens === undefined && plan.perDeviceBatchSize === undefined ? { perDeviceBatchSize: 8 } : {};
  let planned: { epoch: number; batches: number[][] } | undefined;
  const planOf = (epoch: number): number[][] => {
    if (planned?.epoch !== epoch)
      planned = { epoch, batches: planBatches(lengths, { ...plan, ...given, rows: measured, epoch }) };
    return planned.batches;
  };
  return {
    examples: examples.length,
    count: (epoch) => planOf(epoch).length,
    load: ({ epoch, index }) =>
      Promise.resolve(
        build(
          planOf(epoch)[index]!.map((i) => examples[i]!),
          layout,
        ),
      ),
  };
}

/** Batches straight from the layout. */
export function exampleSource(
  examples: readonly Example[],
  options: ExampleSourceOptions = {},
): BatchSource<Batch> {
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
