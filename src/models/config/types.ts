/**
 * The one shape that every architecture's config.json is brought to. Knows nothing of files, keys or generations.
 * Lengths are in elements, positions in tokens.
 */
import type { WeightDtype } from "../safetensors-dtype.js";

export type ModelFamily =
  | "llama"
  | "mistral"
  | "qwen2"
  | "qwen3"
  | "gpt2"
  | "gemma2"
  | "gemma3_text"
  | "phi3"
  | "smollm3";

/** `gelu_tanh` is the tanh approximation that configs call `gelu_new` or `gelu_pytorch_tanh`; `gelu` is exact (erf). */
export type Activation = "silu" | "gelu" | "gelu_tanh" | "relu";

/** How rotary frequencies depart from theta^(-2i/dim). */
export type RopeScaling =
  | { readonly type: "default" }
  | { readonly type: "linear"; readonly factor: number }
  | { readonly type: "dynamic"; readonly factor: number; readonly maxPositions: number }
  | {
      readonly type: "llama3";
      readonly factor: number;
      readonly lowFreqFactor: number;
      readonly highFreqFactor: number;
      readonly originalMaxPositions: number;
    }
  | {
      readonly type: "yarn";
      readonly factor: number;
      readonly originalMaxPositions: number;
      readonly betaFast: number;
      readonly betaSlow: number;
      /** Given scale of cos and sin; null: computed from factor and the mscales. */
      readonly attentionFactor: number | null;
      readonly mscale: number | null;
      readonly mscaleAllDim: number | null;
      readonly truncate: boolean;
    }
  | {
      readonly type: "longrope";
      readonly factor: number;
      readonly originalMaxPositions: number;
      readonly attentionFactor: number | null;
      /** [rotaryDim / 2] each: short up to the original length, long beyond it. */
      readonly shortFactor: readonly number[];
      readonly longFactor: readonly number[];
    };

export interface RopeConfig {
  readonly theta: number;
  /** The first so many of a head's `headDim` elements are rotated (pairs are i and i + rotaryDim / 2). */
  readonly rotaryDim: number;
  readonly scaling: RopeScaling;
}

export interface LayerConfig {
  /** null: no rotation (GPT-2's learned positions, SmolLM3's layers without rope). */
  readonly rope: RopeConfig | null;
  /** A token sees itself and the window - 1 before it; null: all before it. */
  readonly window: number | null;
}

/**
 * - `lm`: next-token logits.
 * - `sequence`: `score.weight` [numLabels, hidden] on the last real token (reward model).
 * - `token`: the same on every token, with a bias (step rewards).
 * - `value`: language model plus trl's `v_head.summary` [1, hidden] with a bias.
 */
export type HeadKind = "lm" | "sequence" | "token" | "value";

export interface HeadConfig {
  readonly kind: HeadKind;
  /** Outputs of the head; 0 for `lm`, 1 for `value`. */
  readonly numLabels: number;
  readonly bias: boolean;
}

export interface ModelConfig {
  readonly family: ModelFamily;
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly layerCount: number;
  /** [layerCount] what differs from layer to layer. */
  readonly layers: readonly LayerConfig[];
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly intermediateSize: number;
  readonly activation: Activation;
  /** `rms+1`: multiplies by 1 + weight (Gemma). `layer`: mean and variance, with bias (GPT-2). */
  readonly norm: "rms" | "rms+1" | "layer";
  readonly normEps: number;
  /** `pre`: a norm before attention and before the MLP; `sandwich`: also one after each (Gemma). */
  readonly normPlacement: "pre" | "sandwich";
  /** `gated`: down(act(gate x) * up x); `plain`: proj(act(fc x)). */
  readonly mlp: "gated" | "plain";
  /** Rows of one parameter are q, k, v in this order (Phi-3 `qkv_proj`, GPT-2 `c_attn`, there columns). */
  readonly fusedQkv: boolean;
  /** Rows of one parameter are gate, up (Phi-3 `gate_up_proj`). */
  readonly fusedGateUp: boolean;
  /** `in,out` is GPT-2's Conv1D: y = x W + b; `out,in` is Linear: y = x W^T + b. */
  readonly linearLayout: "out,in" | "in,out";
  readonly qkvBias: boolean;
  /** Bias of attention's output projection. */
  readonly outputBias: boolean;
  readonly mlpBias: boolean;
  /** Norm over each head of q and k before the rotation (Qwen3, Gemma-3), in the model's `norm` style. */
  readonly qkNorm: boolean;
  /** Scores are multiplied by this. */
  readonly attentionScale: number;
  /** cap * tanh(score / cap) before the mask; null: none. */
  readonly attentionSoftcap: number | null;
  /** cap * tanh(logit / cap) at the end; null: none. */
  readonly logitSoftcap: number | null;
  /** Embeddings are multiplied by this; 1 except Gemma. */
  readonly embeddingScale: number;
  /** The output layer is the embedding matrix. */
  readonly tiedEmbeddings: boolean;
  /** A learned embedding for each position is added (GPT-2). */
  readonly learnedPositions: boolean;
  readonly maxPositions: number;
  readonly head: HeadConfig;
  readonly bosTokenId: number | null;
  readonly eosTokenIds: readonly number[];
  readonly padTokenId: number | null;
  /** The type that config.json names; single tensors may differ. */
  readonly dtype: WeightDtype;
}
