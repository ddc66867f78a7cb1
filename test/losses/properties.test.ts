/** What every loss of the tables promises, whatever its formula. */
import { describe, expect, it } from "vitest";

import {
  type AnyPairInputs,
  type LossResult,
  metricTotals,
  PAIR_LOSSES,
  type PairLossEntry,
  reduceLoss,
  UNPAIRED_LOSSES,
  type UnpairedLossEntry,
} from "../../src/losses/index.js";
import { referenceBackend } from "../../src/backends/index.js";
import { type Counts } from "../../src/losses/reduce.js";
import { constant, grad, type HostTensor, input, type Tensor, type Tree } from "../../src/tensor/index.js";

type Values = Readonly<Record<string, { shape: readonly number[]; data: readonly number[] }>>;

const PAIRS = 4;
const TOKENS = 5;

/** Reproducible numbers in [0, 1) (mulberry32). */
function draws(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Random inputs for any loss of either table: lengths differ, nothing is at a kink. */
function randomInputs(seed: number): Record<string, { shape: number[]; data: number[] }> {
  const next = draws(seed);
  const shape = [PAIRS, TOKENS];
  const fill = (at: (i: number) => number, of = shape) => ({
    shape: of,
    data: Array.from({ length: of.reduce((a, b) => a * b, 1) }, (_, i) => at(i)),
  });
  const mask = (): number[] =>
    Array.from({ length: PAIRS }, (_, i) => (i === 0 ? TOKENS : 1 + Math.floor(next() * TOKENS)));
  const logp = (): number => -0.05 - 3 * next();
  const values: Record<string, { shape: number[]; data: number[] }> = {};
  for (const side of ["chosen", "rejected", "refChosen", "refRejected", "gold"])
    values[`${side}Logps`] = fill(logp);
  for (const side of ["chosen", "rejected"]) {
    values[`${side}Kl`] = fill(next);
    values[`${side}LogSumSquares`] = fill(logp);
  }
  for (const side of ["chosen", "rejected", "gold"]) {
    const lengths = mask();
    values[`${side}Mask`] = fill((i) => (i % TOKENS < lengths[Math.floor(i / TOKENS)]! ? 1 : 0));
  }
  values["gapMean"] = fill(() => 0.3, []);
  values["logps"] = values["chosenLogps"]!;
  values["refLogps"] = values["refChosenLogps"]!;
  values["mask"] = values["chosenMask"]!;
  values["desirable"] = { shape: [PAIRS], data: [1, 0, 0, 1] };
  values["kl"] = fill(() => 0.4, []);
  values["runningMean"] = fill(() => 0.1, []);
  values["runningVar"] = fill(() => 1, []);
  values["runningCount"] = fill(() => 6, []);
  return values;
}

type Apply = (
  inputs: AnyPairInputs,
  options?: Readonly<Record<string, number | string | boolean>>,
) => LossResult;

/** Compiles loss, unreduced loss and gradients once; the function runs them on values of the same shapes. */
async function compile(
  apply: Apply,
  { values, wrt = [], counts = {} }: { values: Values; wrt?: readonly string[]; counts?: Counts },
): Promise<(values: Values) => Promise<Record<string, number[]>>> {
  const tensors = symbols(values);
  const result = apply(tensors as unknown as AnyPairInputs);
  const loss = reduceLoss(result, counts);
  const grads = grad(
    loss,
    wrt.map((name) => tensors[name]!),
  );
  const outputs: Tree = {
    loss,
    losses: result.loss,
    ...Object.fromEntries(wrt.map((name, i) => [name, grads[i]!])),
  };
  const program = await referenceBackend().compile({ inputs: tensors, outputs });
  return async (fed) => {
    const feeds: Record<string, HostTensor> = Object.fromEntries(
      Object.entries(fed).map(([name, { shape, data }]) => [
        name,
        { shape, dtype: "float32", data: Float64Array.from(data) },
      ]),
    );
    const got = await program.run(feeds);
    return Object.fromEntries(Object.entries(got).map(([name, { data }]) => [name, [...data]]));
  };
}

const symbols = (values: Values): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(values).map(([name, { shape }]) => [name, input(name, shape)]));

const run = async (apply: Apply, options: Parameters<typeof compile>[1]): Promise<Record<string, number[]>> =>
  (await compile(apply, options))(options.values);

const pairTable = Object.entries(PAIR_LOSSES as Readonly<Record<string, PairLossEntry>>);
const unpairedTable = Object.entries(UNPAIRED_LOSSES as Readonly<Record<string, UnpairedLossEntry>>);
const applyPair =
  (entry: PairLossEntry): Apply =>
  (inputs, options) =>
    entry.loss(inputs, options);
const applyUnpaired =
  (entry: UnpairedLossEntry, options = {}): Apply =>
  (inputs) =>
    entry.loss(inputs as unknown as Parameters<UnpairedLossEntry["loss"]>[0], options);

