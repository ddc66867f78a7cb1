/**
 * A frozen language-model head, in chunks of its vocabulary: log-probabilities of labels, numbers of the whole distribution and what
 * the gradient of the hidden states needs, all in one pass, so that each chunk of logits is made once and each chunk of the
 * matrix read once. With m and z the maximum of a chunk's logits and the sum of exp(logits - m):
 *   log p(label) = logit(label) - lse,   lse = log sum_c z_c exp(m_c)
 *   d log p(label) / d hidden = W[label] - p W,   p W = sum_c exp(m_c - lse) (exp(logits - m_c) W_c)
 * What a graph wants of one head is collected first, wherever it is asked for, and emitted together.
 */
import type { LogProbAttrs, Tensor } from "../../tensor/index.js";
import { addAll, combineHead, type HeadPart, type HeadResult } from "./combine-head.js";
import type { Emitter } from "./emitter.js";
import type { FrozenWeights } from "./frozen-weights.js";
import { emitAfter } from "./lower-after.js";
import { multiplyBytes, type QuantisedRows, quantiseRows } from "./lower-frozen.js";

/** Names of results. */
export interface FrozenHead {
  /** [n] */
  logProbs(): string;
  /** [n, d], from g [n] */
  gradHidden(g: string): string;
  /** Entropy, hits, mean logits, each [n]. */
  stats(): string[];
}

interface Request {
  weight: Tensor;
  hidden: string;
  labels: string;
  rows: number;
  attrs: LogProbAttrs;
  /** Names that were promised. */
  results: Map<HeadResult, string>;
}

export interface HeadInputs {
  weight: Tensor;
  /** [n, d] */
  hidden: string;
  /** int32 [n] */
  labels: string;
  rows: number;
  attrs: LogProbAttrs;
}

interface Scope {
  e: Emitter;
  weights: FrozenWeights;
}

/** Columns of logits that exist at a time. The same for all programs, because a chunk of bytes is a file. */
const widest = 6144;

interface Range {
  start: number;
  end: number;
}

/** Nearly equal parts of at most `most`, multiples of 64 where there are several. */
function ranges(total: number, most: number): Range[] {
  const count = Math.max(1, Math.ceil(total / most));
  const size = count === 1 ? total : Math.ceil(total / count / 64) * 64;
  return Array.from({ length: count }, (_, i) => ({
    start: Math.min(total, i * size),
    end: Math.min(total, (i + 1) * size),
  })).filter(({ start, end }, i) => i === 0 || end > start);
}

export interface FrozenHeads {
  of(inputs: HeadInputs): FrozenHead;
  /** Emits what was asked for. */
  finish(): void;
}

export function frozenHeads(scope: Scope): FrozenHeads {
  const { e, weights } = scope;
  const requests = new Map<string, Request>();
  return {
    of(inputs) {
      const { weight, hidden, labels, attrs } = inputs;
      const key = JSON.stringify([hidden, labels, weight.node.id, attrs]);
      const request: Request = requests.get(key) ?? { ...inputs, results: new Map() };
      requests.set(key, request);
      const promise = (result: HeadResult): string => {
        const name = request.results.get(result) ?? e.name();
        request.results.set(result, name);
        return name;
      };
      return {
        logProbs: () => promise("logProbs"),
        stats: () => [promise("entropy"), promise("hits"), promise("mean")],
        gradHidden: (g) => {
          const rows = weights.pick(weight, labels);
          const target = attrs.softcap === 0 ? rows : e.emit("Mul", [rows, promise("slope")]);
          const factor = e.emit("Mul", [column(e, g), e.literal("float32", [], [attrs.scale])]);
          return e.emit("Mul", [e.emit("Sub", [target, promise("expected")]), factor]);
        },
      };
    },
    finish() {
      for (const request of requests.values()) emitRequest(scope, request);
    },
  };
}

function emitRequest(scope: Scope, request: Request): void {
  const { e } = scope;
  const { attrs, rows, weight, results } = request;
  const chunks = ranges(weight.shape[0]!, widest);
  // As many numbers at a time as `chunk` rows of all the vocabulary would be.
  const width = chunks[0]!.end;
  const most = Math.max(1, Math.floor((attrs.chunk * weight.shape[0]!) / width));
  const blocks = ranges(rows, most).map((range) => emitRows(scope, request, { range, chunks }));
  for (const [result, name] of results) {
    const parts = blocks.map((block) => block.get(result)!);
    const whole =
      parts.length === 1 ? parts[0]! : e.emit("Concat", parts, { attributes: { axis: { int: 0 } } });
    e.nodes.push({ op: "Identity", inputs: [whole], outputs: [name] });
  }
}

const column = (e: Emitter, name: string): string => e.emit("Reshape", [name, e.int64s([-1, 1])]);
const along = { attributes: { keepdims: { int: 1 } } };

interface Rows {
  hidden: string;
  quantised: QuantisedRows | undefined;
  labels: string;
  shape: readonly [number, number];
}

