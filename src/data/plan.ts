/**
 * Which examples go into which batch: seeded shuffle, length grouping, batches by count or by token budget.
 * Knows lengths only. A plan is a pure function of its arguments, so resuming needs only the batch number.
 */
import { AttuneError } from "../errors.js";
import { createRandom } from "../util/random.js";
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

/**
 * Batches as lists of indexes into `lengths`; every index appears once (but for `dropLast`). A length is the
 * tokens of an example's row, or one number a row (`unitLengths`). Throws `config` for unusable options and
 * `data` for an example that no batch of `maxTokens` can hold.
 */
export function planBatches(
  lengths: readonly (number | readonly number[])[],
  options: BatchPlanOptions = {},
): number[][] {
  const { perDeviceBatchSize, maxTokens, seed = 42, shuffle = true, epoch = 0 } = options;
  const { groupByLength = false, dropLast = false } = options;
  if ((perDeviceBatchSize === undefined) === (maxTokens === undefined)) {
    throw new AttuneError("config", {
      where: "batches",
      expected: "one of perDeviceBatchSize and maxTokens",
      got: perDeviceBatchSize === undefined ? "neither" : "both",
    });
  }
  for (const [name, value] of Object.entries({ perDeviceBatchSize, maxTokens })) {
    if (value !== undefined && (!Number.isInteger(value) || value < 1)) {
      throw new AttuneError("config", {
        where: `batches: ${name}`,
        expected: "a whole number of at least 1",
        got: String(value),
      });
    }
  }
  const units = lengths.map((length) => (typeof length === "number" ? [length] : length));
  const totals = units.map((each) => each.reduce((sum, length) => sum + length, 0));
  const random = createRandom(seed, { stream: `batches/${epoch}` });
  let order: number[] = lengths.map((_, index) => index);
  if (shuffle) random.shuffle(order);
  if (groupByLength) {
    const mean = totals.reduce((sum, total) => sum + total, 0) / Math.max(1, totals.length);
    const size = perDeviceBatchSize ?? Math.max(1, Math.floor((maxTokens as number) / Math.max(1, mean)));
    order = sortWindows(order, { totals, window: size * windowBatches });
  }
  const batches =
    maxTokens === undefined
      ? cutByCount(order, { size: perDeviceBatchSize as number, dropLast })
      : cutByTokens(order, { units, totals, maxTokens, rows: options.rows ?? {} });
  // Sorted windows come longest first: shuffled again, or training would see long, short, long, short.
  if (groupByLength && shuffle) {
    random.shuffle(batches);
    moveLongestFirst(batches, totals);
  }
  return batches;
}

function sortWindows(
  order: readonly number[],
  { totals, window }: { totals: readonly number[]; window: number },
): number[] {
  const sorted: number[] = [];
  for (let start = 0; start < order.length; start += window) {
    const part = order.slice(start, start + window);
    const place = new Map(part.map((index, at) => [index, at]));
    part.sort(
      (a, b) =>
        (totals[b] as number) - (totals[a] as number) || (place.get(a) as number) - (place.get(b) as number),
    );
    for (const index of part) sorted.push(index);
  }
  return sorted;
}

/** The batch with the longest example comes first: if memory runs out, it does so at once. */
function moveLongestFirst(batches: number[][], totals: readonly number[]): void {
  let best = 0;
  let most = -1;
  batches.forEach((batch, at) => {
    for (const index of batch)
      if ((totals[index] as number) > most) [most, best] = [totals[index] as number, at];
  });
  const [longest] = batches.splice(best, 1);
  if (longest !== undefined) batches.unshift(longest);
}

function cutByCount(
  order: readonly number[],
  { size, dropLast }: { size: number; dropLast: boolean },
): number[][] {
  const batches: number[][] = [];
  for (let start = 0; start < order.length; start += size) {
    const batch = order.slice(start, start + size);
    if (batch.length === size || !dropLast) batches.push(batch);
  }
  return batches;
}

function cutByTokens(
  order: readonly number[],
  {
    units,
    totals,
    maxTokens,
    rows,
  }: {
    units: readonly (readonly number[])[];
    totals: readonly number[];
    maxTokens: number;
    rows: Pick<RowOptions, "pack" | "length" | "buckets">;
  },
): number[][] {
  const padded = (batch: readonly number[]): number => {
    const plan = planRows(
      batch.flatMap((index) => units[index] as readonly number[]),
      rows,
    );
    return plan.rows * plan.length;
  };
  const batches: number[][] = [];
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
      const size = padded(order.slice(start, end));
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
    batches.push(order.slice(start, end));
    start = end;
  }
  return batches;
}
