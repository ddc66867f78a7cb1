/**
 * The conformance suite of the Backend contract: every op's values and gradients, blocks, programs, residents. Every
 * backend runs all of it. Gradients are compared with central differences where the backend computes in float64, and
 * with the reference's (which were compared with differences) where it does not.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { referenceBackend } from "../../src/backends/reference/index.js";
import { GRADIENTS } from "../../src/tensor/gradients.js";
import {
  add,
  type Backend,
  cast,
  type ComputedOp,
  constant,
  grad,
  graphNodes,
  type HostTensor,
  input,
  mul,
  sum,
  type Tensor,
  type Tree,
} from "../../src/tensor/index.js";
import { blockConformance } from "./blocks.js";
import { type Case } from "./case.js";
import { CASES } from "./cases/index.js";
import { differences, expectClose, runOnce } from "./numeric.js";
import { programConformance } from "./programs.js";
import { residentConformance } from "./residents.js";

export interface ConformanceOptions {
  /** Largest allowed |got - wanted| / (1 + |wanted|). */
  tolerance: number;
}

/** Central differences with steps of 1e-5 are good to about 1e-10 for a smooth function of size one. */
const DIFFERENCE_TOLERANCE = 1e-6;

export function backendConformance(
  name: string,
  make: () => Backend,
  { tolerance }: ConformanceOptions,
): void {
  describe(`${name} keeps the backend contract`, () => {
    let backend: Backend;
    beforeAll(() => {
      backend = make();
    });
    afterAll(() => backend.close());

    for (const op of Object.keys(CASES) as ComputedOp[]) {
      describe(op, () => {
        for (const c of CASES[op]) {
          it(`values: ${c.title}`, () => checkValues(backend, { op, c, tolerance }));
          if (hasGradient(op, c))
            it(`gradients: ${c.title}`, () => checkGradients(backend, { op, c, tolerance }));
        }
        const first = CASES[op][0]!;
        if (floats(first).length > 0 && GRADIENTS[op] === null) {
          it("lets no gradient through", () => checkNoGradient(backend, { op, c: first, tolerance }));
        }
        if (GRADIENTS[op] === "refused") {
          it("refuses to be differentiated", () => {
            const { inputs, outputs } = build(first);
            expect(() => grad(sum(outputs[0]!), [inputs[floats(first)[0]!]!])).toThrow(/metric|stopGradient/);
          });
        }
      });
    }

    blockConformance(() => backend, { tolerance });
    programConformance(() => backend, { tolerance, make });
    residentConformance(() => backend, { tolerance });
  });
}

interface Check {
  op: ComputedOp;
  c: Case;
  tolerance: number;
}

const floats = (c: Case): string[] =>
  Object.keys(c.feeds).filter((name) => c.feeds[name]!.dtype === "float32");

function hasGradient(op: ComputedOp, c: Case): boolean {
  const rule = GRADIENTS[op];
  return rule !== null && rule !== "refused" && (c.wrt ?? floats(c)).length > 0;
}

function build(c: Case): { inputs: Tree; outputs: readonly Tensor[] } {
  const inputs = Object.fromEntries(
    Object.entries(c.feeds).map(([name, { shape, dtype }]) => [name, input(name, shape, dtype)]),
  );
  const built = c.build(inputs);
  return { inputs, outputs: Array.isArray(built) ? (built as readonly Tensor[]) : [built as Tensor] };
}

const named = (outputs: readonly Tensor[]): Tree => Object.fromEntries(outputs.map((t, i) => [`out${i}`, t]));

async function checkValues(backend: Backend, { op, c, tolerance }: Check): Promise<void> {
  const { inputs, outputs } = build(c);
  const graph = { inputs, outputs: named(outputs) };
  expect(graphNodes(graph).map((node) => node.op)).toContain(op);
  const results = await runOnce(backend, graph, c.feeds);
  expect(c.expected.length, "outputs with an expected value").toBe(outputs.length);
  outputs.forEach((t, i) => {
    const got = results[`out${i}`]!;
    expect([got.dtype, [...got.shape]]).toEqual([t.dtype, [...t.shape]]);
    expectClose(got, c.expected[i]!, { tolerance, what: `output ${i}` });
  });
}

/** A scalar that weighs every element of every differentiable output differently, so that no two mistakes cancel. */
function weighed(op: ComputedOp, outputs: readonly Tensor[]): Tensor {
  const whole = typeof GRADIENTS[op] === "object";
  const parts = outputs.filter((t, i) => t.dtype === "float32" && (whole || i === 0));
  const sums = parts.map((t, k) => {
    const size = t.shape.reduce((a, b) => a * b, 1);
    const seeds = Array.from({ length: size }, (_, i) => Math.fround(0.3 + Math.sin(1.3 * i + k)));
    return sum(mul(t, constant(seeds, t.shape)));
  });
  return sums.reduce((a, b) => add(a, b));
}

async function checkGradients(backend: Backend, { op, c, tolerance }: Check): Promise<void> {
  const { inputs, outputs } = build(c);
  const wrt = c.gradients ? Object.keys(c.gradients) : (c.wrt ?? floats(c));
  const loss = c.gradients ? sum(outputs[0]!) : weighed(op, outputs);
  const grads = grad(
    loss,
    wrt.map((name) => inputs[name]!),
  );
  const graph = { inputs, outputs: Object.fromEntries(wrt.map((name, i) => [name, grads[i]!])) };
  const results = await runOnce(backend, graph, c.feeds);
  const exact = backend.precision === "float64";
  const reference = exact ? undefined : await onReference(graph, c);
  for (const name of wrt) {
    expect([...results[name]!.shape]).toEqual([...c.feeds[name]!.shape]);
    const what = `gradient for ${name}`;
    if (c.gradients) {
      expectClose(results[name]!, c.gradients[name]!, { tolerance, what });
    } else if (reference) {
      expectClose(results[name]!, reference[name]!.data, { tolerance, what });
    } else {
      const wanted = await differences({ inputs, outputs: { loss } }, c.feeds, name);
      expectClose(results[name]!, wanted, { tolerance: DIFFERENCE_TOLERANCE, what });
    }
  }
}

async function onReference(
  graph: { inputs: Tree; outputs: Tree },
  c: Case,
): Promise<Record<string, HostTensor>> {
  const reference = referenceBackend();
  try {
    return await runOnce(reference, graph, c.feeds);
  } finally {
    await reference.close();
  }
}

async function checkNoGradient(backend: Backend, { c, tolerance }: Check): Promise<void> {
  const { inputs, outputs } = build(c);
  const names = floats(c);
  const grads = grad(
    sum(cast(outputs[0]!, "float32")),
    names.map((name) => inputs[name]!),
  );
  const graph = { inputs, outputs: Object.fromEntries(names.map((name, i) => [name, grads[i]!])) };
  const results = await runOnce(backend, graph, c.feeds);
  for (const name of names) {
    const zeros = Array.from(c.feeds[name]!.data, () => 0);
    expectClose(results[name]!, zeros, { tolerance, what: `gradient for ${name}` });
  }
}
