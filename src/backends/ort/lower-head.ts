/**
 * Log-probabilities of labels under a trained language-model head, and their gradients, in chunks of rows (for a frozen head
 * see `lower-frozen-head.ts`): the logits of one chunk exist at a time, and the backward pass makes them again. With p = softmax(logits):
 *   d logp / d hidden = g (W[label] - p W),   d logp / d W = scatter(g hidden) - p^T (g hidden)
 * so that no pass over [chunk, vocabulary] is needed but the product, the softmax and one more product.
 */
import type { LogProbAttrs, Node, Shape } from "../../tensor/index.js";
import type { Emitter } from "./emitter.js";

interface Context {
  e: Emitter;
  in: readonly string[];
  node: Node;
  attrs: LogProbAttrs;
  shapes: readonly Shape[];
}

interface Chunk {
  start: number;
  end: number;
  whole: boolean;
}

function chunks(rows: number, size: number): Chunk[] {
  const count = Math.max(1, Math.ceil(rows / size));
  return Array.from({ length: count }, (_, i) => ({
    start: i * size,
    end: Math.min(rows, (i + 1) * size),
    whole: count === 1,
  }));
}

const cut = (e: Emitter, name: string, c: Chunk): string =>
  c.whole ? name : e.emit("Slice", [name, e.int64s([c.start]), e.int64s([c.end]), e.int64s([0])]);

const join = (e: Emitter, parts: readonly string[]): string =>
  parts.length === 1 ? parts[0]! : e.emit("Concat", parts, { attributes: { axis: { int: 0 } } });

const last = { axis: { int: -1 } };

/** Logits of a chunk, and 1 - tanh^2 where they are soft-capped. */
function logits(
  e: Emitter,
  { hidden, weight }: { hidden: string; weight: string },
  attrs: LogProbAttrs,
): { value: string; slope?: string } {
  const alpha = attrs.softcap > 0 ? 1 / attrs.softcap : attrs.scale;
  const raw = e.emit("Gemm", [hidden, weight], { attributes: { transB: { int: 1 }, alpha } });
  if (attrs.softcap === 0) return { value: raw };
  const t = e.emit("Tanh", [raw]);
  const one = e.literal("float32", [], [1]);
  return {
    value: e.emit("Mul", [t, e.literal("float32", [], [attrs.softcap * attrs.scale])]),
    slope: e.emit("Sub", [one, e.emit("Mul", [t, t])]),
  };
}

const column = (e: Emitter, name: string): string => e.emit("Reshape", [name, e.int64s([-1, 1])]);
const flat = (e: Emitter, name: string): string => e.emit("Reshape", [name, e.int64s([-1])]);

function pick(e: Emitter, matrix: string, labels: string): string {
  return flat(e, e.emit("GatherElements", [matrix, column(e, labels)], { attributes: last }));
}

export function lowerLogProbs({ e, in: [hidden, weight, labels], attrs, shapes }: Context): string {
  return join(
    e,
    chunks(shapes[0]![0]!, attrs.chunk).map((c) => {
      const { value } = logits(e, { hidden: cut(e, hidden!, c), weight: weight! }, attrs);
      return pick(e, e.emit("LogSoftmax", [value], { attributes: last }), cut(e, labels!, c));
    }),
  );
}

/** p times the slope of the soft cap, and the same for the label alone (a column). */
function weights(
  e: Emitter,
  head: { hidden: string; weight: string; labels: string },
  attrs: LogProbAttrs,
): { p: string; atLabel?: string } {
  const { value, slope } = logits(e, head, attrs);
  const p = e.emit("Softmax", [value], { attributes: last });
  if (slope === undefined) return { p };
  return { p: e.emit("Mul", [p, slope]), atLabel: column(e, pick(e, slope, head.labels)) };
}

