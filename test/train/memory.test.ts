/** The estimate of a run's memory: each term is there for what needs it, and only then. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openModel, writeRandomModel } from "../../src/models/index.js";
import { adamw } from "../../src/optim/index.js";
import {
  createPolicy,
  estimateMemory,
  type MemoryRequest,
  type Policy,
  type PolicyOptions,
  savePolicy,
} from "../../src/train/index.js";
import { METHODS } from "../../src/train/job/methods.js";
import { config, scratch } from "../invariants/setup.js";

const folder = scratch();
const model = join(folder.path, "model");
beforeAll(() => writeRandomModel(model, config, { seed: 1 }));
afterAll(() => folder.remove());

const policyOf = async (options: PolicyOptions, from = model): Promise<Policy> =>
  createPolicy(await openModel(from), options);
const batch = { rows: 2, length: 16, targets: 20 };
const bytesOf = (policy: Policy, name: string, more: Partial<MemoryRequest> = {}): number => {
  const { terms } = estimateMemory({
    policy,
    optimizer: adamw(),
    batch,
    recompute: "attention",
    liveReference: true,
    layouts: 1,
    ...more,
  });
  return terms.find((term) => term.name === name)?.bytes ?? 0;
};

it("counts the adapter as it was only where the reference is that adapter, computed in every step", async () => {
  const fresh = await policyOf({ lora: { r: 2 } });
  const adapter = join(folder.path, "adapter");
  const sizes = [...fresh.trainable].map(
    ([name, { shape }]) => [name, shape.reduce((a, b) => a * b, 1)] as const,
  );
  const values = new Map(sizes.map(([name, size]) => [name, new Float32Array(size)]));
  await savePolicy(adapter, fresh, { values });
  const name = "adapter as it was, for the reference";
  const adapted = await policyOf({}, adapter);
  expect(bytesOf(adapted, name)).toBe(4 * sizes.reduce((sum, [, size]) => sum + size, 0));
  expect(bytesOf(adapted, name, { liveReference: false })).toBe(0);
  expect(bytesOf(fresh, name)).toBe(0);
});

it("counts dropout's tables, and a factor for every number that goes into an adapter", async () => {
  const plain = await policyOf({ lora: { r: 2 } });
  const dropping = await policyOf({ lora: { r: 2, dropout: 0.1 } });
  const widths = dropping.lora!.spec.targets.map(({ inSize }) => inSize);
  const total = (numbers: Iterable<number>): number => [...numbers].reduce((a, b) => a + b, 0);
  expect(bytesOf(dropping, "tables of dropout")).toBe(4 * 1021 * total(new Set(widths)));
  expect(bytesOf(dropping, "dropout's factors")).toBe(4 * 2 * 16 * total(widths));
  expect(bytesOf(plain, "tables of dropout") + bytesOf(plain, "dropout's factors")).toBe(0);
});

it("counts more of the vocabulary for losses that read the whole distribution", async () => {
  const policy = await policyOf({ lora: { r: 2 } });
  const arrays = (loss: keyof (typeof METHODS)["dpo"]["losses"]) =>
    METHODS.dpo.losses[loss]!.vocabularyArrays ?? 3;
  expect([arrays("sigmoid"), arrays("wpo"), arrays("tdpo1"), arrays("tdpo2")]).toEqual([3, 4, 8, 8]);
  const one = 4 * 20 * config.vocab_size;
  expect(bytesOf(policy, "logits of a chunk")).toBe(3 * one);
  expect(bytesOf(policy, "logits of a chunk", { vocabularyArrays: 8 })).toBe(8 * one);
  const whole = await policyOf({});
  const head = "gradient of the head, chunk by chunk";
  expect([bytesOf(policy, head, { vocabularyArrays: 8 }), bytesOf(whole, head)]).toEqual([0, 0]);
  expect(bytesOf(whole, head, { vocabularyArrays: 8 })).toBe(2 * 4 * config.vocab_size * config.hidden_size);
});
