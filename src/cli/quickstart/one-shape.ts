/**
 * A layout that fits every batch of a run, so that the run compiles one graph instead of one a shape: for small models
 * compiling costs more than the padding. Knows lengths only.
 */
import {
  layoutBatch,
  planBatches,
  roundToBucket,
  unitLengths,
  type Batch,
  type BatchPlanOptions,
  type Example,
  type LayoutOptions,
} from "../../data/index.js";

/** Sizes that all batches of `epochs` passes fit in. Rows are packed. */
export function oneShape(
  examples: readonly Example[],
  { plan, epochs }: { plan: BatchPlanOptions; epochs: number },
): LayoutOptions {
  const lengths = examples.map((example) => unitLengths(example));
  const length = roundToBucket(Math.max(...lengths.flat()));
  const sizes = { rows: 0, groups: 0, targets: 0, width: 0 };
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (const batch of planBatches(lengths, { ...plan, epoch })) {
      const laid: Batch = layoutBatch(
        batch.map((i) => examples[i]!),
        { length },
      );
      for (const name of ["rows", "groups", "targets", "width"] as const) {
        sizes[name] = Math.max(sizes[name], laid[name]);
      }
    }
  }
  return { length, ...sizes };
}
