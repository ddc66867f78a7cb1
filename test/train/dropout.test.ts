/** Dropout on adapters' inputs: what is dropped, that it repeats, and that evaluation knows nothing of it. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ortBackend, referenceBackend } from "../../src/backends/index.js";
import { layoutBatch } from "../../src/data/index.js";
import { type LoraConfig, openModel } from "../../src/models/index.js";
import { type Backend, input, type Tree } from "../../src/tensor/index.js";
import {
  dropoutFeeds,
  dropoutInputs,
  tokenKeys,
  uploadTables,
  withDropout,
} from "../../src/train/dropout.js";
import {
  bindPolicy,
  createPolicy,
  fitToEnd,
  type FitOptions,
  type FitResult,
  type Policy,
  type StepReport,
} from "../../src/train/index.js";
import { distance, examples, type Method, scratch, trainerFor, writeTinyModel } from "../invariants/setup.js";
import { counting } from "./wrapped-backend.js";

const backend = ortBackend({ threads: 1 });
const folder = scratch();
let model: string;
beforeAll(async () => {
  model = await writeTinyModel(folder.path);
});
afterAll(async () => {
  await backend.close();
  folder.remove();
});

const policyOf = async (dropout: number, seed = 42): Promise<Policy> =>
  createPolicy(await openModel(model), { lora: { r: 2, dropout }, seed });

/** What a module makes of ones at every place of some batch: its mask. [places * width] */
async function masks(
  policy: Policy,
  { own = backend, step = 1, modules = 1 }: { own?: Backend; step?: number; modules?: number } = {},
): Promise<{ masks: number[][]; width: number; keys: Float32Array }> {
  const batch = layoutBatch(examples(40, { completions: 2 }), {});
  const keys = tokenKeys(batch);
  const places = keys.length / 2;
  const inputs = dropoutInputs(policy);
  const at = input("keys", [2, places]);
  const { adapters } = bindPolicy(policy, {});
  const dropped = withDropout(policy, { adapters, inputs, keys: at });
  const targets = policy.lora!.spec.targets.slice(0, modules);
  const width = targets[0]!.inSize;
  const x = input("x", [places, width]);
  const outputs: Tree = Object.fromEntries(
    targets.map(({ module }, i) => [`m${i}`, dropped.get(module)!.drop!(x)]),
  );
  const program = await own.compile({ inputs: { ...inputs, keys: at, x }, outputs });
  const tables = await uploadTables(policy, own);
  const results = await program.run({
    ...dropoutFeeds(policy, step),
    ...tables,
    keys: { shape: [2, places], dtype: "float32", data: keys },
    x: { shape: [places, width], dtype: "float32", data: new Float32Array(places * width).fill(1) },
  });
  await program.release();
  await own.free(Object.values(tables));
  return { masks: targets.map((_, i) => Array.from(results[`m${i}`]!.data)), width, keys };
}

describe("what is dropped", () => {
  it("is about the share asked for, and the rest is scaled so that the mean is 1", async () => {
    for (const share of [0.1, 0.5]) {
      const {
        masks: [mask],
      } = await masks(await policyOf(share));
      const zeros = mask!.filter((x) => x === 0).length / mask!.length;
      expect(zeros).toBeGreaterThan(share - 0.03);
      expect(zeros).toBeLessThan(share + 0.03);
      const kept = new Set(mask!.filter((x) => x !== 0));
      expect(kept.size).toBe(1);
      expect([...kept][0]).toBeCloseTo(1 / (1 - share), 2);
    }
  });

  it("keeps every entry of a width equally often over the patterns: no entry is favoured", async () => {
    const policy = await policyOf(0.3);
    const own = referenceBackend();
    const [table] = Object.values(await uploadTables(policy, own));
    const { data, shape } = await own.download(table!);
    const [rows, width] = shape as [number, number];
    for (let column = 0; column < width; column++) {
      let total = 0;
      for (let row = 0; row < rows; row++) total += data[row * width + column]!;
      expect(total / rows).toBeCloseTo(1, 5);
    }
    await own.close();
  });

  it("differs between places, modules, steps and seeds, and repeats for the same", async () => {
    const policy = await policyOf(0.4);
    const {
      masks: [first, second],
      width,
      keys,
    } = await masks(policy, { modules: 2 });
    expect(second).not.toEqual(first);
    const rows = new Map<string, string>();
    const places = keys.length / 2;
    for (let t = 0; t < places; t++) {
      const key = `${keys[t]} ${keys[places + t]}`;
      const row = first!.slice(t * width, (t + 1) * width).join();
      expect(rows.get(key) ?? row).toBe(row);
      rows.set(key, row);
    }
    expect(new Set(rows.values()).size).toBeGreaterThan(0.7 * rows.size);
    expect((await masks(policy)).masks[0]).toEqual(first);
    expect((await masks(policy, { step: 2 })).masks[0]).not.toEqual(first);
    expect((await masks(await policyOf(0.4, 7))).masks[0]).not.toEqual(first);
  });

  it("is the same in float32 and float64", async () => {
    const own = referenceBackend();
    const policy = await policyOf(0.25);
    const [wide] = (await masks(policy, { own })).masks;
    const [narrow] = (await masks(policy)).masks;
    wide!.forEach((x, i) => expect(narrow![i]).toBeCloseTo(x, 5));
    await own.close();
  });

  it("goes by the tokens before a place, wherever the place lies", () => {
    const [one] = examples(1, { completions: 2 });
    const alone = layoutBatch([one!], { sharePrompt: false, pack: false });
    const among = layoutBatch(examples(4, { completions: 2 }), {});
    const keysOf = (batch: typeof alone): Set<string> => {
      const keys = tokenKeys(batch);
      const places = keys.length / 2;
      return new Set(
        Array.from({ length: places }, (_, t) => t)
          .filter((t) => batch.segments[t]! > 0)
          .map((t) => `${keys[t]} ${keys[places + t]}`),
      );
    };
    const there = keysOf(among);
    expect([...keysOf(alone)].every((key) => there.has(key))).toBe(true);
  });
});

