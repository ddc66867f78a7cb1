/** What every loss on sampled answers promises, whatever its formula. */
import { describe, expect, it } from "vitest";

import { referenceBackend } from "../../src/backends/index.js";
import {
  metricTotals,
  type OptionValue,
  POLICY_LOSSES,
  type PolicyInputs,
  type PolicyLossEntry,
  reduceLoss,
} from "../../src/losses/index.js";
import { type Counts } from "../../src/losses/reduce.js";
import { grad, type HostTensor, input, sum, type Tensor, type Tree } from "../../src/tensor/index.js";
import { createRandom } from "../../src/util/random.js";

type Values = Readonly<Record<string, { shape: readonly number[]; data: readonly number[] }>>;

const ROWS = 4;
const TOKENS = 5;
const LENGTHS = [5, 2, 4, 1];

function randomInputs(seed: number): Values {
  const random = createRandom(seed, { stream: "policy" });
  const fill = (at: (i: number) => number) => ({
    shape: [ROWS, TOKENS],
    data: Array.from({ length: ROWS * TOKENS }, (_, i) => at(i)),
  });
  const logps = fill(() => -0.1 - 2 * random.uniform());
  const near = () => fill((i) => logps.data[i]! + 0.2 * random.normal());
  return {
    logps,
    oldLogps: near(),
    refLogps: near(),
    samplingLogps: near(),
    samplingRatio: fill(() => 0.5 + random.uniform()),
    entropies: fill(() => random.uniform()),
    advantages: { shape: [ROWS], data: [0.8, -1.1, 0.3, -0.4] },
    mask: fill((i) => (i % TOKENS < LENGTHS[Math.floor(i / TOKENS)]! ? 1 : 0)),
  };
}

interface Run {
  values: Values;
  options?: Readonly<Record<string, OptionValue>>;
  counts?: (mask: Tensor) => Counts;
}

