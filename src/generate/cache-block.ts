/**
 * Blocks of cached keys and values, and the copying of rows between them: how finished rows leave, new ones join, and
 * the samples of one prompt each get its cache. Knows rows by index, not what they say.
 */
import { cacheShape, type ModelConfig } from "../models/index.js";
import {
  type Backend,
  concat,
  gather,
  type Graph,
  type HostTensor,
  input,
  pad,
  type Program,
  type Resident,
  slice,
  type Tensor,
} from "../tensor/index.js";
import { cacheNames } from "./step-graph.js";

/** The caches of all layers for some rows. */
export interface CacheBlock {
  readonly rows: number;
  readonly capacity: number;
  /** By the names of `cacheNames`. */
  readonly residents: Readonly<Record<string, Resident>>;
}

export type BlockSize = Pick<CacheBlock, "rows" | "capacity">;

export interface BlockContext {
  readonly backend: Backend;
  readonly config: ModelConfig;
  /** A compiled graph, kept by key. */
  program(key: string, graph: () => Graph): Promise<Program>;
}

/** Bytes of one row of `capacity` tokens over all layers. */
export function rowBytes(config: ModelConfig, capacity: number): number {
  const one = cacheShape(config, { rows: 1, capacity }).reduce((a, b) => a * b, 1);
  return one * 2 * config.layerCount * 4;
}

export async function emptyBlock({ backend, config }: BlockContext, size: BlockSize): Promise<CacheBlock> {
  const residents: Record<string, Resident> = {};
  const shape = cacheShape(config, size);
  for (const name of cacheNames(config.layerCount)) {
    residents[name] = await backend.zeros({ shape, dtype: "float32" });
  }
  return { ...size, residents };
}

export const freeBlock = ({ backend }: BlockContext, block: CacheBlock): Promise<void> =>
  backend.free(Object.values(block.residents));

/**
 * A new block whose row i is row `index[i]` of the sources laid end to end; the sources are freed, layer by layer, so
 * that no two whole blocks are held. Rows beyond `index` hold nothing of meaning.
 */
export async function arrangeRows(
  context: BlockContext,
  sources: readonly CacheBlock[],
  { index, ...size }: BlockSize & { index: readonly number[] },
): Promise<CacheBlock> {
  const { backend, config } = context;
  const key = JSON.stringify(["arrange", size, sources.map(({ rows, capacity }) => [rows, capacity])]);
  const program = await context.program(key, () => arrangeGraph(config, sources, size));
  const data = new Int32Array(size.rows);
  data.set(index);
  const picked: HostTensor = { shape: [size.rows], dtype: "int32", data };
  const shape = cacheShape(config, size);
  const residents: Record<string, Resident> = {};
  for (const name of cacheNames(config.layerCount)) {
    const own = sources.map((block) => block.residents[name]!);
    const target = await backend.zeros({ shape, dtype: "float32" });
    const feeds = Object.fromEntries(own.map((resident, i) => [`source.${i}`, resident]));
    await program.run({ ...feeds, index: picked }, { into: { rows: target } });
    await backend.free(own);
    residents[name] = target;
  }
  return { ...size, residents };
}

function arrangeGraph(
  config: ModelConfig,
  sources: readonly BlockSize[],
  { rows, capacity }: BlockSize,
): Graph {
  const inputs = sources.map((size, i) => input(`source.${i}`, cacheShape(config, size)));
  const index = input("index", [rows], "int32");
  const fitted = inputs.map((t) => fit(t, capacity));
  return {
    inputs: { ...Object.fromEntries(inputs.map((t, i) => [`source.${i}`, t])), index },
    outputs: { rows: gather(concat(fitted, 0), index) },
  };
}

function fit(cache: Tensor, capacity: number): Tensor {
  const own = cache.shape[2]!;
  return own < capacity
    ? pad(cache, 2, { before: 0, after: capacity - own })
    : slice(cache, 2, { start: 0, end: capacity });
}
