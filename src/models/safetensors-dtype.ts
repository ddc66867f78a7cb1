/**
 * The number types of a safetensors file, their sizes, and fast conversion to and from float32. Knows nothing of files.
 */

/** Types that model weights may have here. */
export const weightDtypes = ["F32", "BF16", "F16"] as const;
export type WeightDtype = (typeof weightDtypes)[number];

/** Bits per element of every type that the format knows; only some of them can be read as numbers here. */
export const dtypeBits = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E5M2FNUZ: 8,
  F8_E4M3FNUZ: 8,
  F8_E8M0: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  F64: 64,
  I64: 64,
  U64: 64,
  C64: 64,
} as const;
export type StoredDtype = keyof typeof dtypeBits;

export const isStoredDtype = (name: string): name is StoredDtype => Object.hasOwn(dtypeBits, name);
export const isWeightDtype = (name: string): name is WeightDtype =>
  (weightDtypes as readonly string[]).includes(name);

let halfTable: Float32Array | undefined;

/** All 65,536 half-precision values as float32: a lookup is several times faster than decoding. */
function halves(): Float32Array {
  if (halfTable !== undefined) return halfTable;
  const table = new Float32Array(65_536);
  for (let bits = 0; bits < 65_536; bits++) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    if (exponent === 31) table[bits] = fraction === 0 ? sign * Infinity : NaN;
    else if (exponent === 0) table[bits] = sign * fraction * 2 ** -24;
    else table[bits] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }
  halfTable = table;
  return table;
}

/** bfloat16 bits to float32, exact. */
export function widenBf16(source: Uint16Array, target: Float32Array | Float64Array): void {
  if (target instanceof Float32Array) {
    const bits = new Uint32Array(target.buffer, target.byteOffset, target.length);
    for (let i = 0; i < source.length; i++) bits[i] = source[i]! << 16;
    return;
  }
  const one = new Float32Array(1);
  const bits = new Uint32Array(one.buffer);
  for (let i = 0; i < source.length; i++) {
    bits[0] = source[i]! << 16;
    target[i] = one[0]!;
  }
}

/** Half-precision bits to float32, exact. */
export function widenF16(source: Uint16Array, target: Float32Array | Float64Array): void {
  const table = halves();
  for (let i = 0; i < source.length; i++) target[i] = table[source[i]!]!;
}

/** float32 to bfloat16 bits, round to nearest, ties to even; NaN stays NaN. */
export function narrowBf16(source: Float32Array, target: Uint16Array): void {
  const bits = new Uint32Array(source.buffer, source.byteOffset, source.length);
  for (let i = 0; i < bits.length; i++) {
    const value = bits[i]!;
    target[i] =
      (value & 0x7fffffff) > 0x7f800000
        ? (value >>> 16) | 0x40
        : (value + 0x7fff + ((value >>> 16) & 1)) >>> 16;
  }
}

/** float32 to half-precision bits, round to nearest, ties to even; beyond 65,504 becomes infinity. */
export function narrowF16(source: Float32Array, target: Uint16Array): void {
  const bits = new Uint32Array(source.buffer, source.byteOffset, source.length);
  for (let i = 0; i < bits.length; i++) {
    const value = bits[i]!;
    const sign = (value >>> 16) & 0x8000;
    const magnitude = value & 0x7fffffff;
    let half: number;
    if (magnitude > 0x7f800000) half = 0x7e00;
    else if (magnitude >= 0x47800000) half = 0x7c00;
    else if (magnitude >= 0x38800000) {
      // Normal range: rebias the exponent and round the 13 dropped bits; a carry runs into the exponent as it should.
      half = (magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13;
    } else if (magnitude < 0x33000000) half = 0;
    else {
      // Subnormal: shift the explicit mantissa down to units of 2^-24.
      const shift = 126 - (magnitude >>> 23);
      const mantissa = (magnitude & 0x7fffff) | 0x800000;
      const kept = mantissa >>> shift;
      const rest = mantissa & ((1 << shift) - 1);
      const middle = 1 << (shift - 1);
      half = kept + (rest > middle || (rest === middle && (kept & 1) === 1) ? 1 : 0);
    }
    target[i] = sign | half;
  }
}

/** Bytes of float32 values in the given type. F32 shares memory with the input. */
export function encodeFloats(values: Float32Array, dtype: WeightDtype): Uint8Array {
  if (dtype === "F32") return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const narrow = new Uint16Array(values.length);
  if (dtype === "BF16") narrowBf16(values, narrow);
  else narrowF16(values, narrow);
  return new Uint8Array(narrow.buffer);
}
