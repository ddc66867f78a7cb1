/**
 * The forward passes of generation: prompts, whose keys and values are kept, and one more token a row beside a cache of
 * all before it. The layers are the decoder's own; only what a token attends to differs. Caches are read here and
 * never written: the new entries are outputs, which the caller has the backend put in place. Knows nothing of sampling.
 */
import {
  add,
  and,
  cast,
  concat,
  constant,
  div,
  gather,
  less,
  matmul,
  mul,
  not,
  reshape,
  softmax,
  split,
  sub,
  tanh,
  type Tensor,
  transpose,
  where,
} from "../../tensor/index.js";
import type { LayerConfig, ModelConfig } from "../config/types.js";
import { attention, type AttentionMasks, attentionMasks, type AttentionSettings } from "./attention.js";
import { causalPlan } from "./attention-plan.js";
import { type ModelGraph, type Projected, runLayers } from "./decoder.js";
import type { AdaptedModules } from "./linear.js";

/** One layer's keys and values, each [rows, kvHeads, tokens, headDim]. */
export interface LayerCache {
  readonly k: Tensor;
  readonly v: Tensor;
}

export interface StepTokens {
  readonly inputIds: Tensor; // int32 [rows, steps]
  readonly positions: Tensor; // int32 [rows, steps]
  /** Position of each row's newest token, int32 [rows]. */
  readonly last: Tensor;
}

export interface CachedOptions {
  /** Modules with an adapter; default: none. */
  readonly adapters?: AdaptedModules;
  /** Length in tokens that ropes which stretch with length (longrope, dynamic) are made for. Default: all there is room for. */
  readonly sequenceLength?: number;
}

export interface CachedForward {
  /** States of each row's newest token after the final norm, [rows, hidden]. */
  readonly states: Tensor;
  /** Keys and values of this step's tokens, [rows, kvHeads, steps, headDim], layer by layer. */
  readonly entries: readonly LayerCache[];
}

/** Shape of one layer's keys (and of its values). */
export const cacheShape = (
  { kvHeads, headDim }: Pick<ModelConfig, "kvHeads" | "headDim">,
  { rows, capacity }: { rows: number; capacity: number },
): [number, number, number, number] => [rows, kvHeads, capacity, headDim];

/** Prompts, padded on the right to one length. What comes out of padding is never read. */
export function promptForward(
  model: ModelGraph,
  tokens: StepTokens,
  options: CachedOptions = {},
): CachedForward {
  const [rows, length] = tokens.inputIds.shape as [number, number];
  const plan = causalPlan(length);
  const index = constant(range(length), [1, length], "int32");
  const segments = cast(not(less(reshape(tokens.last, [rows, 1]), index)), "int32"); // 1 up to the last token
  const layout = { ...tokens, segments, parents: constant(0, [rows, length], "int32") };
  const masks = new Map<number | null, AttentionMasks>();
  const masksOf = (window: number | null): AttentionMasks => {
    const known = masks.get(window) ?? attentionMasks(layout, plan, window);
    masks.set(window, known);
    return known;
  };
  const entries: LayerCache[] = [];
  const hidden = runLayers(model, {
    tokens,
    reach: length,
    sequenceLength: options.sequenceLength,
    adapters: options.adapters ?? new Map(),
    recompute: "none",
    attend: (qkv, { layer, index: at, settings }) => {
      entries[at] = { k: byHead(qkv.k, settings), v: byHead(qkv.v, settings) };
      return attention(qkv, masksOf(layer.window), { ...settings, plan });
    },
  });
  const starts = constant(
    range(rows).map((row) => row * length),
    [rows],
    "int32",
  );
  return { states: gather(hidden, add(tokens.last, starts)), entries };
}

/** One more token a row, which sees the cache's entries below its own position, and itself. */
export function nextForward(
  model: ModelGraph,
  tokens: StepTokens,
  { caches, ...options }: CachedOptions & { caches: readonly LayerCache[] },
): CachedForward {
  const capacity = caches[0]!.k.shape[2]!;
  const masks = new Map<number | null, Tensor>();
  const maskOf = (window: number | null): Tensor => {
    const known = masks.get(window) ?? pastMask(tokens.last, { capacity, window });
    masks.set(window, known);
    return known;
  };
  const entries: LayerCache[] = [];
  const states = runLayers(model, {
    tokens,
    reach: capacity,
    sequenceLength: options.sequenceLength,
    adapters: options.adapters ?? new Map(),
    recompute: "none",
    attend: (qkv, { layer, index, settings }) => {
      const own = { k: byHead(qkv.k, settings), v: byHead(qkv.v, settings) };
      entries[index] = own;
      return attendPast(qkv.q, { own, past: caches[index]!, mask: maskOf(layer.window) }, settings);
    },
  });
  return { states, entries };
}

const HIDDEN = -1e30;

/** Additive mask over the cache, [rows, 1, 1, capacity]. The layer's window counts the new token itself. */
function pastMask(last: Tensor, o: { capacity: number; window: LayerConfig["window"] }): Tensor {
  const own = reshape(last, [-1, 1]);
  const index = constant(range(o.capacity), [1, o.capacity], "int32");
  const before = less(index, own);
  const near =
    o.window === null ? before : and(before, less(sub(own, index), constant(o.window, [], "int32")));
  return reshape(where(near, constant(0), constant(HIDDEN)), [last.shape[0]!, 1, 1, o.capacity]);
}

/** [rows, length, heads * d] -> [rows, heads, length, d] */
function byHead(x: Tensor, { kvHeads, headDim }: AttentionSettings): Tensor {
  const [rows, length] = x.shape as [number, number];
  // With one token a row the two layouts are the same numbers.
  if (length === 1) return reshape(x, [rows, kvHeads, 1, headDim]);
  return transpose(reshape(x, [rows, length, kvHeads, headDim]), [0, 2, 1, 3]);
}

/** Query heads that share a key head are stacked, so keys are read once for all of them. */
function attendPast(
  query: Projected["q"],
  { own, past, mask }: { own: LayerCache; past: LayerCache; mask: Tensor },
  { heads, kvHeads, headDim, scale, softcap }: AttentionSettings,
): Tensor {
  const rows = query.shape[0]!;
  const q = reshape(query, [rows, kvHeads, heads / kvHeads, headDim]);
  const scores = (k: Tensor): Tensor => {
    const raw = matmul(q, k, { transB: true, alpha: scale });
    return softcap === null ? raw : mul(tanh(div(raw, softcap)), softcap);
  };
  const capacity = past.k.shape[2]!;
  const p = softmax(concat([add(scores(past.k), mask), scores(own.k)], 3));
  const [before, itself] = split(p, 3, [capacity, 1]);
  const out = add(matmul(before!, past.v), mul(itself!, own.v));
  return reshape(out, [rows, heads * headDim]);
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