export function lowerLogProbsGradHidden({
  e,
  in: [hidden, weight, labels, g],
  attrs,
  shapes,
}: Context): string {
  const scale = e.literal("float32", [], [attrs.scale]);
  return join(
    e,
    chunks(shapes[0]![0]!, attrs.chunk).map((c) => {
      const own = cut(e, labels!, c);
      const { p, atLabel } = weights(e, { hidden: cut(e, hidden!, c), weight: weight!, labels: own }, attrs);
      const expected = e.emit("Gemm", [p, weight!]);
      const rows = e.emit("Gather", [weight!, own], { attributes: { axis: { int: 0 } } });
      const target = atLabel === undefined ? rows : e.emit("Mul", [rows, atLabel]);
      const factor = column(e, cut(e, g!, c));
      return e.emit("Mul", [
        e.emit("Sub", [target, expected]),
        attrs.scale === 1 ? factor : e.emit("Mul", [factor, scale]),
      ]);
    }),
  );
}

export function lowerLogProbsGradWeight({
  e,
  in: [hidden, weight, labels, g],
  attrs,
  shapes,
}: Context): string {
  const [rows, width] = shapes[1]!;
  const zeros = e.emit("ConstantOfShape", [e.int64s([rows!, width!])]);
  const scale = e.literal("float32", [], [attrs.scale]);
  let total = "";
  const targets: string[] = [];
  for (const c of chunks(shapes[0]![0]!, attrs.chunk)) {
    const own = cut(e, labels!, c);
    const states = cut(e, hidden!, c);
    const { p, atLabel } = weights(e, { hidden: states, weight: weight!, labels: own }, attrs);
    const factor = column(e, cut(e, g!, c));
    const weighted = e.emit("Mul", [states, attrs.scale === 1 ? factor : e.emit("Mul", [factor, scale])]);
    targets.push(atLabel === undefined ? weighted : e.emit("Mul", [weighted, atLabel]));
    const attributes = { transA: { int: 1 }, alpha: -1, beta: 1 };
    total = e.emit("Gemm", total === "" ? [p, weighted] : [p, weighted, total], { attributes });
  }
  // Not ScatterND: with several threads it races where a label occurs twice.
  const everywhere = e.emit("Expand", [column(e, labels!), e.int64s(shapes[0]!)]);
  const scattered = e.emit("ScatterElements", [zeros, everywhere, join(e, targets)], {
    attributes: { axis: { int: 0 }, reduction: { text: "add" } },
  });
  return e.emit("Add", [total, scattered]);
}

/**
 * Entropy, hits and mean logits from the log-softmax that the log-probabilities are read from. The label is the likeliest
 * when nothing is above it; the mean logit is the state times the mean row of the head, unless a soft cap bends it.
 */
export function lowerVocabularyStats({ e, in: [hidden, weight, labels], attrs, shapes }: Context): string[] {
  const columns = e.int64s([1]);
  const drop = { keepdims: { int: 0 } };
  const centre = (): string =>
    e.emit("ReduceMean", [weight!, e.int64s([0])], { attributes: { keepdims: { int: 1 } } });
  const parts = chunks(shapes[0]![0]!, attrs.chunk).map((c) => {
    const states = cut(e, hidden!, c);
    const { value, slope } = logits(e, { hidden: states, weight: weight! }, attrs);
    const ls = e.emit("LogSoftmax", [value], { attributes: last });
    const products = e.emit("Mul", [e.emit("Exp", [ls]), ls]);
    const entropy = e.emit("Neg", [e.emit("ReduceSum", [products, columns], { attributes: drop })]);
    const best = e.emit("ReduceMax", [ls, columns], { attributes: drop });
    const below = e.emit("Less", [pick(e, ls, cut(e, labels!, c)), best]);
    const correct = e.emit("Cast", [e.emit("Not", [below])], { attributes: { to: { int: 1 } } });
    const mean =
      slope === undefined
        ? flat(
            e,
            e.emit("Gemm", [states, centre()], { attributes: { transB: { int: 1 }, alpha: attrs.scale } }),
          )
        : e.emit("ReduceMean", [value, columns], { attributes: drop });
    return [entropy, correct, mean];
  });
  return [0, 1, 2].map((i) =>
    join(
      e,
      parts.map((p) => p[i]!),
    ),
  );
}
