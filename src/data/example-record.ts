/**
 * One tokenised example as bytes, and back: a checksum, the tokens in two or four bytes each, masks as bits, and the id
 * with its values as JSON. Knows no files; sizes are kept elsewhere (`example-index.ts`).
 *
 * ```
 * u32 crc32 of all that follows | u32 bytes of JSON | prompt, completions | mask bits of each masked completion | JSON
 * ```
 */
import { crc32 } from "node:zlib";
import { AttuneError } from "../errors.js";
import type { Completion, Example } from "./batch.js";

/** What is needed to read a record again. */
export interface RecordSizes {
  prompt: number;
  completions: readonly { length: number; masked: boolean }[];
}

/** Bytes a token: 2 where the vocabulary allows it. */
export type TokenBytes = 2 | 4;

export const tokenBytesFor = (vocabSize: number): TokenBytes => (vocabSize <= 0x1_0000 ? 2 : 4);

const headBytes = 8;

export const recordSizes = ({ prompt, completions }: Example): RecordSizes => ({
  prompt: prompt.length,
  completions: completions.map(({ tokens, mask }) => ({ length: tokens.length, masked: mask !== undefined })),
});

const tokensOf = ({ prompt, completions }: RecordSizes): number =>
  completions.reduce((sum, { length }) => sum + length, prompt);

const maskBytes = (length: number): number => Math.ceil(length / 8);

/** The record's bytes. Throws `data`, naming the example, for what cannot be written so that it reads back equal. */
export function encodeExample(example: Example, tokenBytes: TokenBytes): Uint8Array {
  const { id, prompt, completions, values } = example;
  for (const [name, value] of Object.entries(values ?? {}))
    if (!Number.isFinite(value)) throw refuse(example, `${name}: a finite number`, String(value));
  const sizes = recordSizes(example);
  const json = new TextEncoder().encode(JSON.stringify(values === undefined ? [id] : [id, values]));
  const count = tokensOf(sizes);
  const bits = sizes.completions.reduce(
    (sum, { length, masked }) => sum + (masked ? maskBytes(length) : 0),
    0,
  );
  const bytes = new Uint8Array(headBytes + count * tokenBytes + bits + json.length);
  const tokens =
    tokenBytes === 2
      ? new Uint16Array(bytes.buffer, headBytes, count)
      : new Uint32Array(bytes.buffer, headBytes, count);
  const most = 2 ** (8 * tokenBytes) - 1;
  let at = 0;
  const write = (list: readonly number[]): void => {
    for (const token of list) {
      if (!(Number.isInteger(token) && token >= 0 && token <= most))
        throw refuse(example, `token ids from 0 to ${most}`, String(token));
      tokens[at] = token;
      at += 1;
    }
  };
  write(prompt);
  for (const completion of completions) write(completion.tokens);
  let place = headBytes + count * tokenBytes;
  for (const { tokens: own, mask } of completions) {
    if (mask === undefined) continue;
    if (mask.length !== own.length || mask.some((value) => value !== 0 && value !== 1))
      throw refuse(example, `a mask of ${own.length} values, each 0 or 1`, "another one");
    mask.forEach((value, index) => {
      const byte = place + (index >> 3);
      bytes[byte] = (bytes[byte] as number) | (value << (index & 7));
    });
    place += maskBytes(own.length);
  }
  bytes.set(json, place);
  const head = new Uint32Array(bytes.buffer, 0, 2);
  head[1] = json.length;
  head[0] = crc32(bytes.subarray(4));
  return bytes;
}

/** The example of a record that starts its own buffer; undefined when the bytes are not what was written. */
export function decodeExample(
  bytes: Uint8Array,
  { sizes, tokenBytes }: { sizes: RecordSizes; tokenBytes: TokenBytes },
): Example | undefined {
  if (bytes.length < headBytes) return undefined;
  const [checksum, jsonBytes] = new Uint32Array(bytes.buffer, bytes.byteOffset, 2);
  if (crc32(bytes.subarray(4)) !== checksum) return undefined;
  const count = tokensOf(sizes);
  const start = bytes.byteOffset + headBytes;
  const tokens =
    tokenBytes === 2
      ? new Uint16Array(bytes.buffer, start, count)
      : new Uint32Array(bytes.buffer, start, count);
  let place = headBytes + count * tokenBytes;
  let at = sizes.prompt;
  const completions = sizes.completions.map(({ length, masked }): Completion => {
    const own = Array.from(tokens.subarray(at, at + length));
    at += length;
    if (!masked) return { tokens: own };
    const from = place;
    place += maskBytes(length);
    const mask = own.map((_, index) => ((bytes[from + (index >> 3)] as number) >> (index & 7)) & 1);
    return { tokens: own, mask };
  });
  const json = new TextDecoder().decode(bytes.subarray(place, place + (jsonBytes as number)));
  const [id, values] = JSON.parse(json) as [string, Record<string, number>?];
  const prompt = Array.from(tokens.subarray(0, sizes.prompt));
  return { id, prompt, completions, ...(values && { values }) };
}

const refuse = ({ id }: Example, expected: string, got: string): AttuneError =>
  new AttuneError("data", { where: id, expected, got });
