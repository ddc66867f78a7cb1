/**
 * Draws one token from a row of probabilities: top-k, then top-p of what is left, then min-p, then the inverse of the
 * distribution function at a given uniform number. Sums are float64. Knows nothing of logits, seeds or rows.
 *
 * As transformers' processors in their order (Holtzman et al. 2020 for top-p, arXiv 2407.01082 for min-p), but for one
 * thing: 1. of equal probabilities at the edge of top-k the lower token ids stay, where transformers keeps all.
 *
 * No row is sorted whole. Probabilities fall into buckets by the upper half of their float32 bits, which order as the
 * numbers do; only the bucket in which a limit falls is sorted.
 */

export interface Truncation {
  /** Keep the k likeliest; 0: all. */
  readonly topK: number;
  /** Keep the likeliest until their share reaches this; 1: all. */
  readonly topP: number;
  /** Keep what is at least this share of the likeliest; 0: all. */
  readonly minP: number;
}

export interface Drawn {
  readonly token: number;
  /** Its entry in the row. */
  readonly probability: number;
  /** Sum of the entries that it was drawn from. */
  readonly mass: number;
  /** Largest entry of the row. */
  readonly largest: number;
}

export type Row = Float32Array | Float64Array;

/** Tokens are kept when above `value`, or at it with an id of at most `id`. */
interface Edge {
  readonly value: number;
  readonly id: number;
}

const everything: Edge = { value: 0, id: -1 };

/** @param uniform in [0, 1) */
export function drawToken(row: Row, uniform: number, truncation: Truncation): Drawn {
  const largest = largestOf(row);
  const { value, id } = edgeOf(row, { ...truncation, largest });
  let mass = 0;
  for (let i = 0; i < row.length; i++) {
    const p = row[i]!;
    if (p > value || (p === value && i <= id)) mass += p;
  }
  const wanted = uniform * mass;
  let sum = 0;
  let token = 0;
  for (let i = 0; i < row.length; i++) {
    const p = row[i]!;
    if (!(p > value || (p === value && i <= id)) || p === 0) continue;
    sum += p;
    token = i;
    if (sum > wanted) break;
  }
  return { token, probability: row[token]!, mass, largest };
}

/** The first of the likeliest. */
export function likeliest(row: Row): number {
  let best = 0;
  for (let i = 1; i < row.length; i++) if (row[i]! > row[best]!) best = i;
  return best;
}

function largestOf(row: Row): number {
  let largest = 0;
  for (let i = 0; i < row.length; i++) if (row[i]! > largest) largest = row[i]!;
  return largest;
}

function edgeOf(row: Row, o: Truncation & { largest: number }): Edge {
  const byK = o.topK > 0 && o.topK < row.length;
  const byP = o.topP < 1;
  let edge = everything;
  if (byK || byP) {
    const buckets = fillBuckets(row);
    let { mass } = buckets;
    if (byK) ({ edge, mass } = cut(row, buckets, (count) => count >= o.topK));
    if (byP) edge = higher(edge, cut(row, buckets, (_, sum) => sum >= o.topP * mass).edge);
    clearBuckets(buckets);
  }
  // An id beyond the row keeps every token at the limit.
  return o.minP > 0 ? higher(edge, { value: o.minP * o.largest, id: row.length }) : edge;
}

const higher = (a: Edge, b: Edge): Edge =>
  a.value > b.value || (a.value === b.value && a.id <= b.id) ? a : b;

/** Probabilities lie below 2, so the upper halves of their bits lie below this. */
const bucketCount = 0x4000;
const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

function bucketOf(p: number): number {
  float[0] = p;
  return bits[0]! >>> 16;
}

// Kept between draws, all zero: making and walking all of them would cost more than a small vocabulary does.
const counts = new Int32Array(bucketCount);
const sums = new Float64Array(bucketCount);

interface Buckets {
  readonly lowest: number;
  readonly highest: number;
  readonly mass: number;
}

function fillBuckets(row: Row): Buckets {
  let lowest = bucketCount - 1;
  let highest = 0;
  let mass = 0;
  for (let i = 0; i < row.length; i++) {
    const p = row[i]!;
    const bucket = bucketOf(p);
    counts[bucket]!++;
    sums[bucket]! += p;
    mass += p;
    if (bucket < lowest) lowest = bucket;
    if (bucket > highest) highest = bucket;
  }
  return { lowest, highest, mass };
}

function clearBuckets({ lowest, highest }: Buckets): void {
  counts.fill(0, lowest, highest + 1);
  sums.fill(0, lowest, highest + 1);
}

/** Walks from the likeliest down until `enough(count, sum)`; the token that makes it so is kept. */
function cut(
  row: Row,
  { lowest, highest }: Buckets,
  enough: (count: number, sum: number) => boolean,
): { edge: Edge; mass: number } {
  let count = 0;
  let mass = 0;
  for (let bucket = highest; bucket >= lowest; bucket--) {
    if (counts[bucket] === 0) continue;
    if (!enough(count + counts[bucket]!, mass + sums[bucket]!)) {
      count += counts[bucket]!;
      mass += sums[bucket]!;
      continue;
    }
    for (const id of sortedBucket(row, bucket)) {
      count++;
      mass += row[id]!;
      if (enough(count, mass)) return { edge: { value: row[id]!, id }, mass };
    }
  }
  return { edge: everything, mass };
}

function sortedBucket(row: Row, bucket: number): number[] {
  const ids: number[] = [];
  for (let i = 0; i < row.length; i++) if (bucketOf(row[i]!) === bucket) ids.push(i);
  return ids.sort((a, b) => row[b]! - row[a]! || a - b);
}
