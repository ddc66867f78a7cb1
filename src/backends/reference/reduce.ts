/** Kernels that gather along axes: sums, maxima, running sums, order. */
import { normaliseAxes, type Shape, sizeOf, stridesOf } from "../../tensor/index.js";
import { allocate, type KernelTable, type Value, walk } from "./value.js";

/** For every element of `shape`, the offset of the result it is reduced into. */
function targets(shape: Shape, axes: readonly number[]): Int32Array {
  const drop = new Set(normaliseAxes(axes, shape.length));
  const kept = stridesOf(shape.map((n, i) => (drop.has(i) ? 1 : n)));
  return walk(
    shape,
    kept.map((stride, i) => (drop.has(i) ? 0 : stride)),
  );
}

/** Length and count of the rows along the last axis. */
function rows({ shape }: Value): { count: number; n: number } {
  return { count: sizeOf(shape.slice(0, -1)), n: shape.at(-1)! };
}

export const REDUCE: Pick<KernelTable, "sum" | "max" | "argmax" | "cumsum" | "sort"> = {
  sum: ([x], { axes }, [type]) => {
    const out = allocate(type!);
    targets(x!.shape, axes).forEach((to, i) => (out[to]! += x!.data[i]!));
    return [out];
  },
  max: ([x], { axes }, [type]) => {
    const out = allocate(type!).fill(type!.dtype === "float32" ? -Infinity : -(2 ** 31));
    targets(x!.shape, axes).forEach((to, i) => (out[to] = Math.max(out[to]!, x!.data[i]!)));
    return [out];
  },
  argmax: ([x], _, [type]) => {
    const out = allocate(type!);
    const { count, n } = rows(x!);
    for (let row = 0; row < count; row++) {
      let best = 0;
      for (let j = 1; j < n; j++) if (x!.data[row * n + j]! > x!.data[row * n + best]!) best = j;
      out[row] = best;
    }
    return [out];
  },
  cumsum: ([x], { axis, reverse, exclusive }, [type]) => {
    const out = allocate(type!);
    const n = x!.shape[axis]!;
    const stride = stridesOf(x!.shape)[axis]!;
    const starts = walk(
      x!.shape.map((d, i) => (i === axis ? 1 : d)),
      stridesOf(x!.shape),
    );
    for (const start of starts) {
      let total = 0;
      for (let step = 0; step < n; step++) {
        const at = start + (reverse ? n - 1 - step : step) * stride;
        if (exclusive) out[at] = total;
        total += x!.data[at]!;
        if (!exclusive) out[at] = total;
      }
    }
    return [out];
  },
  sort: ([x], { descending }, [values, indices]) => {
    const sorted = allocate(values!);
    const from = allocate(indices!);
    const { count, n } = rows(x!);
    for (let row = 0; row < count; row++) {
      const own = x!.data.subarray(row * n, (row + 1) * n);
      // Array sorting is stable: of equals, the lower index comes first in both directions.
      const order = Array.from(own, (_, j) => j).sort((i, j) =>
        descending ? own[j]! - own[i]! : own[i]! - own[j]!,
      );
      order.forEach((j, k) => {
        sorted[row * n + k] = own[j]!;
        from[row * n + k] = j;
      });
    }
    return [sorted, from];
  },
};
