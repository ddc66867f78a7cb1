/**
 * Which examples go into which batch: seeded shuffle, length grouping, batches by count or by token budget.
 * Knows lengths only. A plan is a pure function of its arguments, so resuming needs only the batch number.
 */
import { AttuneError } from "../errors.js";
import { createRandom } from "../util/random.js";
import type { RowLengths } from "./examples.js";
import { growingUint32 } from "./growing.js";
import { planRows, type RowOptions } from "./rows.js";

export interface BatchPlanOptions {
  /** Examples a batch; exactly one of this and `maxTokens`. TRL: `per_device_train_batch_size`, 8. */
  perDeviceBatchSize?: number;
  /** Most `rows * length` of a batch, padding counted. */
  maxTokens?: number;
  /** How rows will be laid out, so that the budget holds; give `layoutBatch` the same. */
  rows?: Pick<RowOptions, "pack" | "length" | "buckets">;
  /** Put examples of similar length together (shuffled windows of 50 batches, as transformers does); default false. */
  groupByLength?: boolean;
  /** Default 42, as transformers. */
  seed?: number;
  /** Default true; false keeps the order of the data. */
  shuffle?: boolean;
  /** Each epoch has its own order; default 0. */
  epoch?: number;
  /** Leave out a last batch with fewer than `perDeviceBatchSize` examples; default false. */
  dropLast?: boolean;
}

/** How many batches one window of length grouping spans (transformers' LengthGroupedSampler). */
const windowBatches = 50;

/** Which examples are in which batch; a few bytes an example, however many there are. */
export interface BatchPlan {
  /** Number of batches. */
  readonly count: number;
  /** Numbers of a batch's examples, in its order. */
  batch(index: number): number[];
}

/**
 * Batches as lists of indexes into `lengths`; every index appears once (but for `dropLast`). A length is the
 * tokens of an example's row, or one number a row (`unitLengths`). Throws `config` for unusable options and
 * `data` for an example that no batch of `maxTokens` can hold.
 */
export function planBatches(
  lengths: readonly (number | readonly number[])[],
  options: BatchPlanOptions = {},
): number[][] {
  const plan = batchPlan(lengths, options);
  return Array.from({ length: plan.count }, (_, index) => plan.batch(index));
}

/** `planBatches` for data of any size: `rowLengths` in, a plan out that makes a batch's list when it is asked for. */
export function batchPlan(lengths: RowLengths, options: BatchPlanOptions = {}): BatchPlan {
  const { perDeviceBatchSize, maxTokens, seed = 42, shuffle = true, epoch = 0 } = options;
  const { groupByLength = false, dropLast = false } = options;
  requireSizes({ perDeviceBatchSize, maxTokens });
  const totals = totalsOf(lengths);
  const random = createRandom(seed, { stream: `batches/${epoch}` });
  const order = Uint32Array.from({ length: lengths.length }, (_, index) => index);
  if (shuffle) random.shuffle(order);
  if (groupByLength) {
    const mean = totals.reduce((sum, total) => sum + total, 0) / Math.max(1, totals.length);
    const size = perDeviceBatchSize ?? Math.max(1, Math.floor((maxTokens as number) / Math.max(1, mean)));
    sortWindows(order, { totals, window: size * windowBatches });
  }
  const starts =
    maxTokens === undefined
      ? cutByCount(order.length, { size: perDeviceBatchSize as number, dropLast })
      : cutByTokens(order, { lengths, totals, maxTokens, rows: options.rows ?? {} });
  let which = Uint32Array.from({ length: starts.length - 1 }, (_, index) => index);
  // Sorted windows come longest first: shuffled again, or training would see long, short, long, short.
  if (groupByLength && shuffle) {
    random.shuffle(which);
    which = longestFirst(which, { order, starts, totals });
  }
  return {
    count: which.length,
    batch(index) {
      const cut = which[index];
      if (cut === undefined) throw new RangeError(`batch ${index} of ${which.length}`);
      return Array.from(order.subarray(starts[cut], starts[cut + 1]));
    },
  };
}

