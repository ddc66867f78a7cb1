/**
 * Tokenised examples in one file, written once in order and read by number: memory holds the index (about 32 bytes an
 * example), the disk the tokens. Knows nothing of where the examples came from.
 *
 * ```
 * records | index | JSON (sizes, hashes, what the writer wants kept) | sha256 of the JSON | u32 its bytes | magic
 * ```
 *
 * Numbers are in the machine's own byte order; a file from a machine of the other order is not opened. The file appears
 * under its name when it is complete; the index and the JSON are checked when it is opened, a record when it is read.
 */
import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync, rmSync, unlinkSync } from "node:fs";
import { endianness } from "node:os";
import { AttuneError } from "../errors.js";
import { ioError, openAtomic } from "../util/files.js";
import type { Example } from "./batch.js";
import { buildIndex, decodeIndex, encodeIndex, indexBytes, sizesAt } from "./example-index.js";
import {
  decodeExample,
  encodeExample,
  recordSizes,
  type TokenBytes,
  tokenBytesFor,
} from "./example-record.js";
import type { Examples } from "./examples.js";

const magic = "ATTUNEX1";
/** After the JSON: its hash, its length, the magic. */
const tailBytes = 32 + 4 + magic.length;
/** Records are written in pieces of about this size. */
const pieceBytes = 1 << 20;

interface Trailer {
  byteOrder: string;
  tokenBytes: TokenBytes;
  examples: number;
  completions: number;
  recordBytes: number;
  /** Of the records. */
  sha256: string;
  indexSha256: string;
  info: unknown;
}

/** Examples being written. */
export interface ExampleFileWriter {
  /** @param options `promptHash` as `promptHash` of its record gives it. */
  add(example: Example, options: { promptHash: number }): Promise<void>;
  /** The file appears, with `info` (plain JSON) inside it. */
  commit(info: unknown): Promise<void>;
  /** Removes what was written; harmless after `commit`. */
  abort(): Promise<void>;
}

/** An open file of examples. */
export interface ExampleFile extends Examples {
  readonly path: string;
  sizes(index: number): readonly number[];
  /** Of each example's prompt, for `splitOfHash`. */
  readonly promptHashes: Float64Array;
  readonly contentHash: string;
  /** What `commit` was given. */
  readonly info: unknown;
  /** Ends reading; a file that was opened as temporary is gone then. */
  close(): void;
}

/**
 * Starts a file of examples whose tokens are below `vocabSize`.
 * @throws AttuneError `io` when it cannot be written, `data` (later) for an example that cannot be kept.
 */
export async function createExampleFile(
  path: string,
  { vocabSize }: { vocabSize: number },
): Promise<ExampleFileWriter> {
  const file = await openAtomic(path);
  const tokenBytes = tokenBytesFor(vocabSize);
  const index = buildIndex();
  const hash = createHash("sha256");
  let waiting: Uint8Array[] = [];
  let held = 0;
  let recordBytes = 0;
  const flush = async (): Promise<void> => {
    const piece = Buffer.concat(waiting);
    waiting = [];
    held = 0;
    hash.update(piece);
    await file.write(piece);
  };
  return {
    abort: file.abort,
    async add(example, { promptHash }) {
      const bytes = encodeExample(example, tokenBytes);
      index.add(recordSizes(example), { bytes: bytes.length, promptHash });
      waiting.push(bytes);
      held += bytes.length;
      recordBytes += bytes.length;
      if (held >= pieceBytes) await flush();
    },
    async commit(info) {
      await flush();
      const made = index.finish();
      const indexHash = createHash("sha256");
      for (const piece of encodeIndex(made)) {
        indexHash.update(piece);
        await file.write(piece);
      }
      const trailer: Trailer = {
        byteOrder: endianness(),
        tokenBytes,
        examples: made.prompts.length,
        completions: made.completions.length,
        recordBytes,
        sha256: hash.digest("hex"),
        indexSha256: indexHash.digest("hex"),
        info,
      };
      const json = Buffer.from(JSON.stringify(trailer), "utf8");
      const length = Buffer.alloc(4);
      length.writeUInt32LE(json.length);
      await file.write(Buffer.concat([json, sha256Of(json), length, Buffer.from(magic, "latin1")]));
      await file.commit();
    },
  };
}

