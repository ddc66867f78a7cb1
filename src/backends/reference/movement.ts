/** Kernels that move elements and compute nothing. */
import { type Shape, stridesOf } from "../../tensor/index.js";
import { broadcastOffsets } from "./elementwise.js";
import { allocate, type Data, type KernelTable, type Value, walk } from "./value.js";

function pick(x: Value, offsets: Int32Array): Data {
  const out = allocate({ dtype: x.dtype, shape: [offsets.length] });
  for (let i = 0; i < out.length; i++) out[i] = x.data[offsets[i]!]!;
  return out;
}

/** Writes `x` into `out` of shape `shape`, beginning at `start` of `axis`. */
function place(x: Value, out: Data, to: { shape: Shape; axis: number; start: number }): void {
  const strides = stridesOf(to.shape);
  const offsets = walk(x.shape, strides, to.start * strides[to.axis]!);
  for (let i = 0; i < offsets.length; i++) out[offsets[i]!] = x.data[i]!;
}

export const MOVEMENT: Pick<
  KernelTable,
  "reshape" | "transpose" | "expand" | "slice" | "pad" | "concat" | "split"
> = {
  reshape: ([x]) => [x!.data],
  transpose: ([x], { perm }, [type]) => {
    const strides = stridesOf(x!.shape);
    return [
      pick(
        x!,
        walk(
          type!.shape,
          perm.map((axis) => strides[axis]!),
        ),
      ),
    ];
  },
  expand: ([x], { shape }) => [pick(x!, broadcastOffsets(x!.shape, shape))],
  slice: ([x], { axis, start }, [type]) => {
    const strides = stridesOf(x!.shape);
    return [pick(x!, walk(type!.shape, strides, start * strides[axis]!))];
  },
  pad: ([x], { axis, before }, [type]) => {
    const out = allocate(type!);
    place(x!, out, { shape: type!.shape, axis, start: before });
    return [out];
  },
  concat: (inputs, { axis }, [type]) => {
    const out = allocate(type!);
    let start = 0;
    for (const x of inputs) {
      place(x, out, { shape: type!.shape, axis, start });
      start += x.shape[axis]!;
    }
    return [out];
  },
  split: ([x], { axis, sizes }, types) => {
    const strides = stridesOf(x!.shape);
    let start = 0;
    return types.map(({ shape }, i) => {
      const part = pick(x!, walk(shape, strides, start * strides[axis]!));
      start += sizes[i]!;
      return part;
    });
  },
};
