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
import {
  attention,
  type AttentionMasks,
  attentionMasks,
  type AttentionSettings,
  type TokenInputs,
} from "./attention.js";
import { type AttentionPlan, causalPlan } from "./attention-plan.js";
import { type AdaptedModules, linear, type LinearContext } from "./linear.js";
import { parameter, type Weights } from "./weights.js";

/**
 * What the backward pass makes again instead of keeping: nothing; attention probabilities, norms and activations, which
 * are cheap; or whole layers.
 */
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

/** Rotated, in the layout of the projections: q [rows, length, heads * d], k and v [rows, length, kvHeads * d]. */
export interface Projected {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
}

/** What one pass over the layers does its own way: the packed rows of training, or a few tokens beside a cache. */
export interface Pass {
  /** int32 [rows, length] */
  readonly tokens: Pick<TokenInputs, "inputIds" | "positions">;
  /** Positions lie below this. */
  readonly reach: number;
  /** Length in tokens that ropes which stretch with length are made for. Default: `reach`. */
  readonly sequenceLength?: number;
  readonly adapters: AdaptedModules;
  readonly recompute: Recompute;
  /** -> [rows * length, heads * d] */
  attend(qkv: Projected, at: { layer: LayerConfig; index: number; settings: AttentionSettings }): Tensor;
}

interface Walk extends Pass {
  config: ModelConfig;
  tables: Map<string, { cos: Tensor; sin: Tensor }>;
}

/** Hidden states after the final norm, [rows * length, hidden]. */
export function hiddenStates(model: ModelGraph, tokens: TokenInputs, options: ForwardOptions = {}): Tensor {
  const length = tokens.inputIds.shape[1]!;
  const plan = options.plan ?? causalPlan(length);
  const known = new Map<number | null, AttentionMasks>();
  const masksOf = (window: number | null): AttentionMasks => {
    const effective = window !== null && window < length ? window : null;
    const masks = known.get(effective) ?? attentionMasks(tokens, plan, effective);
    known.set(effective, masks);
    return masks;
  };
  return runLayers(model, {
    tokens,
    // Positions start again with every sequence, so they stay below the row's length.
    reach: length,
    adapters: options.adapters ?? new Map(),
    recompute: options.recompute ?? "attention",
    attend: (qkv, { layer, settings }) => attention(qkv, masksOf(layer.window), { ...settings, plan }),
  });
}

