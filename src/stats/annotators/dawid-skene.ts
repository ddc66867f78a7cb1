/** True labels and every annotator's habits of error, both from labels alone: Dawid and Skene. Knows judgements, no truth. */
import { checkJudgements, type Judgements } from "./judgements.js";

export interface DawidSkene {
  /** T: chance of each true category. [items, categories] */
  posteriors: number[][];
  /** p: share of each true category. */
  shares: number[];
  /** π: [annotators, true category, label given], rows sum to 1; the row of a category that an annotator hardly met means little. */
  confusions: number[][][];
  /** Chance that an annotator gives the true category, over the estimated shares. [annotators] */
  accuracies: number[];
  logLikelihood: number;
  iterations: number;
}

export interface DawidSkeneOptions {
  /** Default: as many as are used. */
  categories?: number;
  /** Pseudo-count in every cell of every confusion matrix; default 0, the paper's. Some 0.01-1 helps with few labels a person. */
  smoothing?: number;
  /** Stop when the log-likelihood gains less than this share of itself; default 1e-12. */
  tolerance?: number;
  /** Default 500. */
  iterations?: number;
}

/** No probability is below this, so that one surprise is not impossible (as crowd-kit). */
const LEAST = 1e-10;

/**
 * EM of Dawid and Skene (1979): T_ij ∝ p_j Π_k Π_l (π^k_jl)^{n^k_il}; p_j = mean T_ij; π^k_jl = Σ_i T_ij n^k_il / Σ_l (...); from the
 * shares of votes. An annotator may judge an item several times. Errors are taken as independent given the truth: people who make
 * the same mistake for the same reason look right together. EM finds a local maximum.
 */
export function dawidSkene(
  judgements: Judgements,
  { categories: given, smoothing = 0, tolerance = 1e-12, iterations: most = 500 }: DawidSkeneOptions = {},
): DawidSkene {
  const {
    items,
    annotators,
    categories: q,
  } = checkJudgements("dawidSkene", judgements, { categories: given });
  const { items: item, annotators: by, labels } = judgements;
  const count = item.length;
  const truth = new Float64Array(items * q);
  for (let n = 0; n < count; n++) truth[item[n]! * q + labels[n]!]! += 1;
  normalizeRows(truth, q);
  const shares = new Float64Array(q);
  const confusion = new Float64Array(annotators * q * q);
  const logs = new Float64Array(confusion.length);
  let likelihood = -Infinity;
  let rounds = 0;
  while (rounds < most) {
    rounds++;
    shares.fill(0);
    for (let i = 0; i < items; i++) for (let j = 0; j < q; j++) shares[j]! += truth[i * q + j]! / items;
    confusion.fill(smoothing);
    for (let n = 0; n < count; n++) {
      const place = by[n]! * q * q + labels[n]!;
      for (let j = 0; j < q; j++) confusion[place + j * q]! += truth[item[n]! * q + j]!;
    }
    normalizeRows(confusion, q);
    for (let k = 0; k < confusion.length; k++) logs[k] = Math.log(Math.max(confusion[k]!, LEAST));
    for (let i = 0; i < items; i++)
      for (let j = 0; j < q; j++) truth[i * q + j] = Math.log(Math.max(shares[j]!, LEAST));
    for (let n = 0; n < count; n++) {
      const place = by[n]! * q * q + labels[n]!;
      for (let j = 0; j < q; j++) truth[item[n]! * q + j]! += logs[place + j * q]!;
    }
    const now = normalizeLogRows(truth, q);
    const gained = now - likelihood;
    likelihood = now;
    if (gained <= tolerance * Math.abs(now)) break;
  }
  const row = (list: Float64Array, start: number) => Array.from(list.subarray(start, start + q));
  const confusions = Array.from({ length: annotators }, (_, k) =>
    Array.from({ length: q }, (__, j) => row(confusion, (k * q + j) * q)),
  );
  return {
    posteriors: Array.from({ length: items }, (_, i) => row(truth, i * q)),
    shares: Array.from(shares),
    confusions,
    accuracies: confusions.map((matrix) => matrix.reduce((sum, line, j) => sum + shares[j]! * line[j]!, 0)),
    logLikelihood: likelihood,
    iterations: rounds,
  };
}

/** Rows of `width` divided by their sum; a row of zeros becomes uniform. */
export function normalizeRows(values: Float64Array, width: number): void {
  for (let start = 0; start < values.length; start += width) {
    let total = 0;
    for (let k = 0; k < width; k++) total += values[start + k]!;
    for (let k = 0; k < width; k++) values[start + k] = total > 0 ? values[start + k]! / total : 1 / width;
  }
}

/** Rows of logarithms to shares; the sum of the rows' log totals. */
export function normalizeLogRows(values: Float64Array, width: number): number {
  let sum = 0;
  for (let start = 0; start < values.length; start += width) {
    let top = -Infinity;
    for (let k = 0; k < width; k++) top = Math.max(top, values[start + k]!);
    let total = 0;
    for (let k = 0; k < width; k++) total += values[start + k] = Math.exp(values[start + k]! - top);
    for (let k = 0; k < width; k++) values[start + k]! /= total;
    sum += top + Math.log(total);
  }
  return sum;
}
