/** Softmax, norms and rotary embeddings, row by row. */
import { indexAt } from "./indexing.js";
import { allocate, type Data, type KernelTable, type Value } from "./value.js";

/** log of the sum of exponentials, safe for large ones. */
export function logSumExp(values: ArrayLike<number>): number {
  let top = -Infinity;
  for (let i = 0; i < values.length; i++) top = Math.max(top, values[i]!);
  if (top === -Infinity) return top;
  let total = 0;
  for (let i = 0; i < values.length; i++) total += Math.exp(values[i]! - top);
  return top + Math.log(total);
}

function logSoftmaxRows(x: Value): Float64Array {
  const n = x.shape.at(-1)!;
  const out = Float64Array.from(x.data);
  for (let start = 0; start < out.length; start += n) {
    const row = out.subarray(start, start + n);
    const norm = logSumExp(row);
    row.forEach((value, j) => (row[j] = value - norm));
  }
  return out;
}

/** Writes weight * (x - mean) / deviation (+ bias) for one row; gives mean and inverse deviation. */
function normRow(
  row: Data,
  out: Data,
  { centre, eps, weight, bias }: { centre: boolean; eps: number; weight: Data; bias?: Data },
): { mean: number; inverse: number } {
  let total = 0;
  for (const value of row) total += value;
  const mean = centre ? total / row.length : 0;
  let squares = 0;
  for (const value of row) squares += (value - mean) ** 2;
  const inverse = 1 / Math.sqrt(squares / row.length + eps);
  for (let j = 0; j < row.length; j++) {
    out[j] = (row[j]! - mean) * inverse * weight[j]! + (bias?.[j] ?? 0);
  }
  return { mean, inverse };
}

export const NEURAL: Pick<KernelTable, "softmax" | "logSoftmax" | "rmsNorm" | "layerNorm" | "rotary"> = {
  softmax: ([x]) => [logSoftmaxRows(x!).map(Math.exp)],
  logSoftmax: ([x]) => [logSoftmaxRows(x!)],
  rmsNorm: ([x, weight], { eps }, types) => {
    const [y, inverses] = types.map(allocate);
    const [n, d] = x!.shape as [number, number];
    for (let i = 0; i < n; i++) {
      const range = [i * d, (i + 1) * d] as const;
      const row = { centre: false, eps, weight: weight!.data };
      inverses![i] = normRow(x!.data.subarray(...range), y!.subarray(...range), row).inverse;
    }
    return [y!, inverses!];
  },
  layerNorm: ([x, weight, bias], { eps }, types) => {
    const [y, means, inverses] = types.map(allocate);
    const [n, d] = x!.shape as [number, number];
    for (let i = 0; i < n; i++) {
      const range = [i * d, (i + 1) * d] as const;
      const row = { centre: true, eps, weight: weight!.data, bias: bias!.data };
      const { mean, inverse } = normRow(x!.data.subarray(...range), y!.subarray(...range), row);
      means![i] = mean;
      inverses![i] = inverse;
    }
    return [y!, means!, inverses!];
  },
  rotary: ([x, positions, cos, sin], { headDim, rotaryDim, inverse }) => {
    const out = Float64Array.from(x!.data);
    const half = rotaryDim / 2;
    const width = x!.shape[2]!;
    for (let token = 0; token < positions!.data.length; token++) {
      const position = indexAt(positions!, token, { op: "rotary", size: cos!.shape[0]! });
      for (let head = token * width; head < (token + 1) * width; head += headDim) {
        for (let j = 0; j < half; j++) {
          const c = cos!.data[position * half + j]!;
          const s = (inverse ? -1 : 1) * sin!.data[position * half + j]!;
          const [a, b] = [x!.data[head + j]!, x!.data[head + half + j]!];
          out[head + j] = a * c - b * s;
          out[head + half + j] = b * c + a * s;
        }
      }
    }
    return [out];
  },
};
