/** What transformations promise beyond the traces: composition, masks, refusals. */
import { describe, expect, it } from "vitest";

import {
  adamw,
  chain,
  clipByGlobalNorm,
  decayMatrices,
  ema,
  lion,
  optimizerGraph,
  sgd,
} from "../../src/optim/index.js";

const shapes = { "model.layers.0.mlp.up_proj.weight": [2, 3], "model.norm.weight": [3] };

describe("weight decay", () => {
  it.each([
    ["model.layers.0.mlp.up_proj.weight", [4, 4], true],
    ["model.embed_tokens.weight", [8, 4], true],
    ["base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", [2, 4], true],
    ["model.layers.0.input_layernorm.weight", [4], false],
    ["model.layers.0.self_attn.q_norm.weight", [4], false],
    ["transformer.h.0.ln_1.weight", [4], false],
    ["transformer.ln_f.bias", [4], false],
    ["transformer.h.0.attn.c_attn.bias", [4], false],
    ["score.bias", [1], false],
    ["odd.norm.weight", [4, 4], false],
  ])("of %s %j: %s", (name, shape, decayed) => {
    expect(decayMatrices(name, shape)).toBe(decayed);
  });
});

describe("a chain", () => {
  it("names state and scalars after its parts, so that a checkpoint can be read", () => {
    const { graph, state, scalars } = optimizerGraph(chain(clipByGlobalNorm(1), adamw(), ema()), shapes);
    expect(Object.keys(state)).toContain("state:adamw/exp_avg/model.norm.weight");
    expect(Object.keys(state)).toContain("state:ema/average/model.norm.weight");
    expect(Object.keys(graph.outputs)).toEqual(expect.arrayContaining([...Object.keys(state), "grad_norm"]));
    for (const name of Object.keys(scalars({ step: 1, lr: 1 })))
      expect(graph.inputs[name]?.shape).toEqual([]);
  });
  it("keeps every shape", () => {
    const { graph, state } = optimizerGraph(chain(adamw({ amsgrad: true }), ema()), shapes);
    for (const [name, entry] of Object.entries(state))
      expect(graph.outputs[name]!.shape).toEqual(entry.shape);
    for (const [name, shape] of Object.entries(shapes))
      expect(graph.outputs[`param:${name}`]!.shape).toEqual(shape);
  });
  it("refuses two parts of one name", () => {
    expect(() => chain(sgd(), sgd())).toThrow("sgd twice");
  });
});

describe("optimisers refuse", () => {
  it.each([
    ["a beta of 1", () => adamw({ beta2: 1 }), "optim.adamw: beta2"],
    ["a negative decay", () => lion({ weightDecay: -0.1 }), "optim.lion: weightDecay"],
    ["a norm of 0", () => clipByGlobalNorm(0), "maxNorm"],
    ["Nesterov without momentum", () => sgd({ nesterov: true }), "momentum > 0"],
    ["not a number", () => adamw({ eps: Number.NaN }), "got NaN"],
  ])("%s", (_, make, message) => {
    expect(make).toThrow(message);
  });
});

describe("host scalars of adamw", () => {
  it("make the first step lr * sign of the gradient, whatever the betas", () => {
    for (const [beta1, beta2] of [
      [0.9, 0.999],
      [0.5, 0.9],
    ] as const) {
      const { rate, eps } = adamw({ beta1, beta2, eps: 0 }).scalars({ step: 1, lr: 0.1 }) as {
        rate: number;
        eps: number;
      };
      expect(rate).toBeCloseTo(0.1, 14);
      expect(eps).toBe(0);
    }
  });
});
