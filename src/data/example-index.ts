/**
 * Where each example of a file lies, how long its parts are and which prompt it has: typed arrays, about 32 bytes an
 * example. Knows no tokens.
 */
import type { RecordSizes } from "./example-record.js";
import { growingFloat64, growingUint32 } from "./growing.js";

/** Mark of a completion that has a mask, in the number of its tokens. */
const maskedBit = 0x8000_0000;

export interface ExampleIndex {
  /** Where each record starts, and after the last one its end. */
  readonly offsets: Float64Array; // [examples + 1]
  readonly prompts: Uint32Array; // [examples]: tokens
  /** Where each example's completions start in `completions`, and the end. */
  readonly firsts: Uint32Array; // [examples + 1]
  /** Tokens, with `maskedBit`. */
  readonly completions: Uint32Array;
  readonly promptHashes: Float64Array; // [examples]
}

export interface IndexBuilder {
  add(sizes: RecordSizes, place: { bytes: number; promptHash: number }): void;
  finish(): ExampleIndex;
}

export function buildIndex(): IndexBuilder {
  const offsets = growingFloat64();
  const prompts = growingUint32();
  const firsts = growingUint32();
  const completions = growingUint32();
  const promptHashes = growingFloat64();
  let end = 0;
  offsets.push(0);
  firsts.push(0);
  return {
    add(sizes, { bytes, promptHash }) {
      end += bytes;
      offsets.push(end);
      prompts.push(sizes.prompt);
      promptHashes.push(promptHash);
      for (const { length, masked } of sizes.completions)
        completions.push(masked ? length + maskedBit : length);
      firsts.push(completions.length);
    },
    finish: () => ({
      offsets: offsets.view(),
      prompts: prompts.view(),
      firsts: firsts.view(),
      completions: completions.view(),
      promptHashes: promptHashes.view(),
    }),
  };
}

/** Sizes of one example's parts. */
export function sizesAt({ prompts, firsts, completions }: ExampleIndex, index: number): RecordSizes {
  const own = completions.subarray(firsts[index], firsts[index + 1]);
  return {
    prompt: prompts[index] as number,
    completions: Array.from(own, (each) => ({ length: each & ~maskedBit, masked: each >= maskedBit })),
  };
}

/** The arrays as one piece of bytes, those of eight bytes a number first. */
export function encodeIndex(index: ExampleIndex): Uint8Array[] {
  const { offsets, promptHashes, prompts, firsts, completions } = index;
  return [offsets, promptHashes, prompts, firsts, completions].map(
    (each) => new Uint8Array(each.buffer, each.byteOffset, each.byteLength),
  );
}

export const indexBytes = ({ examples, completions }: { examples: number; completions: number }): number =>
  8 * (examples + 1) + 8 * examples + 4 * examples + 4 * (examples + 1) + 4 * completions;

/** The inverse of `encodeIndex`, on the bytes themselves; `bytes` starts its buffer. */
export function decodeIndex(
  bytes: Uint8Array,
  { examples, completions }: { examples: number; completions: number },
): ExampleIndex {
  let at = bytes.byteOffset;
  const float64 = (length: number): Float64Array => {
    const array = new Float64Array(bytes.buffer, at, length);
    at += array.byteLength;
    return array;
  };
  const uint32 = (length: number): Uint32Array => {
    const array = new Uint32Array(bytes.buffer, at, length);
    at += array.byteLength;
    return array;
  };
  return {
    offsets: float64(examples + 1),
    promptHashes: float64(examples),
    prompts: uint32(examples),
    firsts: uint32(examples + 1),
    completions: uint32(completions),
  };
}
