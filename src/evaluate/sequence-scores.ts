/**
 * What a model says of answers that already exist: the log-probability of each, or a reward model's score. Forward passes
 * only; knows no files and no training. Logarithms are natural and summed over an answer's tokens.
 */
import { layoutBatch, unitLengths, type Batch, type Example } from "../data/index.js";
import type { GenerationModel } from "../generate/index.js";
import {
  headOutputs,
  hiddenStates,
  planAttention,
  targetLogProbs,
  tokenInputs,
  type AttentionPlan,
} from "../models/index.js";
import { gather, input, type Backend, type HostTensor, type Program, type Tensor } from "../tensor/index.js";

export interface ScoreOptions {
  backend: Backend;
  model: GenerationModel;
  /** Examples run together, 1 or more. Default 64. */
  batchSize?: number;
}

/**
 * log p(completion | prompt), summed over its trained tokens: one number for each completion of each example.
 * The model must be a language model.
 */
export function sequenceLogProbs(examples: readonly Example[], options: ScoreOptions): Promise<number[][]> {
  return score(examples, options, {
    output: (model, { hidden, sources, labels }) => targetLogProbs(model.graph, hidden, { sources, labels }),
    // The grid says which targets belong to which completion.
    read: (values, batch, sequence) => {
      let total = 0;
      for (let t = 0; t < batch.width; t++) {
        const at = sequence * batch.width + t;
        if (batch.gridMask[at] === 1) total += values[batch.grid[at]!]!;
      }
      return total;
    },
  });
}

/** The reward of each completion of each example: the scalar head of a reward model, read at the last token. */
export function sequenceRewards(examples: readonly Example[], options: ScoreOptions): Promise<number[][]> {
  return score(examples, options, {
    output: (model, { hidden, ends }) => headOutputs(model.graph, gather(hidden, ends)),
    read: (values, _batch, sequence) => values[sequence]!,
  });
}

interface Tensors {
  hidden: Tensor; // [rows * length, hidden]
  sources: Tensor; // int32 [targets]
  labels: Tensor; // int32 [targets]
  ends: Tensor; // int32 [sequences]
}

interface Reading {
  output(model: GenerationModel, tensors: Tensors): Tensor;
  read(values: ArrayLike<number>, batch: Batch, sequence: number): number;
}

async function score(
  examples: readonly Example[],
  { backend, model, batchSize = 64 }: ScoreOptions,
  reading: Reading,
): Promise<number[][]> {
  const scores: number[][] = [];
  let compiled: { key: string; program: Program } | undefined;
  try {
    for (const batch of batchesOf(examples, batchSize)) {
      const plan = planAttention(batch);
      const key = JSON.stringify([batch.rows, batch.length, batch.targets, batch.sequences, plan.queries]);
      if (compiled?.key !== key) {
        await compiled?.program.release();
        compiled = { key, program: await compile(backend, { model, batch, plan, reading }) };
      }
      const { values } = await compiled.program.run({ ...feedsOf(batch), ...model.parameters });
      batch.ids.forEach((_, group) => {
        const first = group * batch.completionsPerGroup;
        scores.push(
          Array.from({ length: batch.completionsPerGroup }, (_, k) =>
            reading.read(values!.data, batch, first + k),
          ),
        );
      });
    }
  } finally {
    await compiled?.program.release();
  }
  return scores;
}

/** Batches of one shape, so that one graph serves them all: every size is the largest that any batch needs. */
function batchesOf(examples: readonly Example[], batchSize: number): Batch[] {
  const groups: Example[][] = [];
  for (let at = 0; at < examples.length; at += batchSize) groups.push(examples.slice(at, at + batchSize));
  const length = Math.max(0, ...examples.flatMap((example) => unitLengths(example)));
  const loose = groups.map((group) => layoutBatch(group, { length, pack: false }));
  const largest = (of: (batch: Batch) => number): number => Math.max(0, ...loose.map(of));
  const shape = {
    length,
    pack: false,
    rows: largest((batch) => batch.rows),
    groups: largest((batch) => batch.groups),
    targets: largest((batch) => batch.targets),
    width: largest((batch) => batch.width),
  };
  return groups.map((group) => layoutBatch(group, shape));
}

interface Compiling {
  model: GenerationModel;
  batch: Batch;
  plan: AttentionPlan;
  reading: Reading;
}

function compile(backend: Backend, { model, batch, plan, reading }: Compiling): Promise<Program> {
  const tokens = tokenInputs(batch.rows, batch.length);
  const sources = input("sources", [batch.targets], "int32");
  const labels = input("labels", [batch.targets], "int32");
  const ends = input("ends", [batch.sequences], "int32");
  const adapters = model.adapters ?? new Map();
  const hidden = hiddenStates(model.graph, tokens, { adapters, plan, recompute: "none" });
  const values = reading.output(model, { hidden, sources, labels, ends });
  // Trained values that are not in the model's files are inputs of its graph.
  const parameters = Object.fromEntries(
    [...model.graph.weights].filter(([, weight]) => weight.node.op === "input"),
  );
  return backend.compile({
    inputs: { ...tokens, sources, labels, ends, ...parameters },
    outputs: { values },
  });
}

function feedsOf(batch: Batch): Record<string, HostTensor> {
  const ints = (shape: readonly number[], data: Int32Array): HostTensor => ({ shape, dtype: "int32", data });
  const rows = [batch.rows, batch.length];
  return {
    inputIds: ints(rows, batch.inputIds),
    positions: ints(rows, batch.positions),
    segments: ints(rows, batch.segments),
    parents: ints(rows, batch.parents),
    sources: ints([batch.targets], batch.sources),
    labels: ints([batch.targets], batch.labels),
    ends: ints([batch.sequences], batch.ends),
  };
}
