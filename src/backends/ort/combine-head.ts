/**
 * What the chunks of a vocabulary gave, put together: log-probabilities, the rows that the gradient needs, entropy, hits, mean
 * logits. Knows names, not how a chunk was made.
 */
import type { LogProbAttrs } from "../../tensor/index.js";
import type { Emitter } from "./emitter.js";

/** Each [n], but `expected` [n, d] and `slope` [n, 1]. */
export type HeadResult = "logProbs" | "expected" | "slope" | "entropy" | "hits" | "mean";

/** What one chunk of the vocabulary gives, each [rows, 1] but `expected` [rows, d]. */
export interface HeadPart {
  max: string;
  /** sum exp(logits - max) */
  sum: string;
  /** The label's logit where it lies in this chunk, else 0. */
  label: string;
  /** The slope of the soft cap at the label, likewise. */
  slope?: string;
  /** exp(logits - max) W_c, with the slope of the soft cap. */
  expected?: string;
  /** sum exp(logits - max) (logits - max) */
  weighted?: string;
  /** sum of logits */
  total?: string;
}

export const addAll = (e: Emitter, names: readonly string[]): string =>
  names.length === 1 ? names[0]! : e.emit("Sum", names);

/** `centre` gives the mean row of the matrix [1, d]. */
export function combineHead(
  e: Emitter,
  { attrs, results }: { attrs: LogProbAttrs; results: ReadonlyMap<HeadResult, string> },
  o: { parts: readonly HeadPart[]; hidden: string; centre: () => string; vocabulary: number },
): Map<HeadResult, string> {
  const { parts } = o;
  const each = (make: (part: HeadPart, i: number) => string): string[] => parts.map(make);
  const total = (make: (part: HeadPart, i: number) => string): string => addAll(e, each(make));
  const flat = (name: string): string => e.emit("Reshape", [name, e.int64s([-1])]);
  const maxima = each((part) => part.max);
  const max = maxima.length === 1 ? maxima[0]! : e.emit("Max", maxima);
  const lower = maxima.map((name) => e.emit("Sub", [name, max]));
  const factors = lower.map((name) => e.emit("Exp", [name]));
  const sums = each((part, i) => e.emit("Mul", [part.sum, factors[i]!]));
  const sum = addAll(e, sums);
  const logSum = e.emit("Log", [sum]);
  const label = total((part) => part.label);

  const out = new Map<HeadResult, string>();
  out.set("logProbs", flat(e.emit("Sub", [label, e.emit("Add", [max, logSum])])));
  const slope = attrs.softcap > 0;
  if (slope)
    out.set(
      "slope",
      total((part) => part.slope!),
    );
  if (results.has("expected")) {
    const shares = factors.map((factor) => e.emit("Div", [factor, sum]));
    out.set(
      "expected",
      total((part, i) => e.emit("Mul", [part.expected!, shares[i]!])),
    );
  }
  if (results.has("entropy")) {
    const all = total((part, i) =>
      e.emit("Add", [e.emit("Mul", [part.weighted!, factors[i]!]), e.emit("Mul", [sums[i]!, lower[i]!])]),
    );
    out.set("entropy", flat(e.emit("Sub", [logSum, e.emit("Div", [all, sum])])));
  }
  if (results.has("hits")) {
    const hit = e.emit("Not", [e.emit("Less", [label, max])]);
    out.set("hits", flat(e.emit("Cast", [hit], { attributes: { to: { int: 1 } } })));
  }
  if (results.has("mean")) {
    // The mean logit is the state times the mean row, unless a soft cap bends it.
    const attributes = { transB: { int: 1 }, alpha: attrs.scale };
    const mean = slope
      ? e.emit("Mul", [total((part) => part.total!), e.literal("float32", [], [1 / o.vocabulary])])
      : e.emit("Gemm", [o.hidden, o.centre()], { attributes });
    out.set("mean", flat(mean));
  }
  return out;
}