function emitRows(
  scope: Scope,
  request: Request,
  { range, chunks }: { range: Range; chunks: readonly Range[] },
): Map<HeadResult, string> {
  const { e, weights } = scope;
  const { weight, rows: all } = request;
  const [vocabulary, width] = weight.shape as readonly [number, number];
  const { start, end } = range;
  const cut = (name: string): string =>
    end - start === all ? name : e.emit("Slice", [name, e.int64s([start]), e.int64s([end]), e.int64s([0])]);
  const hidden = cut(request.hidden);
  const labels = column(e, cut(request.labels));
  const shape = [end - start, width] as const;
  const matrices = chunks.map((chunk) => weights.rows(weight, chunk));
  const inBytes = matrices.every(({ bytes }) => bytes !== undefined);
  const quantised = inBytes ? quantiseRows(e, { name: hidden, rows: shape[0] }) : undefined;
  const parts: HeadPart[] = [];
  chunks.forEach((chunk, i) => {
    // A chunk waits for the one before, so that the logits of one exist at a time.
    const before = parts[i - 1];
    const wait = (name: string): string =>
      before ? emitAfter(e, name, { others: [before.sum], shape }) : name;
    const rows: Rows = {
      hidden: quantised ? hidden : wait(hidden),
      quantised: quantised && { ...quantised, bytes: wait(quantised.bytes) },
      labels,
      shape,
    };
    parts.push(emitPart(e, request, { rows, chunk, matrix: matrices[i]!, only: chunks.length === 1 }));
  });
  const centre = (): string => {
    const sums = matrices.map(({ floats }) => e.emit("ReduceSum", [floats, e.int64s([0])], along));
    return e.emit("Mul", [addAll(e, sums), e.literal("float32", [], [1 / vocabulary])]);
  };
  return combineHead(e, request, { parts, hidden, centre, vocabulary });
}

type Matrix = ReturnType<FrozenWeights["rows"]>;

/** Logits, and 1 - tanh^2 where they are soft-capped. */
function logits(
  e: Emitter,
  { softcap, scale }: LogProbAttrs,
  { rows, matrix }: { rows: Rows; matrix: Matrix },
): { value: string; slope?: string } {
  const alpha = softcap > 0 ? 1 / softcap : scale;
  const raw =
    rows.quantised && matrix.bytes
      ? multiplyBytes(e, rows.quantised, { ...matrix.bytes, alpha })
      : e.emit("Gemm", [rows.hidden, matrix.floats], { attributes: { transB: { int: 1 }, alpha } });
  if (softcap === 0) return { value: raw };
  const t = e.emit("Tanh", [raw]);
  return {
    value: e.emit("Mul", [t, e.literal("float32", [], [softcap * scale])]),
    slope: e.emit("Sub", [e.literal("float32", [], [1]), e.emit("Mul", [t, t])]),
  };
}

function emitPart(
  e: Emitter,
  { attrs, results }: Request,
  o: { rows: Rows; chunk: Range; matrix: Matrix; only: boolean },
): HeadPart {
  const { rows, matrix } = o;
  const columns = e.int64s([1]);
  const { value, slope } = logits(e, attrs, { rows, matrix });
  const max = e.emit("ReduceMax", [value, columns], along);
  const below = e.emit("Sub", [value, max]);
  const exps = e.emit("Exp", [below]);
  const sum = e.emit("ReduceSum", [exps, columns], along);
  const pick = picker(e, { ...o, labels: rows.labels });
  const part: HeadPart = { max, sum, label: pick(value) };
  if (slope !== undefined) part.slope = pick(slope);
  if (results.has("expected"))
    part.expected = e.emit("Gemm", [
      slope === undefined ? exps : e.emit("Mul", [exps, slope]),
      matrix.floats,
    ]);
  if (results.has("entropy"))
    part.weighted = e.emit("ReduceSum", [e.emit("Mul", [exps, below]), columns], along);
  if (results.has("mean") && slope !== undefined) part.total = e.emit("ReduceSum", [value, columns], along);
  // The sum is what the next chunk waits for: it comes last.
  const { sum: first, max: _, ...others } = part;
  part.sum = emitAfter(e, first, { others: Object.values(others), shape: [rows.shape[0], 1] });
  return part;
}

/** The entry of each row's label, 0 where the label lies in another chunk. */
function picker(
  e: Emitter,
  { labels, chunk, only }: { labels: string; chunk: Range; only: boolean },
): (matrix: string) => string {
  const take = (matrix: string, index: string): string =>
    e.emit("GatherElements", [matrix, index], { attributes: { axis: { int: 1 } } });
  if (only) return (matrix) => take(matrix, labels);
  const number = (n: number): string => e.literal("int32", [], [n]);
  const local = e.emit("Sub", [labels, number(chunk.start)]);
  const outside = e.emit("Or", [
    e.emit("Less", [labels, number(chunk.start)]),
    e.emit("Less", [number(chunk.end - 1), labels]),
  ]);
  const index = e.emit("Where", [outside, number(0), local]);
  return (matrix) => e.emit("Where", [outside, e.literal("float32", [], [0]), take(matrix, index)]);
}
