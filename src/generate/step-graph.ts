/**
 * The two graphs of generation: reading prompts, and one more token a row. Both end in what choosing a token needs, so
 * that greedy decoding brings back two numbers a row. Knows nothing of rows that come and go.
 */
import {
  type AdaptedModules,
  cacheShape,
  type LayerCache,
  type ModelGraph,
  nextForward,
  promptForward,
  wholeLogits,
} from "../models/index.js";
import { argmax, type Graph, input, logSoftmax, max, mul, softmax, type Tensor } from "../tensor/index.js";

/**
 * - `greedy`: outputs `token` int32 [rows] and `logProb` [rows].
 * - `sample`: input `inverseTemperature` [rows, 1]; outputs `probabilities` [rows, vocabulary] at that temperature and
 *   `topLogProb` [rows], the log-probability of the likeliest token at temperature 1.
 * - `rules`: as `sample`, and `logits` [rows, vocabulary], for rows that change theirs.
 */
export type Choice = "greedy" | "sample" | "rules";

export interface StepSize {
  readonly rows: number;
  /** Tokens a row: the padded length of prompts, or 1. */
  readonly steps: number;
  /** Tokens that the cache has room for; null: prompts, which begin without one. */
  readonly capacity: number | null;
}

export interface StepGraphOptions extends StepSize {
  readonly choice: Choice;
  readonly adapters?: AdaptedModules;
  /** See `CachedOptions`. */
  readonly sequenceLength?: number;
}

/** Names of the caches that a graph reads, and of the new entries that it gives, layer by layer: `k.0`, `v.0`, ... */
export const cacheNames = (layers: number): string[] =>
  Array.from({ length: layers }, (_, i) => [`k.${i}`, `v.${i}`]).flat();

/** Inputs: `inputIds`, `positions`, `last`, the caches, and every parameter of the model that is a graph input. */
export function stepGraph(model: ModelGraph, options: StepGraphOptions): Graph {
  const { rows, steps, capacity, choice } = options;
  const tokens = {
    inputIds: input("inputIds", [rows, steps], "int32"),
    positions: input("positions", [rows, steps], "int32"),
    last: input("last", [rows], "int32"),
  };
  const caches = capacity === null ? [] : cacheInputs(model, { rows, capacity });
  const { states, entries } =
    capacity === null
      ? promptForward(model, tokens, options)
      : nextForward(model, tokens, { ...options, caches });
  const logits = wholeLogits(model, states);
  const inverseTemperature = input("inverseTemperature", [rows, 1]);
  const parameters = [...model.weights].filter(([, t]) => t.node.op === "input");
  return {
    inputs: {
      ...tokens,
      ...(choice !== "greedy" && { inverseTemperature }),
      ...named(caches),
      ...Object.fromEntries(parameters),
    },
    outputs: {
      ...(choice === "greedy" ? greedy(logits) : distribution(logits, inverseTemperature)),
      ...(choice === "rules" && { logits }),
      ...named(entries),
    },
  };
}

function cacheInputs({ config }: ModelGraph, size: { rows: number; capacity: number }): LayerCache[] {
  const shape = cacheShape(config, size);
  return config.layers.map((_, i) => ({ k: input(`k.${i}`, shape), v: input(`v.${i}`, shape) }));
}

const named = (caches: readonly LayerCache[]): Record<string, Tensor> =>
  Object.fromEntries(
    caches.flatMap(({ k, v }, i): [string, Tensor][] => [
      [`k.${i}`, k],
      [`v.${i}`, v],
    ]),
  );

function greedy(logits: Tensor): Record<string, Tensor> {
  const logProbs = logSoftmax(logits);
  return { token: argmax(logProbs), logProb: max(logProbs, { axes: [-1] }) };
}

function distribution(logits: Tensor, inverseTemperature: Tensor): Record<string, Tensor> {
  return {
    probabilities: softmax(mul(logits, inverseTemperature)),
    topLogProb: max(logSoftmax(logits), { axes: [-1] }),
  };
}
