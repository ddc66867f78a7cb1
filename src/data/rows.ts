/**
 * Places units (a group, or one sequence) into rows of equal length, so that little padding is left.
 * Knows lengths only, not tokens.
 */
import { AttuneError } from "../errors.js";
import { roundToBucket, type BucketOptions } from "./buckets.js";

export interface RowOptions {
  /** Put several units into one row; default true. */
  pack?: boolean;
  /** Exact row length; default: chosen, at least the longest unit. */
  length?: number;
  /** Exact number of rows; default: as many as are needed, rounded to a bucket. */
  rows?: number;
  buckets?: BucketOptions;
}

export interface RowPlan {
  rows: number;
  length: number;
  /** Row of each unit. */
  row: Int32Array;
  /** Where in its row each unit starts. */
  offset: Int32Array;
}

/** First-fit by decreasing length; equal lengths keep their order. Returns the number of rows used. */
function firstFit(
  lengths: readonly number[],
  {
    order,
    capacity,
    row,
    offset,
  }: { order: readonly number[]; capacity: number; row: Int32Array; offset: Int32Array },
): number {
  const used: number[] = [];
  for (const unit of order) {
    const length = lengths[unit] as number;
    let place = used.findIndex((filled) => filled + length <= capacity);
    if (place < 0) place = used.push(0) - 1;
    row[unit] = place;
    offset[unit] = used[place] as number;
    used[place] = (used[place] as number) + length;
  }
  return used.length;
}

/**
 * Row and offset for every unit. When packing and no length is given, row lengths from the longest unit to
 * twice it are tried and the fewest padded tokens win; longer rows count a little more, for attention.
 * Throws `config` when a given `length` or `rows` is too small.
 */
export function planRows(
  lengths: readonly number[],
  { pack = true, length, rows, buckets }: RowOptions = {},
): RowPlan {
  const longest = lengths.reduce((most, each) => Math.max(most, each), 1);
  if (length !== undefined && length < longest) {
    throw new AttuneError("config", {
      where: "layout: length",
      expected: `at least the longest sequence, ${longest} tokens`,
      got: String(length),
      fix: "raise the row length or truncate the examples first",
    });
  }
  const row = new Int32Array(lengths.length);
  const offset = new Int32Array(lengths.length);
  const first = length ?? roundToBucket(longest, buckets);
  let capacity = first;
  let used = lengths.length;
  if (pack) {
    const order = lengths.map((_, index) => index);
    order.sort((a, b) => (lengths[b] as number) - (lengths[a] as number) || a - b);
    let best = Infinity;
    const candidates = length === undefined ? capacities(first, buckets) : [length];
    for (const candidate of candidates) {
      const needed = firstFit(lengths, { order, capacity: candidate, row, offset });
      const cost = roundToBucket(needed, buckets) * candidate * (1 + 0.1 * (candidate / first - 1));
      if (cost < best) [best, capacity] = [cost, candidate];
    }
    used = firstFit(lengths, { order, capacity, row, offset });
  } else {
    for (let unit = 0; unit < lengths.length; unit += 1) row[unit] = unit;
  }
  if (rows !== undefined && rows < used) {
    throw new AttuneError("config", {
      where: "layout: rows",
      expected: `at least ${used} rows of ${capacity} tokens`,
      got: String(rows),
    });
  }
  return { rows: rows ?? roundToBucket(used, buckets), length: capacity, row, offset };
}

/** Bucket sizes from `first` to twice it, eight at most. */
function capacities(first: number, buckets: BucketOptions | undefined): number[] {
  const sizes: number[] = [first];
  for (let step = 1; step <= 8; step += 1) {
    const size = roundToBucket(Math.ceil(first * (1 + step / 8)), buckets);
    if (size > (sizes.at(-1) as number)) sizes.push(size);
  }
  return sizes;
}
