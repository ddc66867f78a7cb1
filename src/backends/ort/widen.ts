/** 16-bit floating-point numbers as float32. Knows no file. */
import type { WeightSource } from "../../tensor/index.js";

function widenHalf(h: number): number {
  const sign = h & 0x8000 ? -1 : 1;
  const exponent = (h >> 10) & 0x1f;
  const fraction = h & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The numbers in `bytes`, which begin at a multiple of 4 in their buffer. bfloat16 is the upper half of a float32. */
export function widen(storage: WeightSource["storage"], bytes: Uint8Array): Float32Array {
  if (storage === "F32") return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
  const out = new Float32Array(halves.length);
  if (storage === "BF16") {
    const bits = new Uint32Array(out.buffer);
    for (let i = 0; i < halves.length; i++) bits[i] = halves[i]! << 16;
  } else {
    for (let i = 0; i < halves.length; i++) out[i] = widenHalf(halves[i]!);
  }
  return out;
}
