/**
 * A block of cached keys and values, and its change of size: finished rows leave, room is made for more rows or longer
 * ones. Knows rows by index, not what they say.
 */
import { cacheShape, type ModelConfig } from "../models/index.js";
import {
  type Backend,
  gather,
  type Graph,
  type HostTensor,
  input,
  pad,
  type Program,
  type Resident,
  slice,
} from "../tensor/index.js";
import { rowBucket } from "./buckets.js";
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
 * A block of another size whose row i is row `index[i]` of the old one, which is freed layer by layer, so that no two
 * whole blocks are held. Rows beyond `index` hold nothing of meaning.
 */
export async function resizeBlock(
  context: BlockContext,
  old: CacheBlock,
  { index, ...size }: BlockSize & { index: readonly number[] },
): Promise<CacheBlock> {
  const { backend, config } = context;
  const key = JSON.stringify(["resize", old.rows, old.capacity, size.rows, size.capacity]);
  const program = await context.program(key, () => resizeGraph(config, old, size));
  const data = new Int32Array(size.rows);
  data.set(index);
  const picked: HostTensor = { shape: [size.rows], dtype: "int32", data };
  const shape = cacheShape(config, size);
  const residents: Record<string, Resident> = {};
  for (const name of cacheNames(config.layerCount)) {
    const source = old.residents[name]!;
    const target = await backend.zeros({ shape, dtype: "float32" });
    await program.run({ cache: source, index: picked }, { into: { rows: target } });
    await backend.free([source]);
    residents[name] = target;
  }
  return { ...size, residents };
}

/** A row that goes from one block to another, with so many entries. */
export interface RowMove {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/** Copies rows into another block, which has room for them; `source` keeps them. */
export async function copyRows(
  context: BlockContext,
  { source, target }: { source: CacheBlock; target: CacheBlock },
  moves: readonly RowMove[],
): Promise<void> {
  const rows = rowBucket(moves.length, source.rows);
  const steps = Math.min(source.capacity, target.capacity);
  const key = JSON.stringify(["copy", source.rows, source.capacity, rows, steps]);
  const program = await context.program(key, () => copyGraph(context.config, source, { rows, steps }));
  const data = new Int32Array(rows);
  data.set(moves.map(({ from }) => from));
  const of = (value: (move: RowMove, i: number) => number): Int32Array => Int32Array.from(moves, value);
  const where = { from: of((_, i) => i), to: of(({ to }) => to), at: of(() => 0), count: of((m) => m.count) };
  const index: HostTensor = { shape: [rows], dtype: "int32", data };
  const place = Object.entries(target.residents).map(([name, resident]) => [name, { resident, ...where }]);
  await program.run({ ...source.residents, index }, { place: Object.fromEntries(place) });
}

function copyGraph(
  config: ModelConfig,
  source: BlockSize,
  { rows, steps }: { rows: number; steps: number },
): Graph {
  const index = input("index", [rows], "int32");
  const caches = cacheNames(config.layerCount).map(
    (name) => [name, input(name, cacheShape(config, source))] as const,
  );
  return {
    inputs: { index, ...Object.fromEntries(caches) },
    outputs: Object.fromEntries(
      caches.map(([name, cache]) => [name, gather(slice(cache, 2, { start: 0, end: steps }), index)]),
    ),
  };
}

function resizeGraph(config: ModelConfig, old: BlockSize, { rows, capacity }: BlockSize): Graph {
  const cache = input("cache", cacheShape(config, old));
  const index = input("index", [rows], "int32");
  const kept = gather(slice(cache, 2, { start: 0, end: Math.min(capacity, old.capacity) }), index);
  return {
    inputs: { cache, index },
    outputs: { rows: pad(kept, 2, { before: 0, after: capacity - kept.shape[2]! }) },
  };
}
