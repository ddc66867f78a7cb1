/**
 * The forward pass of generation: a few new tokens a row beside a cache of the keys and values of all tokens before.
 * The layers are the decoder's own; only what a token attends to differs. Knows nothing of sampling or of when a row ends.
 */
import { add, apply, constant, gather, input, pad, reshape, slice, type Tensor } from "../../tensor/index.js";
import type { ModelConfig } from "../config/types.js";
import { type ModelGraph, runLayers } from "./decoder.js";
import type { AdaptedModules } from "./linear.js";

/** One layer's keys and values, each of the shape `cacheShape`. */
export interface LayerCache {
  readonly k: Tensor;
  readonly v: Tensor;
}

export interface CachedTokens {
  readonly inputIds: Tensor; // int32 [rows, steps]
  readonly positions: Tensor; // int32 [rows, steps]
  /** Index in the cache of each row's newest token after this step, int32 [rows]. */
  readonly last: Tensor;
  /** Entries to look at, int32 [1]: `steps` for prompts, the largest of last + 1 for single tokens. */
  readonly total: Tensor;
}

export interface CachedSizes {
  readonly rows: number;
  /** Tokens a row: 1 to go on, or the padded length of prompts, whose rows start from an empty cache. */
  readonly steps: number;
  /** Tokens that the cache has room for. */
  readonly capacity: number;
}

export interface CachedForward {
  /** States of each row's newest token after the final norm, [rows, hidden]. */
  readonly states: Tensor;
  /** The caches with the new entries. Write them in place. */
  readonly caches: readonly LayerCache[];
}

/** Graph inputs under the names `inputIds`, `positions`, `last`, `total`. */
export function cachedTokenInputs({ rows, steps }: CachedSizes): CachedTokens {
  return {
    inputIds: input("inputIds", [rows, steps], "int32"),
    positions: input("positions", [rows, steps], "int32"),
    last: input("last", [rows], "int32"),
    total: input("total", [1], "int32"),
  };
}

/** Cached heads are padded with zeros to a multiple of this, which the kernel of ONNX Runtime asks for. */
const headMultiple = 8;

const paddedHead = (headDim: number): number => Math.ceil(headDim / headMultiple) * headMultiple;

/** Shape of one layer's keys (and of its values). */
export const cacheShape = (
  { kvHeads, headDim }: Pick<ModelConfig, "kvHeads" | "headDim">,
  { rows, capacity }: Pick<CachedSizes, "rows" | "capacity">,
): [number, number, number, number] => [rows, kvHeads, capacity, paddedHead(headDim)];

/** Graph inputs named `k.LAYER` and `v.LAYER`. */
export function cacheInputs(config: ModelConfig, sizes: CachedSizes): LayerCache[] {
  const shape = cacheShape(config, sizes);
  return config.layers.map((_, i) => ({ k: input(`k.${i}`, shape), v: input(`v.${i}`, shape) }));
}

export interface CachedOptions {
  readonly caches: readonly LayerCache[];
  /** Modules with an adapter; default: none. */
  readonly adapters?: AdaptedModules;
  /** Length in tokens that ropes which stretch with length (longrope, dynamic) are made for. Default: the capacity. */
  readonly sequenceLength?: number;
}

/** Runs the layers over the new tokens. Prompts are padded on the right; what comes out of padding is never read. */
export function cachedForward(
  model: ModelGraph,
  tokens: CachedTokens,
  { caches, adapters = new Map(), sequenceLength }: CachedOptions,
): CachedForward {
  const [rows, steps] = tokens.inputIds.shape as [number, number];
  const written: LayerCache[] = [];
  const hidden = runLayers(model, {
    tokens,
    reach: caches[0]!.k.shape[2]!,
    sequenceLength,
    adapters,
    recompute: "none",
    attend: ({ q, k, v }, { layer, index, settings }) => {
      const past = caches[index]!;
      const { headDim } = settings;
      const [out, newK, newV] = apply(
        "cachedAttention",
        [...[q, k, v].map((t) => widenHeads(t, headDim)), past.k, past.v, tokens.last, tokens.total],
        {
          heads: settings.heads,
          kvHeads: settings.kvHeads,
          scale: settings.scale,
          window: layer.window ?? 0,
          softcap: settings.softcap ?? 0,
        },
      );
      written[index] = { k: newK!, v: newV! };
      return narrowHeads(reshape(out!, [rows * steps, -1]), headDim);
    },
  });
  return { states: steps === 1 ? hidden : newest(hidden, tokens.last, steps), caches: written };
}

/** [rows, steps, heads * d] -> the same with zeros after each head. Zeros change neither scores nor sums. */
function widenHeads(x: Tensor, headDim: number): Tensor {
  const extra = paddedHead(headDim) - headDim;
  if (extra === 0) return x;
  const [rows, steps, width] = x.shape as [number, number, number];
  const heads = width / headDim;
  const padded = pad(reshape(x, [rows, steps, heads, headDim]), 3, { before: 0, after: extra });
  return reshape(padded, [rows, steps, heads * (headDim + extra)]);
}

/** [n, heads * padded d] -> [n, heads * d] */
function narrowHeads(x: Tensor, headDim: number): Tensor {
  const padded = paddedHead(headDim);
  if (padded === headDim) return x;
  const [n, width] = x.shape as [number, number];
  const heads = width / padded;
  return reshape(slice(reshape(x, [n, heads, padded]), 2, { start: 0, end: headDim }), [n, heads * headDim]);
}

/** The state of every row's newest token, from [rows * steps, hidden]. */
function newest(hidden: Tensor, last: Tensor, steps: number): Tensor {
  const rows = last.shape[0]!;
  const starts = constant(
    Array.from({ length: rows }, (_, row) => row * steps),
    [rows],
    "int32",
  );
  return gather(hidden, add(last, starts));
}
