/**
 * The two graphs of generation: prompts into a fresh cache, and one more token a row. Both end in what choosing a token
 * needs, so that greedy decoding brings back two numbers a row. Knows nothing of rows that come and go.
 */
import {
  cachedForward,
  cachedTokenInputs,
  cacheInputs,
  type CachedSizes,
  type LayerCache,
  type ModelGraph,
  wholeLogits,
  type AdaptedModules,
} from "../models/index.js";
import { argmax, type Graph, input, logSoftmax, max, mul, softmax, type Tensor } from "../tensor/index.js";

/**
 * - `greedy`: outputs `token` int32 [rows] and `logProb` [rows].
 * - `sample`: input `inverseTemperature` [rows, 1]; outputs `probabilities` [rows, vocabulary] at that temperature and
 *   `topLogProb` [rows], the log-probability of the likeliest token at temperature 1.
 */
export type Choice = "greedy" | "sample";

export interface StepGraphOptions extends CachedSizes {
  readonly choice: Choice;
  readonly adapters?: AdaptedModules;
  /** See `CachedOptions`. */
  readonly sequenceLength?: number;
}

/** Names of the cache's inputs and outputs, layer by layer: `k.0`, `v.0`, ... */
export const cacheNames = (layers: number): string[] =>
  Array.from({ length: layers }, (_, i) => [`k.${i}`, `v.${i}`]).flat();

/** Inputs: the tokens, the caches, and every parameter of the model that is a graph input, by its name. */
export function stepGraph(
  model: ModelGraph,
  { choice, adapters, sequenceLength, ...sizes }: StepGraphOptions,
): Graph {
  const tokens = cachedTokenInputs(sizes);
  const caches = cacheInputs(model.config, sizes);
  const { states, caches: written } = cachedForward(model, tokens, { caches, adapters, sequenceLength });
  const logits = wholeLogits(model, states);
  const inverse = input("inverseTemperature", [sizes.rows, 1]);
  const parameters = [...model.weights].filter(([, t]) => t.node.op === "input");
  const named = (list: readonly LayerCache[]): [string, Tensor][] =>
    list.flatMap(({ k, v }, i): [string, Tensor][] => [
      [`k.${i}`, k],
      [`v.${i}`, v],
    ]);
  return {
    inputs: {
      ...tokens,
      ...(choice === "sample" && { inverseTemperature: inverse }),
      ...Object.fromEntries(named(caches)),
      ...Object.fromEntries(parameters),
    },
    outputs: {
      ...(choice === "greedy" ? greedy(logits) : distribution(logits, inverse)),
      ...Object.fromEntries(named(written)),
    },
  };
}

function greedy(logits: Tensor): Record<string, Tensor> {
  const logProbs = logSoftmax(logits);
  return { token: argmax(logProbs), logProb: max(logProbs, { axes: [-1] }) };
}

function distribution(logits: Tensor, inverse: Tensor): Record<string, Tensor> {
  return {
    probabilities: softmax(mul(logits, inverse)),
    topLogProb: max(logSoftmax(logits), { axes: [-1] }),
  };
}
