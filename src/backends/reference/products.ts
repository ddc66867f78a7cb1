/** Matrix products, as three loops. */
import { sizeOf, type TensorType } from "../../tensor/index.js";
import { broadcastOffsets } from "./elementwise.js";
import { type KernelTable, type Value } from "./value.js";

interface Flags {
  transA: boolean;
  transB: boolean;
  alpha: number;
}

function product(
  a: Value,
  b: Value,
  { transA, transB, alpha, type }: Flags & { type: TensorType },
): Float64Array {
  const [m, n] = type.shape.slice(-2) as [number, number];
  const k = a.shape.at(transA ? -2 : -1)!;
  const out = new Float64Array(sizeOf(type.shape));
  const [x, y] = [a.data, b.data];
  const [aRow, aColumn] = transA ? [1, m] : [k, 1];
  const [bRow, bColumn] = transB ? [1, k] : [n, 1];
  for (let batch = 0; batch < sizeOf(type.shape.slice(0, -2)); batch++) {
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let total = 0;
        let at = batch * m * k + i * aRow;
        let bt = batch * k * n + j * bColumn;
        for (let l = 0; l < k; l++, at += aColumn, bt += bRow) total += x[at]! * y[bt]!;
        out[(batch * m + i) * n + j] = alpha * total;
      }
    }
  }
  return out;
}

export const PRODUCTS: Pick<KernelTable, "matmul" | "gemm" | "frozenMatmul"> = {
  matmul: ([a, b], flags, [type]) => [product(a!, b!, { ...flags, type: type! })],
  gemm: ([a, b, c], flags, [type]) => {
    const out = product(a!, b!, { ...flags, type: type! });
    broadcastOffsets(c!.shape, type!.shape).forEach((from, i) => (out[i]! += c!.data[from]!));
    return [out];
  },
  frozenMatmul: ([x, w], { transB }, [type]) => [
    product(x!, w!, { transA: false, transB, alpha: 1, type: type! }),
  ],
};
