/**
 * Reads the header of one safetensors file: which tensor lies where. Knows nothing of models, and never reads a weight.
 *
 * Format: 8 bytes little-endian header length, that many bytes of JSON, then the data. Offsets in the JSON are relative
 * to the data; ours are absolute in the file, so that an engine can map (file, offset, bytes) directly.
 */
import { closeSync, fstatSync, openSync, readSync, realpathSync } from "node:fs";
import { basename } from "node:path";

import { AttuneError } from "../errors.js";
import { dtypeBits, isStoredDtype, type StoredDtype } from "./safetensors-dtype.js";

/** Where one tensor lies. */
export interface TensorEntry {
  readonly name: string;
  /** Real path of the file (symbolic links resolved: the Hub's cache links to its blobs). */
  readonly file: string;
  readonly dtype: StoredDtype;
  readonly shape: readonly number[];
  /** First byte, from the start of the file. */
  readonly offset: number;
  readonly bytes: number;
}

export interface SafetensorsFile {
  readonly file: string;
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The format's own limit for the header. */
const maxHeaderBytes = 100_000_000;

interface Problem {
  expected: string;
  got: string;
  name?: string;
}

/**
 * Reads and checks the header of `path`.
 * @throws AttuneError `model` when the file is truncated, its header lies, or tensors overlap or leave holes; `io` when it cannot be opened.
 */
export function openSafetensors(path: string): SafetensorsFile {
  const refuse = ({ expected, got, name }: Problem): never => {
    throw new AttuneError("model", {
      where: name === undefined ? path : `${path}: tensor ${name}`,
      expected,
      got,
      fix: "the file is damaged or was not downloaded completely: fetch it again",
    });
  };
  const descriptor = open(path);
  try {
    const size = fstatSync(descriptor).size;
    if (size < 8) refuse({ expected: "at least 8 bytes of header length", got: `${size} bytes` });
    const length = Number(read(descriptor, { offset: 0, bytes: 8 }).readBigUInt64LE(0));
    if (length > maxHeaderBytes) {
      refuse({ expected: `a header of at most ${maxHeaderBytes} bytes`, got: `${length} bytes` });
    }
    if (8 + length > size) {
      refuse({ expected: `a header of ${length} bytes as the file says`, got: `a file of ${size} bytes` });
    }
    const text = decode(read(descriptor, { offset: 8, bytes: length }), refuse);
    return parseHeader(text, { path, dataStart: 8 + length, size, refuse });
  } finally {
    closeSync(descriptor);
  }
}

function open(path: string): number {
  try {
    return openSync(path, "r");
  } catch (cause) {
    throw new AttuneError("io", {
      where: path,
      expected: "a readable safetensors file",
      got: String(cause),
      cause,
    });
  }
}

function read(descriptor: number, { offset, bytes }: { offset: number; bytes: number }): Buffer {
  const buffer = Buffer.alloc(bytes);
  let done = 0;
  while (done < bytes) {
    const count = readSync(descriptor, buffer, done, bytes - done, offset + done);
    if (count === 0) break;
    done += count;
  }
  return buffer;
}

type Refuse = (problem: Problem) => never;

function decode(bytes: Buffer, refuse: Refuse): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return refuse({ expected: "a header of UTF-8 text", got: "invalid UTF-8" });
  }
}

interface Place {
  path: string;
  dataStart: number;
  size: number;
  refuse: Refuse;
}

