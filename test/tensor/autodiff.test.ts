/** Reverse-mode differentiation: where the walk goes, where it stops, and a network of everything against differences. */
import { describe, expect, it } from "vitest";

import { referenceBackend } from "../../src/backends/index.js";
import * as t from "../../src/tensor/index.js";
import { f32, i32, random } from "../contracts/case.js";
import { differences, expectClose, type Feeds, runOnce } from "../contracts/numeric.js";

async function valuesOf(outputs: t.Tree, feeds: Feeds): Promise<Record<string, number[]>> {
  const inputs = Object.fromEntries(
    Object.entries(feeds).map(([name, v]) => [name, t.input(name, v.shape, v.dtype)]),
  );
  const results = await runOnce(referenceBackend(), { inputs, outputs }, feeds);
  return Object.fromEntries(Object.entries(results).map(([name, v]) => [name, Array.from(v.data)]));
}

describe("grad", () => {
  const x = t.input("x", [3]);
  const feeds = { x: f32([3], [1, 2, -3]) };

  it("refuses what is not a scalar, and says how to mend it", () => {
    expect(() => t.grad(t.mul(x, x), [x])).toThrow(/expected a scalar, got \[3\][^]*sum or mean/);
  });

  it("is zero where nothing depends on a tensor", async () => {
    const other = t.input("other", [2, 2]);
    const [gx, gOther] = t.grad(t.sum(x), [x, other]);
    expect(gOther!.shape).toEqual([2, 2]);
    expect(await valuesOf({ gx: gx!, gOther: gOther! }, feeds)).toEqual({
      gx: [1, 1, 1],
      gOther: [0, 0, 0, 0],
    });
  });

  it("is one for the loss itself", async () => {
    const loss = t.sum(x);
    expect(await valuesOf({ g: t.grad(loss, [loss])[0]! }, feeds)).toEqual({ g: [1] });
  });

  it("adds up what arrives by several ways", async () => {
    const y = t.add(t.mul(x, x), t.mul(x, 5));
    expect(await valuesOf({ g: t.grad(t.sum(y), [x])[0]! }, feeds)).toEqual({ g: [7, 9, -1] });
  });

  it("gives trees of gradients under the names of the parameters", async () => {
    const w = t.input("w", [3]);
    const grads = t.gradTree(t.sum(t.mul(x, w)), { w, x });
    expect(Object.keys(grads)).toEqual(["w", "x"]);
    expect(await valuesOf(grads, { ...feeds, w: f32([3], [4, 5, 6]) })).toEqual({
      w: [1, 2, -3],
      x: [4, 5, 6],
    });
  });

  it("does not flow through stopGradient", async () => {
    const y = t.mul(t.stopGradient(t.exp(x)), x);
    const { g } = await valuesOf({ g: t.grad(t.sum(y), [x])[0]! }, feeds);
    expect(g).toEqual([1, 2, -3].map(Math.exp));
  });

  it("can be taken twice", async () => {
    const [g] = t.grad(t.sum(t.mul(x, t.mul(x, x))), [x]);
    const [second] = t.grad(t.sum(g!), [x]);
    expect(await valuesOf({ second: second! }, feeds)).toEqual({ second: [6, 12, -18] });
  });
});

describe("vjp", () => {
  it("stops at what it differentiates for", () => {
    const x = t.input("x", [3]);
    const middle = t.argmax(t.exp(x)); // has no gradient: visiting it would be of no use
    const hidden = t.vocabularyStats(t.reshape(x, [1, 3]), {
      weight: t.input("w", [4, 3]),
      labels: t.reshape(middle, [1]),
    });
    // A metric refuses gradients, so a walk that did not stop before it would throw.
    const stop = hidden.entropy;
    const [g] = t.vjp([t.sum(t.mul(stop, stop))], [t.constant(1)], [stop, x]);
    expect(g!.shape).toEqual([1]);
    expect(() => t.grad(t.sum(t.mul(stop, stop)), [x])).toThrow(/metric/);
  });

  it("gives a tensor behind another only what reaches it by other ways", async () => {
    const x = t.input("x", [2]);
    const y = t.mul(x, 3);
    const [gx, gy] = t.vjp([t.sum(t.add(t.mul(y, y), x))], [t.constant(1)], [x, y]);
    const values = await valuesOf({ gx: gx!, gy: gy! }, { x: f32([2], [1, 2]) });
    expect(values).toEqual({ gx: [1, 1], gy: [6, 12] });
  });

  it("weighs several outputs by their seeds", async () => {
    const x = t.input("x", [2]);
    const outputs = [t.mul(x, x), t.mul(x, 10), t.exp(x)];
    const [g] = t.vjp(outputs, [t.constant([1, 2], [2]), t.constant([1, -1], [2]), undefined], [x]);
    expect(await valuesOf({ g: g! }, { x: f32([2], [3, 4]) })).toEqual({ g: [2 * 3 + 10, 2 * 2 * 4 - 10] });
  });
});