/** Their losses hold something fixed, which differences do not; golden gradients cover them. */
const FIXED: Readonly<Record<string, string>> = {
  beta_dpo: "beta follows the gap without gradient",
  tdpo2: "the chosen KL is held fixed",
  wpo: "weights are held fixed",
};

async function checkDifferences(apply: Apply, wrt: readonly string[]): Promise<void> {
  const h = 1e-5;
  const evaluate = await compile(apply, { values: randomInputs(1), wrt });
  for (const seed of [1, 2]) {
    const values = randomInputs(seed);
    const got = await evaluate(values);
    for (const name of wrt) {
      const { shape, data } = values[name]!;
      for (let i = 0; i < data.length; i += 3) {
        const at = async (step: number): Promise<number> => {
          const moved = data.map((x, j) => (j === i ? x + step : x));
          return (await evaluate({ ...values, [name]: { shape, data: moved } }))["loss"]![0]!;
        };
        const slope = ((await at(h)) - (await at(-h))) / (2 * h);
        const error = Math.abs(slope - got[name]![i]!) / Math.max(1, Math.abs(got[name]![i]!));
        expect(error, `d/d${name}[${i}]: ${got[name]![i]} for ${slope}`).toBeLessThan(1e-6);
      }
    }
  }
}

describe("gradients agree with central differences", () => {
  for (const [name, entry] of pairTable) {
    if (name in FIXED) it.skip(`${name}: ${FIXED[name]}`, () => undefined);
    else it(name, () => checkDifferences(applyPair(entry), ["chosenLogps", "rejectedLogps"]));
  }
  for (const [name, entry] of unpairedTable) {
    const options = name === "bco" ? { update: false } : {};
    it(name, () => checkDifferences(applyUnpaired(entry, options), ["logps"]));
  }
});

describe("junk at masked places, even NaN, changes nothing", () => {
  const spoil = (values: Values): Values => {
    const masks: Record<string, string> = { refLogps: "mask", logps: "mask" };
    const spoilt = Object.entries(values).map(([name, value]) => {
      const side = /(chosen|rejected|gold)/i.exec(name)?.[1]?.toLowerCase();
      const mask = masks[name] ?? (side && !name.endsWith("Mask") ? `${side}Mask` : undefined);
      if (mask === undefined) return [name, value] as const;
      return [
        name,
        { ...value, data: value.data.map((x, i) => (values[mask]!.data[i] ? x : Number.NaN)) },
      ] as const;
    });
    return Object.fromEntries(spoilt);
  };
  const check = async (apply: Apply, wrt: readonly string[]): Promise<void> => {
    const values = randomInputs(3);
    expect(await run(apply, { values: spoil(values), wrt })).toEqual(await run(apply, { values, wrt }));
  };
  it.each(pairTable)("%s", (_, entry) => check(applyPair(entry), ["chosenLogps", "rejectedLogps"]));
  it.each(unpairedTable)("%s", (_, entry) => check(applyUnpaired(entry), ["logps"]));
});

describe("a reference that is already summed gives the same", () => {
  const summed = (values: Values): Values => {
    const sums = (name: string, mask: string) => ({
      shape: [PAIRS],
      data: Array.from({ length: PAIRS }, (_, row) =>
        Array.from({ length: TOKENS }, (_, t) => row * TOKENS + t).reduce(
          (total, i) => total + values[name]!.data[i]! * values[mask]!.data[i]!,
          0,
        ),
      ),
    });
    return {
      ...values,
      refChosenLogps: sums("refChosenLogps", "chosenMask"),
      refRejectedLogps: sums("refRejectedLogps", "rejectedMask"),
      refLogps: sums("refLogps", "mask"),
    };
  };
  const check = async (apply: Apply): Promise<void> => {
    const values = randomInputs(4);
    const [a, b] = [await run(apply, { values }), await run(apply, { values: summed(values) })];
    a["losses"]!.forEach((x, i) => expect(b["losses"]![i]).toBeCloseTo(x, 12));
  };
  it.each(pairTable.filter(([, entry]) => entry.needsReference && entry.reads === "sums"))("%s", (_, entry) =>
    check(applyPair(entry)),
  );
  it.each(unpairedTable)("%s", (_, entry) => check(applyUnpaired(entry)));
  it("but a loss that reads tokens refuses it", async () => {
    await expect(run(applyPair(PAIR_LOSSES.ld_dpo), { values: summed(randomInputs(4)) })).rejects.toThrow(
      "per token",
    );
  });
});