function parseHeader(text: string, { path, dataStart, size, refuse }: Place): SafetensorsFile {
  if (!text.startsWith("{")) {
    refuse({ expected: "a JSON object as header", got: JSON.stringify(text.slice(0, 20)) });
  }
  let header: Record<string, unknown>;
  try {
    header = JSON.parse(text) as Record<string, unknown>;
  } catch (cause) {
    return refuse({ expected: "a JSON object as header", got: String(cause) });
  }
  const twice = duplicateKey(text);
  if (twice !== undefined)
    refuse({ expected: "every name once in the header", got: `${JSON.stringify(twice)} twice` });

  const file = realpathSync(path);
  const dataBytes = size - dataStart;
  const tensors = new Map<string, TensorEntry>();
  let metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(header)) {
    if (name === "__metadata__") {
      if (!isStringMap(value))
        refuse({ expected: "__metadata__ as text values", got: JSON.stringify(value) });
      metadata = value as Record<string, string>;
      continue;
    }
    const entry = readEntry(value, { name, dataBytes, refuse });
    tensors.set(name, { name, file, ...entry, offset: dataStart + entry.offset });
  }
  checkCoverage([...tensors.values()], { dataStart, size, refuse });
  return { file, tensors, metadata };
}

function readEntry(
  value: unknown,
  { name, dataBytes, refuse }: { name: string; dataBytes: number; refuse: Refuse },
): Pick<TensorEntry, "dtype" | "shape" | "offset" | "bytes"> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return refuse({ name, expected: "dtype, shape and data_offsets", got: JSON.stringify(value) });
  }
  const { dtype, shape, data_offsets: range } = value as Record<string, unknown>;
  if (typeof dtype !== "string" || !isStoredDtype(dtype)) {
    return refuse({
      name,
      expected: `one of the types ${Object.keys(dtypeBits).join(", ")}`,
      got: JSON.stringify(dtype),
    });
  }
  if (!isSizes(shape))
    return refuse({ name, expected: "a shape of whole numbers >= 0", got: JSON.stringify(shape) });
  if (!isSizes(range) || range.length !== 2) {
    return refuse({ name, expected: "data_offsets [begin, end]", got: JSON.stringify(range) });
  }
  const [begin, end] = range as [number, number];
  if (begin > end || end > dataBytes) {
    refuse({
      name,
      expected: `data_offsets inside the ${dataBytes} bytes of data`,
      got: `[${begin}, ${end}]`,
    });
  }
  const bits = shape.reduce((product, length) => product * length, dtypeBits[dtype]);
  if (bits !== (end - begin) * 8) {
    refuse({
      name,
      expected: `${bits / 8} bytes for ${dtype} [${shape.join(", ")}]`,
      got: `${end - begin} bytes`,
    });
  }
  return { dtype, shape, offset: begin, bytes: end - begin };
}

/** The specification: the data is covered entirely, without holes, and no byte belongs to two tensors. */
function checkCoverage(
  entries: TensorEntry[],
  { dataStart, size, refuse }: { dataStart: number; size: number; refuse: Refuse },
): void {
  entries.sort((a, b) => a.offset - b.offset || a.bytes - b.bytes);
  let at = dataStart;
  for (const { name, offset, bytes } of entries) {
    if (offset < at) {
      refuse({
        name,
        expected: "its own bytes",
        got: `an overlap of ${at - offset} bytes with the tensor before it`,
      });
    }
    if (offset > at)
      refuse({ name, expected: `its data at byte ${at}`, got: `a hole of ${offset - at} bytes before it` });
    at = offset + bytes;
  }
  if (at !== size) refuse({ expected: `data that ends at byte ${at}`, got: `a file of ${size} bytes` });
}

/** `JSON.parse` keeps the last of two equal keys in silence; this finds the first that comes twice in one object. */
function duplicateKey(text: string): string | undefined {
  const open: Set<string>[] = [];
  for (const match of text.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?|[{}]/g)) {
    if (match[0] === "{") open.push(new Set());
    else if (match[0] === "}") open.pop();
    else if (match[2] !== undefined) {
      const key = JSON.parse(match[1]!) as string;
      const seen = open.at(-1)!;
      if (seen.has(key)) return key;
      seen.add(key);
    }
  }
  return undefined;
}

const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((x) => Number.isSafeInteger(x) && (x as number) >= 0);

const isStringMap = (value: unknown): value is Record<string, string> =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  Object.values(value).every((x) => typeof x === "string");

/** `file.safetensors: name`, for messages. */
export const describeEntry = (entry: TensorEntry): string => `${basename(entry.file)}: ${entry.name}`;
