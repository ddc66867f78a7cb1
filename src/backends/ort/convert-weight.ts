/**
 * Writes a form of a frozen weight to its file, a block of rows at a time, so that no weight is ever whole in JavaScript
 * but as bytes. Knows files and forms, no graph.
 */
import { closeSync, openSync, readSync, renameSync, rmSync, writeSync } from "node:fs";
import type { WeightSource } from "../../tensor/index.js";
import { formParts, type FormRequest } from "./weight-forms.js";
import { widen } from "./widen.js";

const blockBytes = 4 << 20;
/** Rows whose transposed bytes are written side by side: one line of the cache. */
const tile = 64;

/** Reads `length` bytes at `offset`; `what` names them in the error of a file that ends too soon. */
export function readExactly(fd: number, at: { offset: number; length: number; what: string }): Uint8Array {
  const bytes = new Uint8Array(at.length);
  let done = 0;
  while (done < bytes.length) {
    const got = readSync(fd, bytes, done, bytes.length - done, at.offset + done);
    if (got === 0) throw new Error(`${at.what}: ends before the weight at byte ${at.offset} does`);
    done += got;
  }
  return bytes;
}

/** Blocks of whole rows as float32, with the index of their first row. */
function* rowBlocks(
  source: WeightSource,
  { rows, columns }: { rows: number; columns: number },
): Generator<{ start: number; values: Float32Array }> {
  const width = (source.storage === "F32" ? 4 : 2) * columns;
  const step = Math.max(tile, Math.floor(blockBytes / width / tile) * tile);
  const fd = openSync(source.file, "r");
  try {
    for (let start = 0; start < rows; start += step) {
      const length = (Math.min(rows, start + step) - start) * width;
      const bytes = readExactly(fd, { offset: source.offset + start * width, length, what: source.file });
      yield { start, values: widen(source.storage, bytes) };
    }
  } finally {
    closeSync(fd);
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done, bytes.length - done);
}

const bytesOf = (a: Float32Array | Int8Array): Uint8Array =>
  new Uint8Array(a.buffer, a.byteOffset, a.byteLength);

const scaleOf = (largest: number): number => (largest > 0 ? largest / 127 : 1);

/** Rounds to the nearest, halves away from zero. */
const quantise = (value: number, inverse: number): number => {
  const q = value * inverse;
  return q < 0 ? -((0.5 - q) | 0) : (q + 0.5) | 0;
};

/** Stored [in, out]: the scale of a column needs all rows first. */
function int8Columns(request: FormRequest, fd: number): void {
  const [rows, columns] = request.shape as readonly [number, number];
  const scales = new Float32Array(columns);
  for (const { values } of rowBlocks(request.source, { rows, columns }))
    for (let i = 0, j = 0; i < values.length; i++) {
      const size = Math.abs(values[i]!);
      if (size > scales[j]!) scales[j] = size;
      if (++j === columns) j = 0;
    }
  const inverse = Float64Array.from(scales, (largest) => 1 / scaleOf(largest));
  for (const { values } of rowBlocks(request.source, { rows, columns })) {
    const out = new Int8Array(values.length);
    for (let i = 0, j = 0; i < values.length; i++) {
      out[i] = quantise(values[i]!, inverse[j]!);
      if (++j === columns) j = 0;
    }
    writeAll(fd, bytesOf(out));
  }
  finish(fd, request, scales.map(scaleOf));
}

/** Stored [out, in]: a row is a column of the product's matrix. */
function int8Transposed(request: FormRequest, fd: number): void {
  const [rows, columns] = request.shape as readonly [number, number];
  const out = new Int8Array(rows * columns);
  const scales = new Float32Array(rows);
  const inverse = new Float64Array(tile);
  for (const { start, values } of rowBlocks(request.source, { rows, columns })) {
    const count = values.length / columns;
    for (let first = 0; first < count; first += tile) {
      const end = Math.min(count, first + tile);
      for (let r = first; r < end; r++) {
        let largest = 0;
        for (let i = r * columns; i < (r + 1) * columns; i++)
          largest = Math.max(largest, Math.abs(values[i]!));
        scales[start + r] = scaleOf(largest);
        inverse[r - first] = 1 / scaleOf(largest);
      }
      for (let c = 0; c < columns; c++)
        for (let r = first; r < end; r++)
          out[c * rows + start + r] = quantise(values[r * columns + c]!, inverse[r - first]!);
    }
  }
  writeAll(fd, bytesOf(out));
  finish(fd, request, scales);
}

function finish(fd: number, { shape, form }: FormRequest, scales: Float32Array): void {
  const { values, scales: at } = formParts(shape, form);
  writeAll(fd, new Uint8Array(at!.offset - values.length));
  writeAll(fd, bytesOf(scales));
}

function float32(request: FormRequest, fd: number): void {
  const columns = request.shape.at(-1) ?? 1;
  const rows = request.shape.reduce((a, b) => a * b, 1) / columns;
  for (const { values } of rowBlocks(request.source, { rows, columns })) writeAll(fd, bytesOf(values));
}

const WRITERS = { float32, int8: int8Columns, "int8-transposed": int8Transposed };

/** Writes the form beside its place and renames it there, so that a file under its name is whole. */
export function convertWeight(request: FormRequest): void {
  const part = `${request.file}.part`;
  const fd = openSync(part, "w");
  try {
    WRITERS[request.form](request, fd);
    closeSync(fd);
  } catch (error) {
    closeSync(fd);
    rmSync(part, { force: true });
    throw error;
  }
  renameSync(part, request.file);
}