/**
 * Opens a file of examples.
 *
 * @param options `temporary`: the file is removed with the process that opened it, however that ends (where the system
 * cannot remove open files: by `close`). Default false.
 * @throws AttuneError `data` when the file is cut off, damaged or of another machine, `io`.
 */
export function openExampleFile(path: string, { temporary = false } = {}): ExampleFile {
  const file = openForReading(path);
  try {
    const { trailer, index } = readIndex(file, path);
    const { tokenBytes } = trailer;
    const removed = temporary && removeOpen(path);
    let open = true;
    return {
      path,
      length: trailer.examples,
      info: trailer.info,
      contentHash: trailer.sha256,
      promptHashes: index.promptHashes,
      sizes(at) {
        const { prompt, completions } = sizesAt(index, at);
        return [prompt, ...completions.map(({ length }) => length)];
      },
      at(number) {
        if (!Number.isInteger(number) || number < 0 || number >= trailer.examples) return undefined;
        const [start, end] = [index.offsets[number] as number, index.offsets[number + 1] as number];
        const bytes = readAt(file, { path, start, length: end - start });
        const example = decodeExample(bytes, { sizes: sizesAt(index, number), tokenBytes });
        if (example === undefined) throw damaged(path, `a damaged record, example ${number + 1}`);
        return example;
      },
      close() {
        if (!open) return;
        open = false;
        closeSync(file);
        if (temporary && !removed) rmSync(path, { force: true });
      },
    };
  } catch (cause) {
    closeSync(file);
    throw cause;
  }
}

function openForReading(path: string): number {
  try {
    return openSync(path, "r");
  } catch (cause) {
    throw ioError(cause, { path, expected: "a file of tokenised examples" });
  }
}

function readIndex(file: number, path: string): { trailer: Trailer; index: ReturnType<typeof decodeIndex> } {
  const { size } = fstatSync(file);
  if (size < tailBytes) throw damaged(path, `${size} bytes`);
  const tail = Buffer.from(readAt(file, { path, start: size - tailBytes, length: tailBytes }).buffer);
  if (tail.toString("latin1", 36) !== magic) throw damaged(path, "a file that is cut off");
  const jsonBytes = tail.readUInt32LE(32);
  const jsonStart = size - tailBytes - jsonBytes;
  if (jsonStart < 0) throw damaged(path, "a file that is cut off");
  const json = Buffer.from(readAt(file, { path, start: jsonStart, length: jsonBytes }).buffer);
  if (!sha256Of(json).equals(tail.subarray(0, 32))) throw damaged(path, "a damaged description");
  const trailer = JSON.parse(json.toString("utf8")) as Trailer;
  if (trailer.byteOrder !== endianness())
    throw damaged(path, `numbers in the byte order ${trailer.byteOrder}`);
  const length = indexBytes(trailer);
  if (trailer.recordBytes + length !== jsonStart) throw damaged(path, "a file that is cut off");
  const bytes = readAt(file, { path, start: trailer.recordBytes, length });
  if (sha256Of(bytes).toString("hex") !== trailer.indexSha256) throw damaged(path, "a damaged index");
  return { trailer, index: decodeIndex(bytes, trailer) };
}

/** That many bytes, at the start of a buffer of their own. */
function readAt(
  file: number,
  { path, start, length }: { path: string; start: number; length: number },
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let done = 0;
  try {
    while (done < length) {
      const count = readSync(file, bytes, done, Math.min(length - done, 1 << 30), start + done);
      if (count === 0) throw damaged(path, "a file that is cut off");
      done += count;
    }
  } catch (cause) {
    throw ioError(cause, { path, expected: "a file of tokenised examples" });
  }
  return bytes;
}

/** An open file can lose its name and be read on, but for Windows. */
function removeOpen(path: string): boolean {
  try {
    unlinkSync(path);
    return true;
  } catch {
    return false;
  }
}

const sha256Of = (bytes: Uint8Array): Buffer => createHash("sha256").update(bytes).digest();

const damaged = (path: string, got: string): AttuneError =>
  new AttuneError("data", {
    where: path,
    expected: "tokenised examples as they were written",
    got,
    fix: "remove the file; it is made again from the data",
  });
