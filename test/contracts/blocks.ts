/** Blocks change the order and the memory of a backward pass, never a number. */
import { describe, expect, it } from "vitest";

import {
  add,
  type Backend,
  block,
  type BlockOptions,
  grad,
  graphNodes,
  matmul,
  mean,
  mul,
  rmsNorm,
  silu,
  sum,
  type Tensor,
  tanh,
  type Tree,
  input,
} from "../../src/tensor/index.js";
import { random } from "./case.js";
import { expectClose, type Feeds, runOnce } from "./numeric.js";

const D = 4;
const LAYERS = 3;
const weights = Array.from({ length: LAYERS }, (_, i) => [`up${i}`, `down${i}`, `norm${i}`]).flat();
const feeds: Feeds = {
  x: random([3, D], 1),
  ...Object.fromEntries(
    weights.map((name, i) => [name, random(name.startsWith("norm") ? [D] : [D, D], 10 + i)]),
  ),
};
const inputs: Tree = Object.fromEntries(
  Object.entries(feeds).map(([name, { shape }]) => [name, input(name, shape)]),
);

type Layer = (inputs: readonly Tensor[]) => Tensor[];

const layer: Layer = ([x, up, down, norm]) => [
  add(x!, matmul(silu(matmul(rmsNorm(x!, norm!, { eps: 1e-5 }), up!)), down!)),
];

/** How a layer is wrapped. */
type Wrap = (layer: Layer) => Layer;

const plain: Wrap = (body) => body;
const blocked =
  (options: BlockOptions): Wrap =>
  (body) =>
  (values) =>
    block(values, body, options);
const nested =
  (outer: BlockOptions, inner: BlockOptions): Wrap =>
  (body) =>
    blocked(outer)((values) => {
      const [middle] = block(values, body, inner);
      return [tanh(middle!)];
    });

function network(wrap: Wrap): { loss: Tensor; grads: Tree } {
  let x = inputs["x"]!;
  for (let i = 0; i < LAYERS; i++) {
    x = wrap(layer)([x, inputs[`up${i}`]!, inputs[`down${i}`]!, inputs[`norm${i}`]!])[0]!;
  }
  const loss = mean(mul(x, x));
  const grads = grad(loss, Object.values(inputs));
  return { loss, grads: Object.fromEntries(Object.keys(inputs).map((name, i) => [name, grads[i]!])) };
}

export function blockConformance(backend: () => Backend, { tolerance }: { tolerance: number }): void {
  const same = async (wrap: Wrap, wanted: Wrap): Promise<void> => {
    const results = await Promise.all(
      [wrap, wanted].map((w) => {
        const { loss, grads } = network(w);
        return runOnce(backend(), { inputs, outputs: { loss, ...grads } }, feeds);
      }),
    );
    for (const [name, { data }] of Object.entries(results[1]!)) {
      expectClose(results[0]![name]!, data, { tolerance, what: name });
    }
  };
  const [kept, again] = [{ recompute: false }, { recompute: true }];
  const withTanh: Wrap = (body) => (values) => [tanh(body(values)[0]!)];

  describe("blocks", () => {
    it("give the gradients of the plain graph when activations are kept", () => same(blocked(kept), plain));
    it("give the gradients of the plain graph when they are recomputed", () => same(blocked(again), plain));
    for (const outer of [kept, again]) {
      for (const inner of [kept, again]) {
        it(`nest: recompute ${outer.recompute} around ${inner.recompute}`, () =>
          same(nested(outer, inner), withTanh));
      }
    }

    it("recompute really runs the body again", () => {
      const count = (wrap: Wrap): number => {
        const { loss, grads } = network(wrap);
        return graphNodes({ inputs, outputs: { loss, ...grads } }).filter((n) => n.op === "silu").length;
      };
      expect(count(blocked(kept))).toBe(LAYERS);
      expect(count(blocked(again))).toBe(2 * LAYERS);
    });

    it("count an input once that is given twice", async () => {
      for (const recompute of [false, true]) {
        const x = input("x", [3, D]);
        const [y] = block([x, x, x], ([a, b, c]) => [mul(mul(a!, b!), c!)], { recompute });
        const [g] = grad(sum(y!), [x]);
        const results = await runOnce(backend(), { inputs: { x }, outputs: { g: g! } }, { x: feeds["x"]! });
        const wanted = Array.from(feeds["x"]!.data, (v) => 3 * v * v);
        expectClose(results["g"]!, wanted, { tolerance, what: `recompute ${recompute}` });
      }
    });

    it("may have several results, of which some are not used", async () => {
      for (const recompute of [false, true]) {
        const x = input("x", [3, D]);
        const [, twice, cube] = block([x], ([a]) => [tanh(a!), mul(a!, 2), mul(a!, mul(a!, a!))], {
          recompute,
        });
        const [g] = grad(sum(add(twice!, cube!)), [x]);
        const results = await runOnce(backend(), { inputs: { x }, outputs: { g: g! } }, { x: feeds["x"]! });
        const wanted = Array.from(feeds["x"]!.data, (v) => 2 + 3 * v * v);
        expectClose(results["g"]!, wanted, { tolerance, what: `recompute ${recompute}` });
      }
    });

    it("pass a result through that is an input", async () => {
      const x = input("x", [3, D]);
      const [same_, y] = block([x], ([a]) => [a!, mul(a!, 3)], { recompute: true });
      const [g] = grad(sum(add(same_!, y!)), [x]);
      const results = await runOnce(
        backend(),
        { inputs: { x }, outputs: { same: same_!, g: g! } },
        { x: feeds["x"]! },
      );
      expectClose(results["same"]!, feeds["x"]!.data, { tolerance, what: "value" });
      expectClose(
        results["g"]!,
        Array.from(feeds["x"]!.data, () => 4),
        { tolerance, what: "gradient" },
      );
    });
  });
}
