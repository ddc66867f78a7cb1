/**
 * Reads the numbers of one tensor into JavaScript: for small and trainable tensors only; frozen weights are mapped by the
 * engine from (file, offset, bytes) and never come here. Knows nothing of models.
 */
import { closeSync, openSync, readSync } from "node:fs";

import { AttuneError } from "../errors.js";
import { describeEntry, type TensorEntry } from "./safetensors.js";
import { widenBf16, widenF16 } from "./safetensors-dtype.js";

const chunkBytes = 8 << 20;

/**
 * The tensor as float32, row-major. F32 is copied, BF16 and F16 widened exactly, F64 rounded.
 * @throws AttuneError `model` for other types, `io` when the file is gone or shorter than its header said.
 */
export function readTensor(entry: TensorEntry): Float32Array {
  const values = new Float32Array(elementCount(entry));
  fill(entry, values);
  return values;
}

/** The tensor as float64, row-major; every readable type is exact. Errors as `readTensor`. */
export function readTensor64(entry: TensorEntry): Float64Array {
  const values = new Float64Array(elementCount(entry));
  fill(entry, values);
  return values;
}

/** Number of elements: the product of the shape. */
export const elementCount = ({ shape }: { shape: readonly number[] }): number =>
  shape.reduce((product, length) => product * length, 1);

function fill(entry: TensorEntry, values: Float32Array | Float64Array): void {
  const { dtype } = entry;
  if (dtype !== "F32" && dtype !== "F64" && dtype !== "BF16" && dtype !== "F16") {
    throw new AttuneError("model", {
      where: describeEntry(entry),
      expected: "F32, F64, BF16 or F16",
      got: dtype,
    });
  }
  const same = dtype === (values instanceof Float32Array ? "F32" : "F64");
  if (same) {
    let at = 0;
    const bytes = new Uint8Array(values.buffer);
    for (const chunk of readChunks(entry)) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    return;
  }
  let at = 0;
  for (const chunk of readChunks(entry)) {
    const { buffer } = chunk;
    if (dtype === "F32" || dtype === "F64") {
      const source =
        dtype === "F32"
          ? new Float32Array(buffer, 0, chunk.length / 4)
          : new Float64Array(buffer, 0, chunk.length / 8);
      values.set(source, at);
      at += source.length;
    } else {
      const source = new Uint16Array(buffer, 0, chunk.length / 2);
      (dtype === "BF16" ? widenBf16 : widenF16)(source, values.subarray(at, at + source.length));
      at += source.length;
    }
  }
}

/**
 * The raw bytes in pieces of at most 8 MiB (a whole number of elements). Each piece starts at byte 0 of its buffer
 * and is overwritten by the next: copy what must stay.
 */
export function* readChunks(entry: TensorEntry): Generator<Uint8Array<ArrayBuffer>> {
  if (entry.bytes === 0) return;
  let descriptor: number;
  try {
    descriptor = openSync(entry.file, "r");
  } catch (cause) {
    throw new AttuneError("io", {
      where: describeEntry(entry),
      expected: "a readable file",
      got: String(cause),
      cause,
    });
  }
  try {
    const buffer = new Uint8Array(Math.min(chunkBytes, entry.bytes));
    for (let done = 0; done < entry.bytes;) {
      const wanted = Math.min(buffer.length, entry.bytes - done);
      for (let have = 0; have < wanted;) {
        const count = readSync(descriptor, buffer, have, wanted - have, entry.offset + done + have);
        if (count === 0) {
          throw new AttuneError("io", {
            where: describeEntry(entry),
            expected: `${entry.bytes} bytes at ${entry.offset}`,
            got: `the end of the file after ${done + have}`,
            fix: "the file changed after it was opened: open the model again",
          });
        }
        have += count;
      }
      yield buffer.subarray(0, wanted);
      done += wanted;
    }
  } finally {
    closeSync(descriptor);
  }
}
