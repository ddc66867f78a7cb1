/** Values of the reference backend: arrays with a type, and the walk that every movement is made of. Knows no op. */
import { AttuneError } from "../../errors.js";
import {
  type ComputedOp,
  type DType,
  type HostTensor,
  type OpAttrs,
  type Shape,
  showShape,
  sizeOf,
  type TensorType,
} from "../../tensor/index.js";

/** float32 tensors are computed in float64. */
export type Data = Float64Array | Int32Array | Uint8Array;

/** Never changed once a kernel has given it. */
export interface Value extends TensorType {
  readonly data: Data;
}

/** Computes the outputs of a node, one array each, from its inputs. */
export type Kernel<K extends ComputedOp> = (
  inputs: readonly Value[],
  attrs: OpAttrs[K],
  outputs: readonly TensorType[],
) => Data[];

export type KernelTable = { readonly [K in ComputedOp]: Kernel<K> };

export function allocate({ dtype, shape }: { dtype: DType; shape: Shape }): Data {
  const size = sizeOf(shape);
  if (dtype === "float32") return new Float64Array(size);
  return dtype === "int32" ? new Int32Array(size) : new Uint8Array(size);
}

/**
 * Offsets met by walking `shape` in row-major order when a step along axis i moves `strides[i]`.
 * A stride of 0 repeats (broadcasting) or gathers (sums).
 */
export function walk(shape: Shape, strides: readonly number[], base = 0): Int32Array {
  const offsets = new Int32Array(sizeOf(shape));
  const at = shape.map(() => 0);
  let offset = base;
  for (let i = 0; i < offsets.length; i++) {
    offsets[i] = offset;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at[axis]! += 1;
      offset += strides[axis]!;
      if (at[axis]! < shape[axis]!) break;
      offset -= strides[axis]! * shape[axis]!;
      at[axis] = 0;
    }
  }
  return offsets;
}

/** A copy in the array that its dtype has here; refuses other arrays and wrong lengths. */
export function fromHost({ dtype, shape, data }: HostTensor, where: string): Value {
  const fits =
    dtype === "float32"
      ? data instanceof Float32Array || data instanceof Float64Array
      : dtype === "int32"
        ? data instanceof Int32Array
        : data instanceof Uint8Array;
  if (!fits) {
    const wanted = {
      float32: "a Float32Array or Float64Array",
      int32: "an Int32Array",
      bool: "a Uint8Array",
    };
    throw new AttuneError("backend", {
      where,
      expected: `${wanted[dtype]} for ${dtype}`,
      got: data.constructor.name,
    });
  }
  if (data.length !== sizeOf(shape)) {
    throw new AttuneError("backend", {
      where,
      expected: `${sizeOf(shape)} numbers for ${showShape(shape)}`,
      got: String(data.length),
    });
  }
  const copy = allocate({ dtype, shape });
  copy.set(data);
  return { dtype, shape, data: copy };
}

/** A copy that the caller may keep and change. */
export const toHost = ({ dtype, shape, data }: Value): HostTensor => ({ dtype, shape, data: data.slice() });
