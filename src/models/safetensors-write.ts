/**
 * Writes safetensors files: streaming, in shards above a size, each file whole or not there. Knows nothing of models.
 */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";

import { AttuneError } from "../errors.js";
import { type AtomicFile, openAtomic } from "../util/files.js";
import type { TensorEntry } from "./safetensors.js";
import { dtypeBits, encodeFloats, type WeightDtype } from "./safetensors-dtype.js";
import { elementCount, readChunks, readTensor } from "./safetensors-read.js";

/** Pieces of a tensor in row-major order: float32 values, or bytes already of the tensor's type. */
export type TensorPieces = Iterable<Float32Array | Uint8Array> | AsyncIterable<Float32Array | Uint8Array>;

export interface TensorToWrite {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: WeightDtype;
  /** Values; or a stored tensor, copied byte for byte when the types agree; or a function, called only when its turn comes. */
  readonly data: Float32Array | TensorEntry | (() => TensorPieces);
}

export interface WriteOptions {
  /** Text values of the header's `__metadata__`. transformers refuses files without `format`. */
  metadata?: Readonly<Record<string, string>>;
}

export interface WriteFolderOptions extends WriteOptions {
  /** `model` (default) or `adapter_model`. */
  stem?: string;
  /** Bytes of a file before the next begins; default 5e9 as transformers 4. */
  maxShardBytes?: number;
}

/** Values converted at once: bounds the memory of a conversion. */
const chunkElements = 1 << 20;

/**
 * Writes one file. It appears under its name only when complete.
 * @throws AttuneError `io` on a full disk or read-only folder, `usage` when data and shape disagree or a name comes twice.
 */
export async function writeSafetensors(
  path: string,
  tensors: Iterable<TensorToWrite>,
  options: WriteOptions = {},
): Promise<void> {
  const file = await writeUncommitted(path, [...tensors], options);
  await file.commit();
}

/**
 * Writes `folder/model.safetensors`, or shards with an index above `maxShardBytes`, and then removes weight files of an
 * earlier save under the same stem. All new files are complete before the first replaces an old one.
 * @returns the names of the weight files
 */
export async function writeWeights(
  folder: string,
  tensors: Iterable<TensorToWrite>,
  { stem = "model", maxShardBytes = 5e9, ...options }: WriteFolderOptions = {},
): Promise<string[]> {
  const list = [...tensors];
  refuseTwice(list);
  const shards = split(list, maxShardBytes);
  const count = String(shards.length).padStart(5, "0");
  const names = shards.map((_, index) =>
    shards.length === 1
      ? `${stem}.safetensors`
      : `${stem}-${String(index + 1).padStart(5, "0")}-of-${count}.safetensors`,
  );
  const index = `${stem}.safetensors.index.json`;
  const files: AtomicFile[] = [];
  try {
    for (const [i, shard] of shards.entries())
      files.push(await writeUncommitted(join(folder, names[i]!), shard, options));
    if (shards.length > 1) {
      const file = await openAtomic(join(folder, index));
      files.push(file);
      await file.write(indexText(shards, names));
    }
    for (const file of files) await file.commit();
  } catch (cause) {
    for (const file of files) await file.abort();
    throw cause;
  }
  const kept = new Set(shards.length > 1 ? [...names, index] : names);
  const ours = new RegExp(`^${stem}(-\\d{5}-of-\\d{5})?\\.safetensors(\\.index\\.json)?$`);
  for (const name of await readdir(folder)) {
    if (ours.test(name) && !kept.has(name)) await rm(join(folder, name));
  }
  return names;
}

const byteCount = (tensor: TensorToWrite): number => (elementCount(tensor) * dtypeBits[tensor.dtype]) / 8;

function split(tensors: readonly TensorToWrite[], maxShardBytes: number): TensorToWrite[][] {
  const shards: TensorToWrite[][] = [[]];
  let filled = 0;
  for (const tensor of tensors) {
    const bytes = byteCount(tensor);
    if (filled > 0 && filled + bytes > maxShardBytes) {
      shards.push([]);
      filled = 0;
    }
    shards.at(-1)!.push(tensor);
    filled += bytes;
  }
  return shards;
}

function indexText(shards: readonly TensorToWrite[][], names: readonly string[]): string {
  const all = shards.flatMap((shard, i) => shard.map((tensor) => ({ tensor, file: names[i]! })));
  return `${JSON.stringify(
    {
      metadata: { total_size: all.reduce((sum, { tensor }) => sum + byteCount(tensor), 0) },
      weight_map: Object.fromEntries(all.map(({ tensor, file }) => [tensor.name, file])),
    },
    null,
    2,
  )}\n`;
}

function refuseTwice(tensors: readonly TensorToWrite[]): void {
  const seen = new Set<string>();
  for (const { name } of tensors) {
    if (seen.has(name)) {
      throw new AttuneError("usage", {
        where: "writeSafetensors",
        expected: "every name once",
        got: `${name} twice`,
      });
    }
    seen.add(name);
  }
}

async function writeUncommitted(
  path: string,
  tensors: readonly TensorToWrite[],
  { metadata = { format: "pt" } }: WriteOptions,
): Promise<AtomicFile> {
  refuseTwice(tensors);
  // Wider types first, so that every tensor is aligned to its own element size, as the format's own writer does.
  const ordered = tensors.toSorted((a, b) => dtypeBits[b.dtype] - dtypeBits[a.dtype]);
  const file = await openAtomic(path);
  try {
    await file.write(headerBytes(ordered, metadata));
    for (const tensor of ordered) await writeData(file, tensor);
  } catch (cause) {
    await file.abort();
    throw cause;
  }
  return file;
}

function headerBytes(
  tensors: readonly TensorToWrite[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let at = 0;
  for (const tensor of tensors) {
    const end = at + byteCount(tensor);
    header[tensor.name] = { dtype: tensor.dtype, shape: tensor.shape, data_offsets: [at, end] };
    at = end;
  }
  const json = Buffer.from(JSON.stringify(header), "utf8");
  // The data starts at a multiple of 8; the format pads with spaces.
  const length = Math.ceil(json.length / 8) * 8;
  const bytes = Buffer.alloc(8 + length, " ");
  bytes.writeBigUInt64LE(BigInt(length), 0);
  json.copy(bytes, 8);
  return bytes;
}

async function writeData(file: AtomicFile, tensor: TensorToWrite): Promise<void> {
  let written = 0;
  for await (const piece of pieces(tensor)) {
    if (piece instanceof Float32Array) {
      for (let at = 0; at < piece.length; at += chunkElements) {
        const bytes = encodeFloats(piece.subarray(at, at + chunkElements), tensor.dtype);
        await file.write(bytes);
        written += bytes.length;
      }
    } else {
      await file.write(piece);
      written += piece.length;
    }
  }
  if (written !== byteCount(tensor)) {
    throw new AttuneError("usage", {
      where: `writeSafetensors: ${tensor.name}`,
      expected: `${byteCount(tensor)} bytes for ${tensor.dtype} [${tensor.shape.join(", ")}]`,
      got: `${written} bytes`,
    });
  }
}

function pieces({ data, dtype }: TensorToWrite): TensorPieces {
  if (data instanceof Float32Array) return [data];
  if (typeof data === "function") return data();
  return data.dtype === dtype ? readChunks(data) : [readTensor(data)];
}