interface Asked extends Partial<FitOptions> {
  onStep?: (report: StepReport) => void;
  lora?: Partial<LoraConfig>;
  method?: Method;
  evaluation?: boolean;
  perDeviceBatchSize?: number;
  pack?: boolean;
}
async function train({ lora, method = "dpo", ...o }: Asked = {}): Promise<FitResult & { losses: number[] }> {
  const losses: number[] = [];
  const { evaluation, perDeviceBatchSize, pack, onStep, ...options } = o;
  const trainer = await trainerFor(method, {
    model,
    lora: { r: 4, dropout: 0.3, ...lora },
    shuffle: false,
    perDeviceBatchSize: perDeviceBatchSize ?? 8,
    ...(evaluation && { evaluation }),
    ...(pack !== undefined && { layout: { pack } }),
  });
  const result = await fitToEnd(trainer, {
    backend,
    maxSteps: 4,
    learningRate: 0.02,
    schedule: "constant",
    onStep: (r) => {
      losses.push(r.metrics["loss"]!);
      onStep?.(r);
    },
    ...options,
  });
  return { ...result, losses };
}

describe("training with dropout", () => {
  it.each(["sft", "dpo", "kto", "reward"] as const)(
    "changes the steps of %s and still learns",
    async (method) => {
      const plain = await train({ method, maxSteps: 12, lora: { dropout: 0 } });
      const dropped = await train({ method, maxSteps: 12 });
      expect(dropped.losses).not.toEqual(plain.losses);
      expect(dropped.losses.at(-1)!).toBeLessThan(0.9 * dropped.losses[0]!);
    },
  );

  it("works with DoRA, whose own part reads the dropped input too", async () => {
    const { losses } = await train({ lora: { dora: true }, maxSteps: 12 });
    expect(losses.at(-1)!).toBeLessThan(0.9 * losses[0]!);
  });

  it("starts as its reference, because the check and evaluation drop nothing", async () => {
    let first: StepReport | undefined;
    const frozen = await train({
      evaluation: true,
      evalSteps: 1,
      maxSteps: 2,
      learningRate: 1e-30,
      onStep: (r) => (first ??= r),
    });
    expect(first!.start!.every((check) => check.holds)).toBe(true);
    expect(first!.evaluation!.metrics["eval_loss"]).toBeCloseTo(Math.LN2, 6);
    expect(frozen.state.step).toBe(2);
  });

  it("gives the same bytes for the same seed", async () => {
    const [a, b] = [await train(), await train()];
    expect([...a.parameters]).toEqual([...b.parameters]);
  });

  it("goes on after a stop as if it had never stopped", async () => {
    const whole = await train({ maxSteps: 5 });
    const stop = new AbortController();
    const output = join(folder.path, "stopped");
    await train({ maxSteps: 5, output, signal: stop.signal, onStep: (r) => r.step === 2 && stop.abort() });
    const rest = await train({ maxSteps: 5, output, resume: true });
    expect([...rest.parameters]).toEqual([...whole.parameters]);
  });

  it("is the same however a step is cut into micro-batches and rows, and whatever is recomputed", async () => {
    const one = await train();
    const eight = await train({ perDeviceBatchSize: 1, gradientAccumulationSteps: 8 });
    expect(distance(one.parameters, eight.parameters)).toBeLessThan(1e-3);
    const unpacked = await train({ pack: false });
    expect(distance(one.parameters, unpacked.parameters)).toBeLessThan(1e-3);
    const layers = await train({ recompute: "layers" });
    expect(distance(one.parameters, layers.parameters)).toBeLessThan(1e-3);
  });

  it("gives its tables back", async () => {
    const held = counting(backend);
    await train({ backend: held.backend, maxSteps: 2 });
    expect([...held.residents]).toEqual([]);
  });
});
