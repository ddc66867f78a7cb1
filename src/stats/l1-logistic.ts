/** Logistic regression with an L1 penalty and no intercept, for a handful of features. Knows rows of numbers. */
import { sum, zeros } from "./linear-algebra.js";

export interface WeightedRow {
  features: readonly number[];
  /** In [0, 1]: a share counts as that much of a 1 and the rest of a 0. */
  outcome: number;
  weight: number;
}

export const logistic = (x: number): number => 1 / (1 + Math.exp(-x));

/** -[y log σ(x) + (1 - y) log σ(-x)], without overflow. */
export const logLoss = (outcome: number, x: number): number =>
  Math.log1p(Math.exp(-Math.abs(x))) + Math.max(x, 0) - outcome * x;

/**
 * argmin_b Σ_j |b_j| + C Σ_i w_i loss_i, as liblinear and scikit-learn have it (`strength` is C), by proximal Newton steps: the
 * loss is replaced by its parabola at b, which with the penalty is minimised by coordinate descent; a step that does not
 * lower the objective is halved. The penalty keeps the answer finite where the rows are separated.
 */
export function fitL1Logistic(
  rows: readonly WeightedRow[],
  { strength, start }: { strength: number; start?: readonly number[] },
): number[] {
  const size = rows[0]!.features.length;
  const objective = (b: readonly number[]): number => {
    let loss = 0;
    for (const { features, outcome, weight } of rows) loss += weight * logLoss(outcome, product(features, b));
    return sum(b.map(Math.abs)) + strength * loss;
  };
  let at = start ? [...start] : new Array<number>(size).fill(0);
  let value = objective(at);
  for (let round = 0; round < 100; round++) {
    const target = descend(at, parabola(rows, { at, strength }));
    const step = target.map((goal, j) => goal - at[j]!);
    if (Math.max(...step.map(Math.abs)) < 1e-7) break;
    // What rounding alone can do does not count as a rise.
    const most = value + 1e-12 * Math.abs(value);
    let scale = 1;
    let next = target;
    let there = objective(next);
    while (there > most && scale > 1e-6) {
      scale /= 2;
      next = at.map((from, j) => from + scale * step[j]!);
      there = objective(next);
    }
    if (there > most) break;
    at = next;
    value = there;
  }
  return at;
}

/** `dot` without a function a term: this is where the time goes. */
function product(features: readonly number[], b: readonly number[]): number {
  let total = 0;
  for (let j = 0; j < b.length; j++) total += features[j]! * b[j]!;
  return total;
}

interface Parabola {
  gradient: readonly number[];
  curvature: readonly (readonly number[])[];
}

/** Slope and curvature of the loss at `at`. */
function parabola(
  rows: readonly WeightedRow[],
  { at, strength }: { at: readonly number[]; strength: number },
): Parabola {
  const size = at.length;
  const gradient = new Array<number>(size).fill(0);
  const curvature = zeros(size);
  for (const { features, outcome, weight } of rows) {
    const p = logistic(product(features, at));
    const slope = strength * weight * (p - outcome);
    const bend = strength * weight * p * (1 - p);
    for (let j = 0; j < size; j++) {
      const x = features[j]!;
      gradient[j]! += slope * x;
      const row = curvature[j]!;
      for (let k = 0; k < size; k++) row[k]! += bend * x * features[k]!;
    }
  }
  return { gradient, curvature };
}

/** argmin_b gᵀ(b - at) + ½ (b - at)ᵀ H (b - at) + Σ |b_j|. */
function descend(at: readonly number[], { gradient, curvature }: Parabola): number[] {
  const b = [...at];
  for (let sweep = 0; sweep < 1000; sweep++) {
    let moved = 0;
    for (const [j, row] of curvature.entries()) {
      const own = row[j]!;
      // A feature that is always 0.
      if (own === 0) continue;
      const slope = gradient[j]! + sum(row.map((h, k) => h * (b[k]! - at[k]!)));
      const free = b[j]! - slope / own;
      const next = Math.sign(free) * Math.max(0, Math.abs(free) - 1 / own);
      moved = Math.max(moved, Math.abs(next - b[j]!));
      b[j] = next;
    }
    if (moved < 1e-12) break;
  }
  return b;
}
