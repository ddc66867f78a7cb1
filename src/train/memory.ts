/**
 * An estimate of a run's memory, term by term, from shapes alone. Knows no method; nothing is allocated.
 *
 * Float32 throughout. What is counted: buffers that the engine keeps (parameters, gradients, optimiser state, each with a
 * second buffer for the update), weights mapped or converted, what the forward pass keeps for the backward pass, and the
 * largest passing arrays. It errs upwards: LoRA DPO of two pairs of 512 tokens at SmolLM2-135M's shape (BF16) was estimated at
 * 2.68 GB and peaked at 2.25; with gradient checkpointing 1.63 and 1.42. Dropout on ten layers of width 384 and 2,048 tokens was
 * estimated at 278 MB and cost 243 MB (with gradient checkpointing 278 and 248).
 */
import type { ModelConfig, Recompute } from "../models/index.js";
import type { Transform } from "../optim/index.js";
import { headChunk } from "../tensor/index.js";
import { dropoutNumbers } from "./dropout.js";
import type { Policy } from "./policy.js";

/** Sizes of the largest batch, padding counted. */
export interface BatchSize {
  rows: number;
  /** Tokens a row. */
  length: number;
  /** Trained tokens. */
  targets: number;
}

export interface MemoryRequest {
  policy: Policy;
  optimizer: Transform;
  batch: BatchSize;
  recompute: Recompute;
  /** The reference is computed beside the policy in every step. */
  liveReference: boolean;
  /** Sets of rows a batch holds (KTO: 2). */
  layouts: number;
  /** Products with frozen weights are worked in bytes. Default false. */
  eightBit?: boolean;
  /**
   * Arrays of a chunk's rows by the vocabulary that the loss works with at a time, where it reads the whole distribution
   * (TDPO, WPO). Default 3: logits, their exponentials and gradient.
   */
  vocabularyArrays?: number;
}

export interface MemoryTerm {
  name: string;
  bytes: number;
}

export interface MemoryEstimate {
  terms: MemoryTerm[];
  total: number;
}

/** An estimate against what there is. */
export interface MemoryReport extends MemoryEstimate {
  /** The largest batch of the run. */
  batch: BatchSize;
  /** Bytes that may be used. */
  available: number;
  fits: boolean;
  /** Flags that would make it fit, the mildest first; empty when it does. */
  remedies: { flags: string; total: number }[];
}

const float = 4;
/** Node, the tokenizer, the runtime's code and arenas before anything is loaded. */
const processBytes = 250e6;
/** Queries of a block of attention (`models/graph/attention-plan.ts`). */
const queryBlock = 128;

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

export function estimateMemory(request: MemoryRequest): MemoryEstimate {
  const terms = [
    { name: "process and runtime", bytes: processBytes },
    ...weightTerms(request),
    ...trainableTerms(request),
    ...activationTerms(request),
    ...vocabularyTerms(request),
  ].filter(({ bytes }) => bytes > 0);
  return { terms, total: terms.reduce((sum, { bytes }) => sum + bytes, 0) };
}

const usualArrays = 3;

/** Chunks come one after another; a trained head has its gradient beside the sum of those before. */
function vocabularyTerms({ policy, batch, vocabularyArrays = usualArrays }: MemoryRequest): MemoryTerm[] {
  const { vocabSize, hiddenSize } = policy.folder.config;
  const rows = Math.min(headChunk(vocabSize), batch.targets);
  const headTrained = policy.lora === undefined && vocabularyArrays > usualArrays;
  return [
    { name: "logits of a chunk", bytes: Math.max(usualArrays, vocabularyArrays) * rows * vocabSize * float },
    {
      name: "gradient of the head, chunk by chunk",
      bytes: headTrained ? 2 * vocabSize * hiddenSize * float : 0,
    },
  ];
}