describe("a network of everything", () => {
  const [tokens, d, vocabulary] = [5, 8, 11];
  const feeds: Feeds = {
    table: random([vocabulary, d], 1),
    ids: i32([1, tokens], [3, 10, 3, 0, 7]),
    positions: i32([1, tokens], [0, 1, 2, 0, 1]),
    labels: i32([tokens], [10, 3, 0, 7, 7]),
    cos: random([4, 2], 2),
    sin: random([4, 2], 3),
    norm: random([d], 4),
    bias: random([d], 5),
    qkv: random([d, 3 * d], 6),
    out: random([d, d], 7),
    up: random([d, 6], 8),
    down: random([6, d], 9),
  };
  const inputs = Object.fromEntries(
    Object.entries(feeds).map(([name, v]) => [name, t.input(name, v.shape, v.dtype)]),
  );
  const trained = ["table", "norm", "bias", "qkv", "out", "up", "down"];

  const body = (values: readonly t.Tensor[]): t.Tensor[] => {
    const [x, norm, bias, qkv, out, up, down] = values as [
      t.Tensor,
      t.Tensor,
      t.Tensor,
      t.Tensor,
      t.Tensor,
      t.Tensor,
      t.Tensor,
    ];
    const h = t.layerNorm(x, norm, { bias, eps: 1e-3 });
    const table = { cos: inputs["cos"]!, sin: inputs["sin"]!, headDim: 4 };
    const [q, k, v] = t.split(t.matmul(h, qkv), 1, [d, d, d]).map((part, n) => {
      const rows = t.reshape(part, [1, tokens, d]);
      const turned = n < 2 ? t.rotary(rows, inputs["positions"]!, table) : rows;
      return t.transpose(t.reshape(turned, [tokens, 2, 4]), [1, 0, 2]); // [heads, tokens, 4]
    });
    const causal = t.constant(
      Array.from({ length: tokens ** 2 }, (_, i) => (i % tokens > Math.floor(i / tokens) ? -1e9 : 0)),
      [tokens, tokens],
    );
    const scores = t.softmax(t.add(t.matmul(q!, k!, { transB: true, alpha: 0.5 }), causal));
    const mixed = t.reshape(t.transpose(t.matmul(scores, v!), [1, 0, 2]), [tokens, d]);
    const attended = t.gemm(mixed, out, x);
    const gate = t.matmul(t.rmsNorm(attended, norm, { eps: 1e-3 }), up);
    return [t.add(attended, t.matmul(t.mul(t.gelu(gate, "tanh"), t.silu(gate)), down))];
  };

  const loss = (recompute: boolean): t.Tensor => {
    const embedded = t.gather(inputs["table"]!, t.reshape(inputs["ids"]!, [tokens]));
    const weights = trained.slice(1).map((name) => inputs[name]!);
    const [first] = t.block([embedded, ...weights], body, { recompute });
    const [second] = t.block([first!, ...weights], body, { recompute });
    const head = { weight: inputs["table"]!, labels: inputs["labels"]! };
    const logps = t.logProbs(second!, head, { chunk: 2, softcap: 8, scale: 0.9 });
    const half = t.slice(logps, 0, { start: 0, end: 2 });
    const rest = t.slice(logps, 0, { start: 2, end: tokens });
    const margin = t.sub(t.sum(half), t.mean(rest));
    const spread = t.sum(t.mul(t.sort(logps).values, t.cumsum(t.softplus(logps), 0, { reverse: true })));
    return t.add(t.neg(t.logSigmoid(t.mul(margin, 0.3))), t.mul(spread, 0.01));
  };

  for (const recompute of [false, true]) {
    it(`has the gradients that differences show, recompute ${recompute}`, async () => {
      const value = loss(recompute);
      const grads = t.gradTree(value, Object.fromEntries(trained.map((name) => [name, inputs[name]!])));
      const results = await runOnce(referenceBackend(), { inputs, outputs: grads }, feeds);
      for (const name of trained) {
        const wanted = await differences({ inputs, outputs: { loss: value } }, feeds, name);
        expect(Math.max(...wanted.map(Math.abs))).toBeGreaterThan(1e-4);
        expectClose(results[name]!, wanted, { tolerance: 1e-6, what: name });
      }
    });
  }
});
