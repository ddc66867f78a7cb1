/** Kernels that read or write where an index says. An index out of range is an error, never a wrap. */
import { AttuneError } from "../../errors.js";
import { allocate, type KernelTable, type Value } from "./value.js";

/** The k-th index, checked. */
export function indexAt(indices: Value, k: number, { op, size }: { op: string; size: number }): number {
  const index = indices.data[k]!;
  if (index < 0 || index >= size) {
    throw new AttuneError("backend", {
      where: `reference.${op}`,
      expected: `indices from 0 to ${size - 1}`,
      got: String(index),
    });
  }
  return index;
}

export const INDEXING: Pick<
  KernelTable,
  "gather" | "scatterAdd" | "take" | "put" | "takeAlong" | "putAlong"
> = {
  gather: ([x, indices], _, [type]) => {
    const out = allocate(type!);
    const size = x!.shape[0]!;
    const width = x!.shape.slice(1).reduce((a, b) => a * b, 1);
    for (let k = 0; k < indices!.data.length; k++) {
      const row = indexAt(indices!, k, { op: "gather", size });
      out.set(x!.data.subarray(row * width, (row + 1) * width), k * width);
    }
    return [out];
  },
  scatterAdd: ([indices, updates], { rows }, [type]) => {
    const out = allocate(type!);
    const width = updates!.shape.slice(1).reduce((a, b) => a * b, 1);
    for (let k = 0; k < indices!.data.length; k++) {
      const row = indexAt(indices!, k, { op: "scatterAdd", size: rows });
      for (let j = 0; j < width; j++) out[row * width + j]! += updates!.data[k * width + j]!;
    }
    return [out];
  },
  take: ([x, indices], _, [type]) => {
    const out = allocate(type!);
    const size = x!.shape.at(-1)!;
    for (let k = 0; k < out.length; k++) {
      out[k] = x!.data[k * size + indexAt(indices!, k, { op: "take", size })]!;
    }
    return [out];
  },
  put: ([indices, values], { size }, [type]) => {
    const out = allocate(type!);
    for (let k = 0; k < values!.data.length; k++) {
      out[k * size + indexAt(indices!, k, { op: "put", size })] = values!.data[k]!;
    }
    return [out];
  },
  takeAlong: ([x, indices], _, [type]) => {
    const out = allocate(type!);
    const size = x!.shape.at(-1)!;
    const count = indices!.shape.at(-1)!;
    for (let k = 0; k < out.length; k++) {
      const row = Math.floor(k / count);
      out[k] = x!.data[row * size + indexAt(indices!, k, { op: "takeAlong", size })]!;
    }
    return [out];
  },
  putAlong: ([indices, values], { size }, [type]) => {
    const out = allocate(type!);
    const count = indices!.shape.at(-1)!;
    for (let k = 0; k < values!.data.length; k++) {
      const row = Math.floor(k / count);
      out[row * size + indexAt(indices!, k, { op: "putAlong", size })]! += values!.data[k]!;
    }
    return [out];
  },
};
