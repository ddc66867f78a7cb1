/** Means over real rows and tokens, and metrics over several micro-batches. */
import { describe, expect, it } from "vitest";

import { finishMetrics, type LossResult, metricTotals, reduceLoss } from "../../src/losses/index.js";
import { constant } from "../../src/tensor/index.js";
import { evaluate } from "./support.js";

const row = (values: readonly number[]) => constant(values, [values.length]);
const rows: LossResult = { loss: row([1, 2, Number.NaN]), metrics: {} };

const loss = async (...given: Parameters<typeof reduceLoss>): Promise<number> =>
  (await evaluate({ x: reduceLoss(...given) }))["x"]![0]!;

describe("a loss per row", () => {
  it("is averaged over real rows, whatever the others hold", async () => {
    expect(await loss(rows, { rowMask: row([1, 1, 0]) })).toBe(1.5);
  });
  it("is divided by the count that is given", async () => {
    expect(await loss(rows, { rowMask: row([1, 1, 0]), rows: 6 })).toBe(0.5);
  });
  it("is 0 where no row is real", async () => {
    expect(await loss(rows, { rowMask: row([0, 0, 0]) })).toBe(0);
  });
  it("adds its token term, divided by tokens", async () => {
    const mask = constant([1, 1, 1, 0], [2, 2]);
    const tokenTerm = { loss: constant([1, 2, 3, 0], [2, 2]), mask };
    expect(await loss({ loss: row([1, 3]), tokenTerm, metrics: {} })).toBe(4);
    expect(await loss({ loss: row([1, 3]), tokenTerm, metrics: {} }, { tokens: 6 })).toBe(3);
    expect(await loss({ loss: row([1, 3]), tokenTerm, metrics: {} }, { rowMask: row([1, 0]) })).toBe(2.5);
  });
});

describe("a loss per token", () => {
  const tokens: LossResult = { loss: constant([1, 2, 3, 0], [2, 2]), metrics: {} };
  it("is divided by the real tokens, not by rows", async () => {
    expect(await loss(tokens, { tokenMask: constant([1, 1, 1, 0], [2, 2]) })).toBe(2);
    expect(await loss(tokens, { tokens: 12 })).toBe(0.5);
  });
  it("leaves out filler rows", async () => {
    expect(await loss(tokens, { tokenMask: constant([1, 1, 1, 0], [2, 2]), rowMask: row([1, 0]) })).toBe(1.5);
  });
});

describe("metrics", () => {
  const result: LossResult = {
    loss: row([0, 0, 0]),
    metrics: {
      plain: row([1, 3, 9]),
      weighted: row([1, 3, 9]),
      low: row([1, 3, 9]),
      high: row([1, 3, 9]),
      none: row([1, 3, 9]),
    },
    metricRules: {
      weighted: { weight: row([3, 1, 5]) },
      low: { reduce: "min" },
      high: { reduce: "max" },
      none: { weight: row([0, 0, 0]) },
    },
  };
  it("are added over micro-batches before they are divided", async () => {
    const totals = metricTotals(result, { rowMask: row([1, 1, 0]) });
    const batch = Object.fromEntries(
      await Promise.all(
        Object.entries(totals).map(async ([name, { total, weight, reduce }]) => {
          const got = await evaluate({ total, weight });
          return [name, { reduce, total: got["total"]![0]!, weight: got["weight"]![0]! }] as const;
        }),
      ),
    );
    expect(finishMetrics([batch])).toEqual({ plain: 2, weighted: 1.5, low: 1, high: 3 });
    const other = {
      ...batch,
      plain: { total: 11, weight: 3, reduce: "mean" as const },
      low: { total: -4, weight: 1, reduce: "min" as const },
    };
    expect(finishMetrics([batch, other])).toEqual({ plain: 3, weighted: 1.5, low: -4, high: 3 });
  });
  it("that are differences come from the reduced ones, and are left out where a part is", () => {
    const at = (total: number) => ({ total, weight: 1, reduce: "mean" as const });
    const differences = { margin: ["a", "b"], gone: ["a", "c"] } as const;
    expect(finishMetrics([{ a: at(3), b: at(1) }], differences)).toEqual({ a: 3, b: 1, margin: 2 });
  });
});