describe("log-ratios of 1000 either way stay finite in loss and gradient", () => {
  /** Their own formula leaves the numbers: a square of 1000 tokens' worth is fine, e^1000 is not. */
  const leaves = new Set(["wpo"]);
  const huge = (sign: number): Values => {
    const values = randomInputs(5);
    const far = (name: string, x: number) => ({ ...values[name]!, data: values[name]!.data.map(() => x) });
    return {
      ...values,
      chosenLogps: far("chosenLogps", sign > 0 ? -0.001 : -1000),
      rejectedLogps: far("rejectedLogps", sign > 0 ? -1000 : -0.001),
      logps: far("logps", sign > 0 ? -0.001 : -1000),
      refLogps: far("refLogps", sign > 0 ? -1000 : -0.001),
      refChosenLogps: far("refChosenLogps", -500),
      refRejectedLogps: far("refRejectedLogps", -500),
    };
  };
  const check = async (apply: Apply, wrt: readonly string[]): Promise<void> => {
    for (const sign of [1, -1]) {
      const got = await run(apply, { values: huge(sign), wrt });
      for (const [name, numbers] of Object.entries(got)) {
        for (const x of numbers) expect(Number.isFinite(x), `${name}: ${x}`).toBe(true);
      }
    }
  };
  for (const [name, entry] of pairTable) {
    if (!leaves.has(name)) it(name, () => check(applyPair(entry), ["chosenLogps", "rejectedLogps"]));
  }
  it.each(unpairedTable)("%s", (_, entry) => check(applyUnpaired(entry), ["logps"]));
});

describe("micro-batches divided by the global counts add up to one batch", () => {
  const half = (values: Values, part: 0 | 1): Values =>
    Object.fromEntries(
      Object.entries(values).map(([name, { shape, data }]) => {
        if (shape.length === 0) return [name, { shape, data }];
        const size = data.length / 2;
        return [
          name,
          { shape: [shape[0]! / 2, ...shape.slice(1)], data: data.slice(part * size, (part + 1) * size) },
        ];
      }),
    );
  const check = async (apply: Apply, tokens: number): Promise<void> => {
    const values = randomInputs(6);
    const whole = await run(apply, { values });
    const counts = { rows: PAIRS, tokens };
    const first = await run(apply, { values: half(values, 0), counts });
    const second = await run(apply, { values: half(values, 1), counts });
    expect(first["loss"]![0]! + second["loss"]![0]!).toBeCloseTo(whole["loss"]![0]!, 12);
  };
  const tokensOf = (name: string | undefined): number =>
    name === undefined ? 1 : randomInputs(6)[`${name}Mask`]!.data.reduce((a, b) => a + b, 0);
  for (const [name, entry] of pairTable) {
    if (!entry.wholeBatch) it(name, () => check(applyPair(entry), tokensOf(entry.averagesTokens)));
  }
  for (const [name, entry] of unpairedTable)
    if (!entry.wholeBatch) it(name, () => check(applyUnpaired(entry), 1));
});

describe("rows that only fill up the batch do not count", () => {
  /** The last row is filler. */
  const rowMask = { shape: [PAIRS], data: [1, 1, 1, 0] };
  const short = (values: Values): Values =>
    Object.fromEntries(
      Object.entries(values).map(([name, { shape, data }]) => {
        if (shape.length === 0) return [name, { shape, data }];
        return [
          name,
          { shape: [PAIRS - 1, ...shape.slice(1)], data: data.slice(0, (data.length / PAIRS) * (PAIRS - 1)) },
        ];
      }),
    );
  const check = async (apply: Apply): Promise<void> => {
    const values = randomInputs(7);
    const filled: Apply = (inputs) => apply(inputs);
    const mask = constant(rowMask.data, [PAIRS]);
    const got = await run(filled, { values: { ...values, rowMask }, counts: { rowMask: mask } });
    const want = await run(apply, { values: short(values) });
    expect(got["loss"]![0]).toBeCloseTo(want["loss"]![0]!, 12);
  };
  it.each(pairTable)("%s", (_, entry) => check(applyPair(entry)));
  it.each(unpairedTable)("%s", (_, entry) => check(applyUnpaired(entry)));
});

describe("every loss of the tables", () => {
  it.each(pairTable)("%s declares its options with a meaning and a source", (_, entry) => {
    for (const spec of Object.values(entry.options)) {
      expect(spec.doc).toMatch(/\.$/);
      expect(spec.source.length).toBeGreaterThan(2);
    }
    expect(entry.paper).toMatch(/^\d{4}\.\d{5}$/);
  });
  it.each(pairTable.filter(([, entry]) => entry.needsReference))(
    "%s says that the reference is missing",
    (_, entry) => {
      const { refChosenLogps: _c, refRejectedLogps: _r, ...without } = randomInputs(8);
      const tensors = symbols(without);
      expect(() => entry.loss(tensors as unknown as AnyPairInputs)).toThrow(
        /refChosenLogps|refRejectedLogps/,
      );
    },
  );
  it.each(pairTable)(
    "%s has a token term exactly when it says so, and metrics of one number a row",
    (_, entry) => {
      const tensors = symbols(randomInputs(8));
      const result = entry.loss(tensors as unknown as AnyPairInputs);
      expect(result.loss.shape).toEqual([PAIRS]);
      expect(result.tokenTerm !== undefined).toBe(entry.averagesTokens !== undefined);
      for (const metric of Object.values(result.metrics)) expect(metric.shape).toEqual([PAIRS]);
      for (const { total } of Object.values(metricTotals(result))) expect(total.shape).toEqual([]);
      expect(Object.keys(result.state ?? {})).toEqual(Object.keys(entry.state));
    },
  );
});