/** Embedding, every layer, final norm: [rows * length, hidden]. */
export function runLayers({ config, weights }: ModelGraph, pass: Pass): Tensor {
  const walk: Walk = { ...pass, config, tables: new Map() };
  let x = embed(weights, walk);
  config.layers.forEach((layer, index) => {
    x = decoderLayer(x, { weights, walk, layer, index, at: layerPrefix(config, index) });
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
  index: number;
  at: string;
}

/** One layer as a block: its trainable parameters are the block's inputs, so that its gradients are made in order. */
function decoderLayer(x: Tensor, context: LayerContext): Tensor {
  const { weights, walk, at } = context;
  const own = [...weights].filter(([name, t]) => name.startsWith(`${at}.`) && t.node.op !== "weight");
  const body = ([state, ...parameters]: readonly Tensor[]): Tensor[] => {
    const local = new Map(weights);
    own.forEach(([name], i) => local.set(name, parameters[i]!));
    return [layerBody(state!, { ...context, weights: local })];
  };
  return block([x, ...own.map(([, t]) => t)], body, { recompute: walk.recompute === "layers" })[0]!;
}

function layerBody(x: Tensor, own: LayerContext): Tensor {
  const { weights, walk, at } = own;
  const { config } = walk;
  const m = modules(config);
  const context: LinearContext = { weights, adapters: walk.adapters, layout: config.linearLayout };
  const normed = (state: Tensor, module: string): Tensor =>
    norm(state, { weights, config, module: `${at}.${module}` });
  const sandwich = config.normPlacement === "sandwich";

  const attended = attentionOf(x, { ...own, context });
  const out = linear(attended, `${at}.${m.output}`, context);
  const afterAttention = add(x, sandwich ? normed(out, "post_attention_layernorm") : out);

  const inner = mlp(afterAttention, { ...own, context });
  return add(afterAttention, sandwich ? normed(inner, "post_feedforward_layernorm") : inner);
}

/**
 * Part of a layer whose cheap tensors (norms, activations) are made again in the backward pass. Only what a gradient
 * asks for is made again: a projection's gradient asks for its input, never for its output, so no product of frozen
 * weights is repeated.
 */
function cheap(
  inputs: readonly Tensor[],
  own: Pick<LayerContext, "weights" | "walk">,
  part: {
    modules: readonly string[];
    body: (inputs: readonly Tensor[], weights: Weights) => readonly Tensor[];
  },
): readonly Tensor[] {
  if (own.walk.recompute !== "attention") return part.body(inputs, own.weights);
  const mine = [...own.weights].filter(
    ([name, t]) => t.node.op !== "weight" && part.modules.some((module) => name.startsWith(`${module}.`)),
  );
  const body = (all: readonly Tensor[]): readonly Tensor[] => {
    const local = new Map(own.weights);
    mine.forEach(([name], i) => local.set(name, all[inputs.length + i]!));
    return part.body(all.slice(0, inputs.length), local);
  };
  return block([...inputs, ...mine.map(([, t]) => t)], body, { recompute: true });
}

/** The norm and the projections behind it. */
function project(
  x: Tensor,
  { context, walk, at, weights }: LayerContext & { context: LinearContext },
  o: { norm: string; into: readonly string[] },
): readonly Tensor[] {
  const { config } = walk;
  const into = o.into.map((name) => `${at}.${name}`);
  const body = ([state]: readonly Tensor[], local: Weights): Tensor[] => {
    const normed = norm(state!, { weights: local, config, module: `${at}.${o.norm}` });
    return into.map((module) => linear(normed, module, { ...context, weights: local }));
  };
  return cheap([x], { weights, walk }, { modules: [`${at}.${o.norm}`, ...into], body });
}

function attentionOf(x: Tensor, o: LayerContext & { context: LinearContext }): Tensor {
  const { context, walk, layer, index, at } = o;
  const { config, tokens } = walk;
  const m = modules(config);
  const { heads, kvHeads, headDim } = config;
  const [rows, length] = tokens.inputIds.shape as [number, number];
  const widths = [heads * headDim, kvHeads * headDim, kvHeads * headDim];
  const parts = config.fusedQkv
    ? split(project(x, o, { norm: m.inputNorm, into: [m.qkv] })[0]!, 1, widths)
    : project(x, o, {
        norm: m.inputNorm,
        into: ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"],
      });

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
  const settings = {
    heads,
    kvHeads,
    headDim,
    scale: config.attentionScale,
    softcap: config.attentionSoftcap,
    // Inside a recomputed layer the probabilities live for one layer only; recomputing them again would be waste.
    recompute: walk.recompute === "attention",
  };
  const [q, k, v] = prepared as [Tensor, Tensor, Tensor];
  return walk.attend({ q, k, v }, { layer, index, settings });
}

function mlp(x: Tensor, o: LayerContext & { context: LinearContext }): Tensor {
  const { context, walk, at, weights } = o;
  const { config } = walk;
  const m = modules(config);
  const act = activation(config);
  const inner = config.intermediateSize;
  const gated = config.mlp === "gated";
  const into = !gated ? [m.up] : config.fusedGateUp ? ["mlp.gate_up_proj"] : ["mlp.gate_proj", "mlp.up_proj"];
  const raised = project(x, o, { norm: m.mlpNorm, into });
  const parts = gated && config.fusedGateUp ? split(raised[0]!, 1, [inner, inner]) : raised;
  const down = `${at}.${m.down}`;
  const body = ([gate, up]: readonly Tensor[], local: Weights): Tensor[] => [
    linear(up ? mul(act(gate!), up) : act(gate!), down, { ...context, weights: local }),
  ];
  return cheap(parts, { weights, walk }, { modules: [down], body })[0]!;
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

function ropeTable(walk: Walk, layer: LayerConfig): { cos: Tensor; sin: Tensor } {
  const key = JSON.stringify(layer.rope);
  const known = walk.tables.get(key);
  if (known) return known;
  const { cos, sin, rows, columns } = ropeTables(layer.rope!, walk.reach, {
    sequenceLength: walk.sequenceLength ?? walk.reach,
  });
  const table = { cos: constant(cos, [rows, columns]), sin: constant(sin, [rows, columns]) };
  walk.tables.set(key, table);
  return table;
}
