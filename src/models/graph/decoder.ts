/**
 * The forward pass of every decoder family, driven by the normalised config: token rows to hidden states.
 * Knows no family by name and nothing of losses, data or precision.
 */
import {
  add,
  block,
  constant,
  gather,
  gelu,
  input,
  layerNorm,
  mul,
  relu,
  reshape,
  rmsNorm,
  rotary,
  silu,
  split,
  type Tensor,
} from "../../tensor/index.js";
import type { LayerConfig, ModelConfig } from "../config/types.js";
import { ropeTables } from "../rope.js";
import { attention, type AttentionMasks, attentionMasks, type TokenInputs } from "./attention.js";
import { type AttentionPlan, causalPlan } from "./attention-plan.js";
import { type AdaptedModules, linear, type LinearContext } from "./linear.js";
import { parameter, type Weights } from "./weights.js";

/** What the backward pass makes again instead of keeping: nothing, attention probabilities, or whole layers. */
export type Recompute = "none" | "attention" | "layers";

export interface ForwardOptions {
  /** Modules with an adapter; leave out (or give an empty map) for the bare model. */
  adapters?: AdaptedModules;
  /** Default "attention": no [heads, length, length] array outlives its layer. */
  recompute?: Recompute;
  /** Blocks of attention to compute; default: all causal ones. */
  plan?: AttentionPlan;
}

export interface ModelGraph {
  readonly config: ModelConfig;
  readonly weights: Weights;
}

/** The four token inputs of a graph, under the names of `Batch`. */
export function tokenInputs(rows: number, length: number): TokenInputs {
  const of = (name: string): Tensor => input(name, [rows, length], "int32");
  return {
    inputIds: of("inputIds"),
    positions: of("positions"),
    segments: of("segments"),
    parents: of("parents"),
  };
}

interface Walk {
  config: ModelConfig;
  tokens: TokenInputs;
  plan: AttentionPlan;
  adapters: AdaptedModules;
  recompute: Recompute;
  masks: Map<number | null, AttentionMasks>;
  tables: Map<string, { cos: Tensor; sin: Tensor }>;
}

/** Hidden states after the final norm, [rows * length, hidden]. */
export function hiddenStates(model: ModelGraph, tokens: TokenInputs, options: ForwardOptions = {}): Tensor {
  const { config, weights } = model;
  const length = tokens.inputIds.shape[1]!;
  const walk: Walk = {
    config,
    tokens,
    plan: options.plan ?? causalPlan(length),
    adapters: options.adapters ?? new Map(),
    recompute: options.recompute ?? "attention",
    masks: new Map(),
    tables: new Map(),
  };
  let x = embed(weights, walk);
  config.layers.forEach((layer, index) => {
    x = decoderLayer(x, { weights, walk, layer, at: layerPrefix(config, index) });
  });
  return norm(x, { weights, config, module: names(config).finalNorm });
}

const names = (config: ModelConfig) =>
  config.family === "gpt2"
    ? {
        embedding: "transformer.wte.weight",
        positions: "transformer.wpe.weight",
        finalNorm: "transformer.ln_f",
      }
    : { embedding: "model.embed_tokens.weight", positions: "", finalNorm: "model.norm" };

export const embeddingName = (config: ModelConfig): string => names(config).embedding;

const layerPrefix = (config: ModelConfig, index: number): string =>
  config.family === "gpt2" ? `transformer.h.${index}` : `model.layers.${index}`;

/** Module names within a layer. */
const modules = (config: ModelConfig) =>
  config.family === "gpt2"
    ? {
        inputNorm: "ln_1",
        qkv: "attn.c_attn",
        output: "attn.c_proj",
        mlpNorm: "ln_2",
        up: "mlp.c_fc",
        down: "mlp.c_proj",
      }
    : {
        inputNorm: "input_layernorm",
        qkv: "self_attn.qkv_proj",
        output: "self_attn.o_proj",
        mlpNorm:
          config.normPlacement === "sandwich" ? "pre_feedforward_layernorm" : "post_attention_layernorm",
        up: "mlp.up_proj",
        down: "mlp.down_proj",
      };

function embed(weights: Weights, { config, tokens }: Walk): Tensor {
  const flat = (t: Tensor): Tensor => reshape(t, [-1]);
  let x = gather(parameter(weights, names(config).embedding), flat(tokens.inputIds));
  if (config.learnedPositions)
    x = add(x, gather(parameter(weights, names(config).positions), flat(tokens.positions)));
  return config.embeddingScale === 1 ? x : mul(x, config.embeddingScale);
}

function norm(x: Tensor, o: { weights: Weights; config: ModelConfig; module: string }): Tensor {
  const w = parameter(o.weights, `${o.module}.weight`);
  const eps = o.config.normEps;
  if (o.config.norm === "layer")
    return layerNorm(x, w, { bias: parameter(o.weights, `${o.module}.bias`), eps });
  return rmsNorm(x, o.config.norm === "rms+1" ? add(w, 1) : w, { eps });
}

interface LayerContext {
  weights: Weights;
  walk: Walk;
  layer: LayerConfig;
  at: string;
}

