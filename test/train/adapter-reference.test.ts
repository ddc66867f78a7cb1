/** A model that comes with an adapter is its own reference with that adapter, and not the bare base model. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ortBackend, referenceBackend } from "../../src/backends/index.js";
import { adapterValues, mergedParameters, openModel, saveModelFolder } from "../../src/models/index.js";
import {
  createPolicy,
  dpo,
  exampleSource,
  fitToEnd,
  kto,
  ktoSource,
  type Policy,
  preference,
  referenceLogProbs,
  savePolicy,
  type StepReport,
  type Trainer,
} from "../../src/train/index.js";
import { examples, scratch, trainerFor, writeTinyModel } from "../invariants/setup.js";
import { counting } from "./wrapped-backend.js";

const backend = ortBackend({ threads: 1 });
const folder = scratch();
const pairs = examples(8, { completions: 2 });
let base: string;
let merged: Policy;
const adapters: Record<string, string> = {};

/** Some steps of SFT, so that the adapter says something. */
async function adapterOf(name: string, lora: Parameters<typeof trainerFor>[1]["lora"]): Promise<void> {
  const trainer = await trainerFor("sft", { model: base, lora });
  const { parameters } = await fitToEnd(trainer, {
    backend,
    maxSteps: 4,
    learningRate: 0.05,
    schedule: "constant",
  });
  adapters[name] = join(folder.path, name);
  await savePolicy(adapters[name], trainer.policy, { values: parameters });
}
const policyOf = async (name: string): Promise<Policy> => createPolicy(await openModel(adapters[name]!));

beforeAll(async () => {
  base = await writeTinyModel(folder.path);
  await adapterOf("plain", { r: 4 });
  await adapterOf("dora", { r: 2, dora: true });
  await adapterOf("saved", { r: 2, modulesToSave: ["norm"] });
  const { model, adapter } = await openModel(adapters["plain"]!);
  const parameters = mergedParameters(model, { spec: adapter!.spec, values: adapterValues(adapter!) });
  await saveModelFolder(join(folder.path, "merged"), model, { parameters, dtype: "F32" });
  merged = createPolicy(await openModel(join(folder.path, "merged")));
});
afterAll(async () => {
  await backend.close();
  folder.remove();
});

async function run<B>(trainer: Trainer<B>, maxSteps = 1, own = backend): Promise<StepReport[]> {
  const reports: StepReport[] = [];
  await fitToEnd(trainer, {
    backend: own,
    maxSteps,
    learningRate: 0.01,
    schedule: "constant",
    onStep: (r) => reports.push(r),
  });
  return reports;
}
const source = () => exampleSource(pairs, { plan: { perDeviceBatchSize: 8 } });
const got = (report: StepReport, name: string): number =>
  Number(report.start!.find((check) => check.name === name)!.got);

describe("preference training on an adapter that SFT left", () => {
  for (const name of ["plain", "dora", "saved"])
    it(`begins with log-ratios of exactly 0 and a loss of ln 2: ${name}`, async () => {
      const [first] = await run(dpo({ policy: await policyOf(name), train: source() }));
      for (const check of [
        "policy equals reference",
        "no reward for chosen answers yet",
        "no reward for rejected answers yet",
      ])
        expect(got(first!, check), check).toBe(0);
      expect(got(first!, "loss")).toBeCloseTo(Math.LN2, 6);
    });

  it("on the reference backend too", async () => {
    const own = referenceBackend();
    const [first] = await run(dpo({ policy: await policyOf("plain"), train: source() }), 1, own);
    expect(got(first!, "policy equals reference")).toBe(0);
    await own.close();
  });

  it("has the merged model as reference, not the base", async () => {
    const of = async (policy: Policy, modelHash: string): Promise<Float32Array> => {
      const options = { backend, modelHash, folder: join(folder.path, "cache") };
      const { logps } = await referenceLogProbs(policy, pairs, options);
      return logps;
    };
    const own = await of(await policyOf("plain"), "adapter");
    const whole = await of(merged, "merged");
    const bare = await of(createPolicy(await openModel(base)), "base");
    const difference = (a: Float32Array, b: Float32Array): number =>
      Math.max(...a.map((x, i) => Math.abs(x - b[i]!)));
    expect(difference(own, whole)).toBeLessThan(1e-3);
    expect(difference(own, bare)).toBeGreaterThan(1);
    // A second time it comes from the cache, a sample verified with the adapter.
    expect(await of(await policyOf("plain"), "adapter")).toEqual(own);
  });

  it("moves away from that reference as with sums made beforehand", async () => {
    const policy = await policyOf("plain");
    const { logps } = await referenceLogProbs(policy, pairs, {
      backend,
      modelHash: "adapter",
      folder: join(folder.path, "cache"),
    });
    const beforehand = pairs.map((example, i) => ({
      ...example,
      values: { ref_chosen_logps: logps[2 * i]!, ref_rejected_logps: logps[2 * i + 1]! },
    }));
    const live = await run(dpo({ policy, train: source() }), 4);
    const made = await run(
      preference({
        policy,
        train: exampleSource(beforehand, { plan: { perDeviceBatchSize: 8 } }),
        reference: "precomputed",
      }),
      4,
    );
    expect(live[3]!.metrics["loss"]!).toBeLessThan(0.95 * Math.LN2);
    live.forEach((report, i) => {
      for (const name of ["loss", "rewards/margins", "grad_norm"])
        expect(made[i]!.metrics[name]!).toBeCloseTo(report.metrics[name]!, 3);
    });
  });

  it("begins at 0 for KTO, which asks for the reference twice", async () => {
    const train = ktoSource(examples(6, { completions: 1, label: true }));
    const [first] = await run(kto({ policy: await policyOf("plain"), train }));
    expect(got(first!, "policy equals reference")).toBe(0);
    expect(got(first!, "loss")).toBeCloseTo(0.5, 6);
  });

  it("gives the copy of the adapter back, and takes none where no reference is asked for", async () => {
    const policy = await policyOf("plain");
    const held = counting(backend);
    await run(dpo({ policy, train: source() }), 2, held.backend);
    expect([...held.residents]).toEqual([]);
    expect(held.programs()).toBe(0);
    const seen: number[] = [];
    for (const lossType of ["sigmoid", "simpo"]) {
      const trainer = preference({ policy, train: source(), lossType });
      const own = counting(backend);
      await fitToEnd(trainer, {
        backend: own.backend,
        maxSteps: 1,
        onStep: () => seen.push(own.residents.size),
      });
    }
    expect(seen[0]! - seen[1]!).toBe(policy.trainable.size);
  });
});
