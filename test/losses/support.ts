/** Runs graphs on the float64 reference, and golden loss cases through them: value, gradient, metrics. */
import { expect } from "vitest";

import { referenceBackend } from "../../src/backends/index.js";
import { finishMetrics, type LossResult, metricTotals, reduceLoss } from "../../src/losses/index.js";
import { type Counts } from "../../src/losses/reduce.js";
import { grad, type HostTensor, input, type Tensor, type Tree } from "../../src/tensor/index.js";
import { golden, readJson } from "../support/shared.js";

export type Nested =
  | number
  | boolean
  | string
  | null
  | readonly Nested[]
  | { readonly [key: string]: Nested };

export interface GoldenCase {
  readonly name: string;
  readonly inputs: Readonly<Record<string, Nested>>;
  readonly options: Readonly<Record<string, Nested>>;
  readonly expected: Readonly<Record<string, Nested>>;
}

export const loadCases = (file: string): GoldenCase[] =>
  readJson<{ cases: GoldenCase[] }>(golden("losses", file)).cases;

const toNumber = (x: Nested): number => {
  if (x === "NaN") return Number.NaN;
  if (x === "Infinity") return Infinity;
  if (x === "-Infinity") return -Infinity;
  return Number(x);
};

export const flatten = (x: Nested): number[] =>
  Array.isArray(x) ? (x as Nested[]).flatMap(flatten) : [toNumber(x)];
export const shapeOf = (x: Nested): number[] =>
  Array.isArray(x) ? [x.length, ...shapeOf((x as Nested[])[0] ?? 0)] : [];

/** Values of a tree of tensors on the reference backend. */
export async function evaluate(
  outputs: Tree,
  { inputs = {}, feeds = {} }: { inputs?: Tree; feeds?: Readonly<Record<string, HostTensor>> } = {},
): Promise<Record<string, number[]>> {
  const backend = referenceBackend();
  const program = await backend.compile({ inputs, outputs });
  const result = await program.run(feeds);
  await backend.close();
  return Object.fromEntries(Object.entries(result).map(([name, value]) => [name, [...value.data]]));
}

export interface Built {
  readonly result: LossResult;
  readonly counts?: Counts;
  /** Further outputs, compared with `expected` under the same names. */
  readonly extra?: Readonly<Record<string, Tensor>>;
}

export interface Deviation {
  /** Why ours need only be finite where the oracle is NaN. */
  readonly finite?: string;
  /** Entries of `expected` that ours has no counterpart of, and why. */
  readonly without?: Readonly<Record<string, string>>;
}

/** Numbers agree to 1e-9 relative, of the number itself or of the largest beside it. */
export function expectClose(
  got: readonly number[],
  want: readonly number[],
  { what, finite }: { what: string; finite?: boolean },
): void {
  expect(got.length, `${what}: number of values`).toBe(want.length);
  const scale = Math.max(1, ...want.map((x) => (Number.isFinite(x) ? Math.abs(x) : 0)));
  want.forEach((w, i) => {
    const g = got[i]!;
    const where = `${what}[${i}]: got ${g}, expected ${w}`;
    if (!Number.isFinite(w)) {
      if (finite) expect(Number.isFinite(g), `${what}[${i}]: finite`).toBe(true);
      else expect(Object.is(g, w), where).toBe(true);
    } else expect(Math.abs(g - w) <= 1e-9 * Math.abs(w) + 1e-13 * scale, where).toBe(true);
  });
}

const INTEGERS: ReadonlySet<string> = new Set(["labels", "chosen_labels", "rejected_labels", "outcome"]);

/** Running means stand among the options of a case; ours are inputs. */
const STATE = ["gap_mean", "running_mean", "running_var", "running_count"];

export interface CaseCheck {
  readonly build: (t: Readonly<Record<string, Tensor>>) => Built;
  readonly deviation?: Deviation;
  /** Further checks on all outputs by name. */
  readonly also?: (got: Readonly<Record<string, number[]>>) => void;
}

/** Runs one case and compares losses, loss, gradients, metrics and whatever else `build` gives. */
export async function checkCase(
  { inputs: given, options, expected }: GoldenCase,
  { build, deviation = {}, also }: CaseCheck,
): Promise<void> {
  const tensors: Record<string, Tensor> = {};
  const feeds: Record<string, HostTensor> = {};
  const inputs = {
    ...given,
    ...Object.fromEntries(STATE.flatMap((name) => (name in options ? [[name, options[name]!]] : []))),
  };
  for (const [name, value] of Object.entries(inputs)) {
    const shape = shapeOf(value);
    const dtype = INTEGERS.has(name) ? "int32" : "float32";
    const data = flatten(value);
    tensors[name] = input(name, shape, dtype);
    feeds[name] = { shape, dtype, data: dtype === "int32" ? Int32Array.from(data) : Float64Array.from(data) };
  }
  const { result, counts, extra = {} } = build(tensors);
  const loss = reduceLoss(result, counts);
  const wrt = Object.keys((expected["grad"] ?? {}) as Record<string, Nested>);
  const grads = grad(
    loss,
    wrt.map((name) => tensors[name]!),
  );
  const totals = metricTotals(result);
  const outputs: Record<string, Tensor> = { loss, losses: result.loss, ...extra };
  wrt.forEach((name, i) => (outputs[`grad ${name}`] = grads[i]!));
  for (const [name, { total, weight }] of Object.entries(totals)) {
    outputs[`total ${name}`] = total;
    outputs[`weight ${name}`] = weight;
  }
  const got = await evaluate(outputs, { inputs: tensors, feeds });
  const numbers = Object.fromEntries(
    Object.entries(totals).map(([name, { reduce }]) => [
      name,
      { reduce, total: got[`total ${name}`]![0]!, weight: got[`weight ${name}`]![0]! },
    ]),
  );
  const metrics = finishMetrics([numbers], result.metricDifferences);
  const finite = deviation.finite !== undefined;
  const compare = (what: string, values: readonly number[], want: Nested): void =>
    expectClose(values, flatten(want), { what, finite });

  for (const [name, want] of Object.entries(expected)) {
    if (deviation.without?.[name] !== undefined) continue;
    if (name === "grad") {
      for (const [key, g] of Object.entries(want as Record<string, Nested>))
        compare(`grad ${key}`, got[`grad ${key}`]!, g);
    } else if (name === "metrics") {
      for (const [key, m] of Object.entries(want as Record<string, Nested>)) {
        if (deviation.without?.[key] === undefined) compare(key, [metrics[key] ?? Number.NaN], m);
      }
    } else {
      const key = name === "token_losses" && got[name] === undefined ? "losses" : name;
      expect(got[key], `an output for ${name}`).toBeDefined();
      compare(name, got[key]!, want);
    }
  }
  also?.(got);
}