/** One layer as a block: its trainable parameters are the block's inputs, so that its gradients are made in order. */
function decoderLayer(x: Tensor, { weights, walk, layer, at }: LayerContext): Tensor {
  const own = [...weights].filter(([name, t]) => name.startsWith(`${at}.`) && t.node.op !== "weight");
  const body = ([state, ...parameters]: readonly Tensor[]): Tensor[] => {
    const local = new Map(weights);
    own.forEach(([name], i) => local.set(name, parameters[i]!));
    return [layerBody(state!, { weights: local, walk, layer, at })];
  };
  return block([x, ...own.map(([, t]) => t)], body, { recompute: walk.recompute === "layers" })[0]!;
}

function layerBody(x: Tensor, { weights, walk, layer, at }: LayerContext): Tensor {
  const { config } = walk;
  const m = modules(config);
  const context: LinearContext = { weights, adapters: walk.adapters, layout: config.linearLayout };
  const normed = (state: Tensor, module: string): Tensor =>
    norm(state, { weights, config, module: `${at}.${module}` });
  const sandwich = config.normPlacement === "sandwich";

  const attended = attentionOf(normed(x, m.inputNorm), { context, walk, layer, at });
  const out = linear(attended, `${at}.${m.output}`, context);
  const afterAttention = add(x, sandwich ? normed(out, "post_attention_layernorm") : out);

  const inner = mlp(normed(afterAttention, m.mlpNorm), { context, config, at });
  return add(afterAttention, sandwich ? normed(inner, "post_feedforward_layernorm") : inner);
}

function attentionOf(
  x: Tensor,
  o: { context: LinearContext; walk: Walk; layer: LayerConfig; at: string },
): Tensor {
  const { context, walk, layer, at } = o;
  const { config, tokens } = walk;
  const { heads, kvHeads, headDim } = config;
  const [rows, length] = tokens.inputIds.shape as [number, number];
  const widths = [heads * headDim, kvHeads * headDim, kvHeads * headDim];
  const parts = config.fusedQkv
    ? split(linear(x, `${at}.${modules(config).qkv}`, context), 1, widths)
    : ["q_proj", "k_proj", "v_proj"].map((name) => linear(x, `${at}.self_attn.${name}`, context));

  const prepared = parts.map((part, i) => {
    const module = i === 0 ? "q_norm" : "k_norm";
    const normed =
      config.qkNorm && i < 2
        ? norm(reshape(part, [-1, headDim]), {
            weights: context.weights,
            config,
            module: `${at}.self_attn.${module}`,
          })
        : part;
    const shaped = reshape(normed, [rows, length, widths[i]!]);
    return layer.rope !== null && i < 2
      ? rotary(shaped, tokens.positions, { ...ropeTable(walk, layer), headDim })
      : shaped;
  });
  return attention({ q: prepared[0]!, k: prepared[1]!, v: prepared[2]! }, masksOf(walk, layer.window), {
    heads,
    kvHeads,
    headDim,
    scale: config.attentionScale,
    softcap: config.attentionSoftcap,
    // Inside a recomputed layer the probabilities live for one layer only; recomputing them again would be waste.
    recompute: walk.recompute === "attention",
    plan: walk.plan,
  });
}

function mlp(
  x: Tensor,
  { context, config, at }: { context: LinearContext; config: ModelConfig; at: string },
): Tensor {
  const m = modules(config);
  const act = activation(config);
  if (config.mlp === "plain")
    return linear(act(linear(x, `${at}.${m.up}`, context)), `${at}.${m.down}`, context);
  const [gate, up] = config.fusedGateUp
    ? split(linear(x, `${at}.mlp.gate_up_proj`, context), 1, [
        config.intermediateSize,
        config.intermediateSize,
      ])
    : [linear(x, `${at}.mlp.gate_proj`, context), linear(x, `${at}.mlp.up_proj`, context)];
  return linear(mul(act(gate!), up!), `${at}.${m.down}`, context);
}

function activation({ activation: kind }: ModelConfig): (x: Tensor) => Tensor {
  switch (kind) {
    case "silu":
      return silu;
    case "gelu":
      return (x) => gelu(x, "erf");
    case "gelu_tanh":
      return (x) => gelu(x, "tanh");
    case "relu":
      return relu;
  }
}

/** Positions start again with every sequence, so they stay below the row's length. */
function ropeTable(walk: Walk, layer: LayerConfig): { cos: Tensor; sin: Tensor } {
  const key = JSON.stringify(layer.rope);
  const known = walk.tables.get(key);
  if (known) return known;
  const { cos, sin, rows, columns } = ropeTables(layer.rope!, walk.tokens.inputIds.shape[1]!);
  const table = { cos: constant(cos, [rows, columns]), sin: constant(sin, [rows, columns]) };
  walk.tables.set(key, table);
  return table;
}

function masksOf(walk: Walk, window: number | null): AttentionMasks {
  const length = walk.tokens.inputIds.shape[1]!;
  const effective = window !== null && window < length ? window : null;
  const known = walk.masks.get(effective);
  if (known) return known;
  const masks = attentionMasks(walk.tokens, walk.plan, effective);
  walk.masks.set(effective, masks);
  return masks;
}
