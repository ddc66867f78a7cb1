/**
 * A layout that fits every batch of a run, so that the run compiles one graph instead of one a shape: for small models
 * compiling costs more than the padding. Knows lengths only.
 */
import {
  layoutBatch,
  batchPlan,
  roundToBucket,
  rowLengths,
  type Batch,
  type BatchPlanOptions,
  type Examples,
  type LayoutOptions,
} from "../../data/index.js";

/** Sizes that all batches of `epochs` passes fit in. Rows are packed. */
export function oneShape(
  examples: Examples,
  { plan, epochs }: { plan: BatchPlanOptions; epochs: number },
): LayoutOptions {
  const lengths = rowLengths(examples);
  let longest = 0;
  for (let index = 0; index < lengths.length; index++)
    for (const length of [lengths.at(index)!].flat()) longest = Math.max(longest, length);
  const length = roundToBucket(longest);
  const sizes = { rows: 0, groups: 0, targets: 0, width: 0 };
  for (let epoch = 0; epoch < epochs; epoch++) {
    const batches = batchPlan(lengths, { ...plan, epoch });
    for (let number = 0; number < batches.count; number++) {
      const laid: Batch = layoutBatch(
        batches.batch(number).map((i) => examples.at(i)!),
        { length },
      );
      for (const name of ["rows", "groups", "targets", "width"] as const) {
        sizes[name] = Math.max(sizes[name], laid[name]);
      }
    }
  }
  return { length, ...sizes };
}
