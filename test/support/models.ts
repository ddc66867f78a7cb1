/** Golden model cases as graphs: packs plain rows, builds logits, losses and gradients. */
import { type Backend, gather, grad, input, mul, neg, sum, type Tensor } from "../../src/tensor/index.js";
import {
  type AdaptedModules,
  bindWeights,
  hiddenStates,
  type ModelFolder,
  type ModelGraph,
  parameterInputs,
  type Recompute,
  readTensor64,
  targetLogProbs,
  tokenInputs,
  type TokenInputs,
  wholeLogits,
} from "../../src/models/index.js";

export interface PackedRows {
  tokens: TokenInputs;
  feeds: Record<string, { shape: number[]; dtype: "int32"; data: Int32Array }>;
  /** Flat indices of the real tokens, rows in order. */
  real: number[];
  rows: number;
  length: number;
}

/** Right-pads plain rows, one sequence a row. */
export function packRows(rows: readonly (readonly number[])[]): PackedRows {
  const length = Math.max(...rows.map((r) => r.length));
  const make = (value: (row: number, t: number) => number) => ({
    shape: [rows.length, length],
    dtype: "int32" as const,
    data: Int32Array.from({ length: rows.length * length }, (_, i) =>
      value(Math.floor(i / length), i % length),
    ),
  });
  const inside = (row: number, t: number): boolean => t < rows[row]!.length;
  return {
    tokens: tokenInputs(rows.length, length),
    feeds: {
      inputIds: make((r, t) => rows[r]![t] ?? 0),
      positions: make((r, t) => (inside(r, t) ? t : 0)),
      segments: make((r, t) => (inside(r, t) ? 1 : 0)),
      parents: make(() => 0),
    },
    real: rows.flatMap((row, r) => row.map((_, t) => r * length + t)),
    rows: rows.length,
    length,
  };
}

export const ints = (values: readonly number[]) => ({
  shape: [values.length],
  dtype: "int32" as const,
  data: Int32Array.from(values),
});

export interface ModelRun {
  logits: number[];
  tokenLogProbs: number[];
  meanNll: number;
  gradients: Map<string, ArrayLike<number>>;
}

export interface ModelRunOptions {
  trainable?: readonly string[];
  adapters?: AdaptedModules;
  /** Extra parameters (adapters) by canonical name. */
  extra?: ReadonlyMap<string, { shape: readonly number[]; data: Float64Array }>;
  recompute?: Recompute;
}

/** Logits, log-probabilities, mean loss over all targets, and its gradients, for a language-model case. */
export async function runLanguageModel(
  backend: Backend,
  folder: ModelFolder,
  { rows, ...o }: ModelRunOptions & { rows: readonly (readonly number[])[] },
): Promise<ModelRun> {
  const packed = packRows(rows);
  const values = new Map<string, { shape: readonly number[]; data: Float64Array }>(o.extra);
  for (const name of o.trainable ?? []) {
    const entry = folder.tensors.get(name);
    if (entry) values.set(name, { shape: entry.shape, data: readTensor64(entry) });
  }
  const trainable = parameterInputs(Object.fromEntries([...values].map(([name, v]) => [name, v.shape])));
  const model: ModelGraph = { config: folder.config, weights: bindWeights(folder, trainable) };
  const hidden = hiddenStates(model, packed.tokens, {
    adapters: o.adapters ?? new Map(),
    recompute: o.recompute ?? "attention",
  });

  const sources = rows.flatMap((row, r) => row.slice(1).map((_, t) => r * packed.length + t));
  const labels = rows.flatMap((row) => row.slice(1));
  const at = input("sources", [sources.length], "int32");
  const want = input("labels", [labels.length], "int32");
  const logps = targetLogProbs(model, hidden, { sources: at, labels: want, head: { chunk: 7 } });
  const loss = mul(neg(sum(logps)), 1 / labels.length);
  const names = Object.keys(trainable);
  const gradients = grad(loss, Object.values(trainable));
  const outputs: Record<string, Tensor> = {
    logps,
    loss,
    logits: wholeLogits(model, gather(hidden, input("real", [packed.real.length], "int32"))),
  };
  names.forEach((name, i) => (outputs[`grad:${name}`] = gradients[i]!));
  const inputs = {
    ...packed.tokens,
    sources: at,
    labels: want,
    real: input("real", [packed.real.length], "int32"),
    ...trainable,
  };
  const program = await backend.compile({ inputs, outputs });
  const feeds: Record<
    string,
    { shape: readonly number[]; dtype: "int32" | "float32"; data: Int32Array | Float64Array | Float32Array }
  > = {
    ...packed.feeds,
    sources: ints(sources),
    labels: ints(labels),
    real: ints(packed.real),
  };
  for (const [name, v] of values) feeds[name] = { shape: v.shape, dtype: "float32", data: v.data };
  const result = await program.run(feeds);
  await program.release();
  return {
    logits: Array.from(result["logits"]!.data),
    tokenLogProbs: Array.from(result["logps"]!.data),
    meanNll: result["loss"]!.data[0]!,
    gradients: new Map(names.map((name) => [name, result[`grad:${name}`]!.data])),
  };
}
