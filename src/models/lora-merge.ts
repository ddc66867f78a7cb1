/**
 * Merges one adapter into one matrix: W + s B A, or DoRA's m (W + s B A) / ||W + s B A||. Plain arrays; knows no names or files.
 */

export interface MergeOptions {
  /** [r, in] */
  a: Float32Array;
  /** [out, r] */
  b: Float32Array;
  r: number;
  inSize: number;
  outSize: number;
  scaling: number;
  /** The weight is stored [in, out]. */
  transposed: boolean;
  /** DoRA's magnitudes [out]; null for plain LoRA. */
  magnitude: Float32Array | null;
}

/** Changes `weight` in place and returns it. Sums are float64, rounded once. */
export function mergeLora(weight: Float32Array, options: MergeOptions): Float32Array {
  const { a, b, r, inSize, outSize, scaling, transposed, magnitude } = options;
  // Element (o, i) lies at o * outStep + i * inStep.
  const outStep = transposed ? 1 : inSize;
  const inStep = transposed ? outSize : 1;
  const row = new Float64Array(inSize);
  for (let o = 0; o < outSize; o++) {
    for (let i = 0, at = o * outStep; i < inSize; i++, at += inStep) row[i] = weight[at]!;
    for (let k = 0; k < r; k++) {
      const factor = scaling * b[o * r + k]!;
      const start = k * inSize;
      for (let i = 0; i < inSize; i++) row[i] = row[i]! + factor * a[start + i]!;
    }
    const scale = magnitude === null ? 1 : magnitude[o]! / norm(row);
    for (let i = 0, at = o * outStep; i < inSize; i++, at += inStep) weight[at] = row[i]! * scale;
  }
  return weight;
}

function norm(row: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < row.length; i++) sum += row[i]! * row[i]!;
  return Math.sqrt(sum);
}