/**
 * Frozen weights are mapped from files: as they are stored in float32, widened once in 16 bits, or as bytes in two forms
 * (forward and backward). Tables of the vocabulary keep float32 beside their bytes, for the gradient of the head.
 */
function weightTerms({ policy, liveReference, eightBit }: MemoryRequest): MemoryTerm[] {
  const frozen = policy.lora !== undefined || liveReference;
  if (!frozen) return [];
  let floats = 0;
  let bytes = 0;
  for (const [name, { shape }] of policy.folder.tensors) {
    if (policy.lora && policy.trainable.has(name)) continue;
    const size = sizeOf(shape);
    const vocabulary = shape[0] === policy.folder.config.vocabSize;
    const inBytes = eightBit === true && shape.length === 2;
    if (inBytes) bytes += vocabulary ? size : 2 * size;
    if (!inBytes || vocabulary) floats += size * float;
  }
  return [
    { name: "weights in float32, mapped", bytes: floats },
    { name: "weights in 8 bits, mapped", bytes },
  ];
}

function trainableTerms({ policy, optimizer, liveReference }: MemoryRequest): MemoryTerm[] {
  const shapes = Object.fromEntries([...policy.trainable].map(([name, { shape }]) => [name, shape]));
  const parameters = Object.values(shapes).reduce((sum, shape) => sum + sizeOf(shape), 0);
  const state = Object.values(optimizer.state(shapes)).reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const kept = [...policy.kept.values()].reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  return [
    { name: "trained parameters, two buffers", bytes: 2 * parameters * float },
    { name: "gradients, two buffers", bytes: 2 * parameters * float },
    { name: "optimiser state, two buffers", bytes: 2 * state * float },
    { name: "adapter as it was, for the reference", bytes: liveReference ? kept * float : 0 },
    { name: "tables of dropout", bytes: dropoutNumbers(policy).tables * float },
  ];
}

/** Numbers that a layer keeps a token for its backward pass, and those that pass while it is computed. */
function layerFloats(
  config: ModelConfig,
  { recompute, length }: { recompute: Recompute; length: number },
): { kept: number; passing: number } {
  const { hiddenSize: h, intermediateSize: inner, heads, kvHeads, headDim } = config;
  const qkv = (heads + 2 * kvHeads) * headDim;
  const raised = (config.mlp === "gated" ? 2 : 1) * inner;
  // Input, q k v before and after rotation, attended, after attention, raised.
  const attention = 3 * h + 2 * qkv + heads * headDim + raised;
  const everything = attention + 2 * h + 2 * inner + heads * length;
  const kept = { layers: h, attention, none: everything }[recompute];
  return { kept, passing: everything };
}

function activationTerms({ policy, batch, recompute, liveReference, layouts }: MemoryRequest): MemoryTerm[] {
  const { config } = policy.folder;
  const tokens = batch.rows * batch.length;
  const { kept, passing } = layerFloats(config, {
    recompute,
    length: Math.min(batch.length, 2 * queryBlock),
  });
  const lora = policy.lora?.spec.targets.reduce((sum, { r }) => sum + r, 0) ?? 0;
  const adapter = recompute === "layers" ? 0 : lora * tokens;
  const block = batch.rows * config.heads * Math.min(queryBlock, batch.length) * batch.length;
  const frozen = (layouts - 1 + (liveReference ? layouts : 0)) * tokens * 4 * config.hiddenSize;
  return [
    {
      name: `activations kept, ${config.layerCount} layers`,
      bytes: (config.layerCount * kept * tokens + adapter) * float,
    },
    { name: "dropout's factors", bytes: dropoutNumbers(policy).place * tokens * float },
    { name: "one layer forward and back", bytes: 2 * passing * tokens * float },
    { name: "attention block", bytes: 3 * block * float },
    { name: "states at trained tokens", bytes: 3 * batch.targets * config.hiddenSize * float * layouts },
    { name: "passes without gradient", bytes: frozen * float },
  ];
}