async function compile(entry: PolicyLossEntry, { values, options, counts }: Run) {
  const tensors: Record<string, Tensor> = Object.fromEntries(
    Object.entries(values).map(([name, { shape }]) => [name, input(name, shape)]),
  );
  const result = entry.loss(tensors as unknown as PolicyInputs, options);
  const loss = reduceLoss(result, counts?.(tensors["mask"]!) ?? { tokenMask: tensors["mask"]! });
  const metrics = Object.entries(metricTotals(result)).map(([name, { total }]) => [name, total] as const);
  const outputs: Tree = {
    loss,
    losses: result.loss,
    slope: grad(loss, [tensors["logps"]!])[0]!,
    ...Object.fromEntries(metrics),
  };
  const program = await referenceBackend().compile({ inputs: tensors, outputs });
  return async (fed: Values): Promise<Record<string, number[]>> => {
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

const run = async (entry: PolicyLossEntry, given: Run) => (await compile(entry, given))(given.values);

/** Everything on, as far as the loss has it. */
function everything(entry: PolicyLossEntry): Record<string, OptionValue> {
  const wanted = { beta: 0.1, klEstimator: "k3", entropyCoef: 0.05, offPolicyThreshold: 0.01 };
  return Object.fromEntries(Object.entries(wanted).filter(([name]) => name in entry.options));
}

/** One sampler ratio a row where the loss takes no other. */
const fitting = (name: string, values: Values): Values =>
  name === "gmpo" || name === "rloo"
    ? { ...values, samplingRatio: { shape: [ROWS, 1], data: [1, 0.9, 1.1, 0.8] } }
    : values;

const table = Object.entries(POLICY_LOSSES as Readonly<Record<string, PolicyLossEntry>>);

describe("gradients agree with central differences", () => {
  const fixed = new Set(["cispo", "vespo"]);
  for (const [name, entry] of table) {
    if (fixed.has(name)) {
      it.skip(`${name}: its weight is held fixed, which differences do not; golden gradients cover it`, () =>
        undefined);
      continue;
    }
    it(name, async () => {
      const h = 1e-6;
      const values = fitting(name, randomInputs(1));
      const evaluate = await compile(entry, { values, options: everything(entry) });
      const { slope } = await evaluate(values);
      const data = values["logps"]!.data;
      for (let i = 0; i < data.length; i++) {
        const at = async (step: number): Promise<number> => {
          const logps = { shape: [ROWS, TOKENS], data: data.map((x, j) => (j === i ? x + step : x)) };
          return (await evaluate({ ...values, logps }))["loss"]![0]!;
        };
        expect(((await at(h)) - (await at(-h))) / (2 * h)).toBeCloseTo(slope![i]!, 6);
      }
    });
  }
});

describe("junk at masked places, even NaN, changes nothing", () => {
  it.each(table)("%s", async (name, entry) => {
    const values = fitting(name, randomInputs(2));
    const mask = values["mask"]!.data;
    const spoilt = Object.fromEntries(
      Object.entries(values).map(([key, value]) => [
        key,
        key === "mask" || value.data.length !== mask.length
          ? value
          : { ...value, data: value.data.map((x, i) => (mask[i] ? x : Number.NaN)) },
      ]),
    );
    const options = everything(entry);
    expect(await run(entry, { values: spoilt, options })).toEqual(await run(entry, { values, options }));
  });
});

describe("micro-batches divided by the global counts add up to one batch", () => {
  it.each(table)("%s", async (name, entry) => {
    const values = fitting(name, randomInputs(3));
    const options = everything(entry);
    const half = (part: 0 | 1): Values =>
      Object.fromEntries(
        Object.entries(values).map(([key, { shape, data }]) => {
          const size = data.length / 2;
          return [
            key,
            { shape: [ROWS / 2, ...shape.slice(1)], data: data.slice(part * size, (part + 1) * size) },
          ];
        }),
      );
    const tokens = LENGTHS.reduce((a, b) => a + b, 0);
    const counts = () => ({ rows: ROWS, tokens });
    const whole = await run(entry, { values, options });
    const [a, b] = [
      await run(entry, { values: half(0), options, counts }),
      await run(entry, { values: half(1), options, counts }),
    ];
    expect(a["loss"]![0]! + b["loss"]![0]!).toBeCloseTo(whole["loss"]![0]!, 12);
  });
});

describe("every loss on sampled answers", () => {
  it.each(table)("%s says truly what shape its loss has, and what it needs", (_, entry) => {
    const options = everything(entry);
    const { refLogps: _r, entropies: _e, ...bare } = randomInputs(4);
    const symbols = (values: Values): PolicyInputs =>
      Object.fromEntries(
        Object.entries(values).map(([key, { shape }]) => [key, input(key, shape)]),
      ) as unknown as PolicyInputs;
    const { samplingRatio: _s, ...all } = randomInputs(4);
    const result = entry.loss(symbols(all), options);
    expect(result.loss.shape.length).toBe(entry.averagesTokens(options) ? 2 : 1);
    expect(result.tokenTerm !== undefined).toBe(entry.hasTokenTerm(options));
    for (const metric of Object.values(result.metrics)) expect(metric.shape).toEqual([ROWS]);
    const { samplingRatio: _b, ...less } = bare;
    if (entry.needsReference(options)) expect(() => entry.loss(symbols(less), options)).toThrow("refLogps");
    if (entry.needsEntropies({ entropyCoef: 0.1 }) && "entropyCoef" in entry.options)
      expect(() => entry.loss(symbols(less), { entropyCoef: 0.1 })).toThrow(
        "entropies where entropyCoef > 0",
      );
  });
  it.each(table)("%s declares its options with a meaning and a source", (_, entry) => {
    for (const spec of Object.values(entry.options)) {
      expect(spec.doc).toMatch(/\.$/);
      expect(spec.source.length).toBeGreaterThan(2);
    }
  });
  it("tells shapes that do not fit", () => {
    const { samplingRatio: _, ...values } = randomInputs(5);
    const tensors = Object.fromEntries(
      Object.entries(values).map(([key, { shape }]) => [key, input(key, shape)]),
    ) as unknown as PolicyInputs;
    const wrong = { ...tensors, oldLogps: sum(tensors.logps, { axes: [1] }) };
    expect(() => POLICY_LOSSES.grpo.loss(wrong)).toThrow("losses.grpo: oldLogps: expected [4, 5], got [4]");
  });
});
