/**
 * Writes a model folder with seeded random weights of any size, streaming: for benchmarks and for training from scratch.
 * Knows nothing of tokenizers.
 *
 * The normals are drawn from a table of 65,536 quantiles, already in the file's type: 1.5 billion take seconds, not minutes.
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";

import { AttuneError } from "../errors.js";
import { writeFileAtomic, writeFolderAtomic } from "../util/files.js";
import { dtypeNames } from "./config/common.js";
import { normaliseConfig } from "./config/families.js";
import type { RawConfig } from "./config/fields.js";
import type { ModelConfig } from "./config/types.js";
import { expectedParameters, type ParameterSpec } from "./parameters.js";
import { dtypeBits, encodeFloats, type WeightDtype } from "./safetensors-dtype.js";
import { elementCount } from "./safetensors-read.js";
import { type TensorPieces, writeWeights } from "./safetensors-write.js";
import { stringifyConfig } from "./save-numbers.js";

export interface RandomModelOptions {
  /** Default 0. The same seed, config and type give the same bytes. */
  seed?: number;
  /** Default: what the config names. */
  dtype?: WeightDtype;
  /** Standard deviation of matrices; default 0.02 (transformers' `initializer_range`). Norms are 1 (Gemma 0), biases 0. */
  std?: number;
  /** Replace a folder that is there; default false. */
  replace?: boolean;
  maxShardBytes?: number;
}

/**
 * Writes `folder` with config.json and weights; it appears only when complete.
 * @param raw config.json, in either generation of keys
 * @throws AttuneError `model` for a config out of range, `io` when the folder is there or the disk is full.
 */
export async function writeRandomModel(
  folder: string,
  raw: RawConfig,
  { seed = 0, dtype, std = 0.02, replace = false, maxShardBytes }: RandomModelOptions = {},
): Promise<void> {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new AttuneError("usage", {
      where: "writeRandomModel: seed",
      expected: "a whole number >= 0",
      got: String(seed),
    });
  }
  if (!(std > 0 && Number.isFinite(std))) {
    throw new AttuneError("usage", {
      where: "writeRandomModel: std",
      expected: "a number above 0",
      got: String(std),
    });
  }
  if (!replace && (await stat(folder).catch(() => undefined)) !== undefined) {
    throw new AttuneError("io", {
      where: folder,
      expected: "a folder that is not there yet",
      got: "an existing one",
    });
  }
  const config = normaliseConfig(raw, { where: "writeRandomModel: config" });
  const type = dtype ?? config.dtype;
  const table = quantiles(std, type);
  const specs = expectedParameters(config);
  await writeFolderAtomic(
    folder,
    async (partial) => {
      const tensors = specs.map((spec, index) => ({
        name: spec.name,
        shape: spec.shape,
        dtype: type,
        data: () => pieces(spec, { config, table, seed: mix(seed, index) }),
      }));
      await writeWeights(partial, tensors, { maxShardBytes });
      const key = Object.hasOwn(raw, "dtype") ? "dtype" : "torch_dtype";
      const written = stringifyConfig({ ...raw, [key]: dtypeNames[type] });
      await writeFileAtomic(join(partial, "config.json"), `${written}\n`);
    },
    { replace },
  );
}

type Table = Uint16Array | Uint32Array;

function pieces(
  spec: ParameterSpec,
  { config, table, seed }: { config: ModelConfig; table: Table; seed: number },
): TensorPieces {
  if (spec.role === "norm") {
    // Gemma multiplies by 1 + weight.
    return [new Float32Array(elementCount(spec)).fill(config.norm === "rms+1" ? 0 : 1)];
  }
  const bias = spec.role === "bias" || spec.name.endsWith(".bias");
  return bias ? [new Float32Array(elementCount(spec))] : normals(elementCount(spec), { table, seed });
}

/** Bits of the quantiles of N(0, std^2) at (i + 1/2) / 65536. */
function quantiles(std: number, dtype: WeightDtype): Table {
  const values = Float32Array.from({ length: 65_536 }, (_, i) => std * normalQuantile((i + 0.5) / 65_536));
  const bytes = encodeFloats(values, dtype);
  return dtypeBits[dtype] === 32
    ? new Uint32Array(bytes.buffer, bytes.byteOffset, values.length)
    : new Uint16Array(bytes.buffer, bytes.byteOffset, values.length);
}

const chunk = 1 << 20;

/** Table entries at random, two per 32-bit word of sfc32 (a small fast generator by C. Doty-Humphrey). */
function* normals(count: number, { table, seed }: { table: Table; seed: number }): Generator<Uint8Array> {
  let a = seed | 0;
  let b = 0x9e3779b9 | 0;
  let c = 0x243f6a88 | 0;
  let counter = 1;
  const next = (): number => {
    const word = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + word) | 0;
    return word;
  };
  for (let i = 0; i < 16; i++) next();
  for (let done = 0; done < count; done += chunk) {
    const length = Math.min(chunk, count - done);
    const out = table instanceof Uint32Array ? new Uint32Array(length) : new Uint16Array(length);
    let at = 0;
    for (; at + 1 < length; at += 2) {
      const word = next();
      out[at] = table[word & 0xffff]!;
      out[at + 1] = table[word >>> 16]!;
    }
    if (at < length) out[at] = table[next() & 0xffff]!;
    yield new Uint8Array(out.buffer);
  }
}

/** One 32-bit seed from the user's and a parameter's number. */
function mix(seed: number, index: number): number {
  let hash = Math.imul((seed >>> 0) ^ Math.imul(Math.floor(seed / 2 ** 32), 0x85ebca6b), 0xcc9e2d51) ^ index;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Inverse of the normal distribution function: P. Acklam's rational approximation, relative error below 1.2e-9. */
function normalQuantile(p: number): number {
  if (p > 0.5) return -normalQuantile(1 - p);
  const horner = (coefficients: readonly number[], x: number): number =>
    coefficients.reduce((sum, c) => sum * x + c, 0);
  const c = [
    -7.784894002430293e-3, -0.3223964580411365, -2.400758277161838, -2.549732539343734, 4.374664141464968,
    2.938163982698783,
  ];
  const d = [7.784695709041462e-3, 0.3224671290700398, 2.445134137142996, 3.754408661907416, 1];
  if (p < 0.02425) {
    const q = Math.sqrt(-2 * Math.log(p));
    return horner(c, q) / horner(d, q);
  }
  const a = [
    -39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269, -30.66479806614716,
    2.506628277459239,
  ];
  const b = [
    -54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572, 1,
  ];
  const q = p - 0.5;
  return (horner(a, q * q) * q) / horner(b, q * q);
}