function requireSizes(sizes: {
  perDeviceBatchSize?: number | undefined;
  maxTokens?: number | undefined;
}): void {
  if ((sizes.perDeviceBatchSize === undefined) === (sizes.maxTokens === undefined)) {
    throw new AttuneError("config", {
      where: "batches",
      expected: "one of perDeviceBatchSize and maxTokens",
      got: sizes.perDeviceBatchSize === undefined ? "neither" : "both",
    });
  }
  for (const [name, value] of Object.entries(sizes)) {
    if (value !== undefined && (!Number.isInteger(value) || value < 1)) {
      throw new AttuneError("config", {
        where: `batches: ${name}`,
        expected: "a whole number of at least 1",
        got: String(value),
      });
    }
  }
}

function totalsOf(lengths: RowLengths): Uint32Array {
  if (lengths instanceof Uint32Array) return lengths;
  return Uint32Array.from({ length: lengths.length }, (_, index) =>
    unitsOf(lengths, index).reduce((sum, length) => sum + length, 0),
  );
}

function unitsOf(lengths: RowLengths, index: number): readonly number[] {
  const units = lengths.at(index) ?? 0;
  return typeof units === "number" ? [units] : units;
}

/** Each window longest first; what is equally long keeps its order. */
function sortWindows(order: Uint32Array, { totals, window }: { totals: Uint32Array; window: number }): void {
  for (let start = 0; start < order.length; start += window) {
    const part = Array.from(order.subarray(start, start + window));
    part.sort((a, b) => (totals[b] as number) - (totals[a] as number));
    order.set(part, start);
  }
}

/** The batch with the longest example comes first: if memory runs out, it does so at once. */
function longestFirst(
  which: Uint32Array<ArrayBuffer>,
  { order, starts, totals }: { order: Uint32Array; starts: Uint32Array; totals: Uint32Array },
): Uint32Array<ArrayBuffer> {
  let best = 0;
  let most = -1;
  which.forEach((cut, at) => {
    for (const index of order.subarray(starts[cut], starts[cut + 1]))
      if ((totals[index] as number) > most) [most, best] = [totals[index] as number, at];
  });
  const moved = Uint32Array.from(which);
  moved.copyWithin(1, 0, best);
  if (moved.length > 0) moved[0] = which[best] as number;
  return moved;
}

/** Where each batch starts, and where the last one ends. */
function cutByCount(count: number, { size, dropLast }: { size: number; dropLast: boolean }): Uint32Array {
  const batches = dropLast ? Math.floor(count / size) : Math.ceil(count / size);
  return Uint32Array.from({ length: batches + 1 }, (_, index) => Math.min(index * size, count));
}

/** As `cutByCount`. */
function cutByTokens(
  order: Uint32Array,
  {
    lengths,
    totals,
    maxTokens,
    rows,
  }: {
    lengths: RowLengths;
    totals: Uint32Array;
    maxTokens: number;
    rows: Pick<RowOptions, "pack" | "length" | "buckets">;
  },
): Uint32Array {
  const padded = (batch: Uint32Array): number => {
    const plan = planRows(
      Array.from(batch).flatMap((index) => unitsOf(lengths, index)),
      rows,
    );
    return plan.rows * plan.length;
  };
  const starts = growingUint32();
  starts.push(0);
  let start = 0;
  while (start < order.length) {
    // Real tokens alone bound the batch from above; padding then takes off its share, in a few steps.
    let end = start;
    let sum = 0;
    let most = maxTokens;
    while (end < order.length && sum + (totals[order[end] as number] as number) <= most) {
      sum += totals[order[end] as number] as number;
      end += 1;
    }
    while (end > start) {
      const size = padded(order.subarray(start, end));
      if (size <= maxTokens) break;
      most = Math.floor((sum * maxTokens) / size);
      do {
        end -= 1;
        sum -= totals[order[end] as number] as number;
      } while (end > start + 1 && sum > most);
    }
    if (end === start) {
      throw new AttuneError("data", {
        where: `example ${order[start]}`,
        expected: `at most ${maxTokens} tokens in a batch`,
        got: `${totals[order[start] as number]} tokens (row length rounded up)`,
        fix: "raise maxTokens, or truncate or drop long examples",
      });
    }
    starts.push(end);
    start = end;
  }
  return starts.view();
}
