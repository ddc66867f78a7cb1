/** Reads the numbers of a weight from its place in a file. Knows no format but the three storage types. */
import { closeSync, openSync, readSync } from "node:fs";

import { AttuneError } from "../../errors.js";
import { type Shape, sizeOf, type WeightSource } from "../../tensor/index.js";

/** @throws AttuneError `io` when the file is gone or ends too early, `backend` when bytes and shape disagree. */
export function readWeight(source: WeightSource, shape: Shape): Float64Array {
  const { file, offset, bytes, storage } = source;
  const where = `${file}: byte ${offset}`;
  const wanted = sizeOf(shape) * (storage === "F32" ? 4 : 2);
  if (bytes !== wanted) {
    throw new AttuneError("backend", { where, expected: `${wanted} bytes of ${storage}`, got: `${bytes}` });
  }
  const view = new DataView(readBytes(source, where).buffer);
  const out = new Float64Array(sizeOf(shape));
  for (let i = 0; i < out.length; i++) {
    if (storage === "F32") out[i] = view.getFloat32(i * 4, true);
    else if (storage === "BF16") out[i] = bfloat16(view.getUint16(i * 2, true));
    else out[i] = float16(view.getUint16(i * 2, true));
  }
  return out;
}

function readBytes({ file, offset, bytes }: WeightSource, where: string): Uint8Array<ArrayBuffer> {
  const buffer = new Uint8Array(bytes);
  let descriptor: number;
  try {
    descriptor = openSync(file, "r");
  } catch (cause) {
    throw new AttuneError("io", { where, expected: "a readable file", got: String(cause), cause });
  }
  try {
    for (let done = 0; done < bytes;) {
      const count = readSync(descriptor, buffer, done, bytes - done, offset + done);
      if (count === 0) {
        throw new AttuneError("io", {
          where,
          expected: `${bytes} bytes`,
          got: `the end of the file after ${done}`,
        });
      }
      done += count;
    }
  } finally {
    closeSync(descriptor);
  }
  return buffer;
}

const scratch = new DataView(new ArrayBuffer(4));

/** The upper half of a float32. */
function bfloat16(bits: number): number {
  scratch.setUint32(0, bits << 16);
  return scratch.getFloat32(0);
}

function float16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
