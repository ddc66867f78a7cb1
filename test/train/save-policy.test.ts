/** What a trained policy is saved as: type, shards, tokenizer; whole, merged, or an adapter. */
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openAdapter, openModel, readTensor, writeRandomModel } from "../../src/models/index.js";
import { createPolicy, type Policy, savePolicy } from "../../src/train/index.js";
import { config, scratch } from "../invariants/setup.js";

const folder = scratch();
const to = (name: string): string => join(folder.path, name);
beforeAll(() => writeRandomModel(to("model"), config, { seed: 1 }));
afterAll(() => folder.remove());

/** 1 + 2^-8 lies halfway between two numbers of bfloat16, 1 + 3 * 2^-8 between the next two. */
const halfway = [1 + 2 ** -8, 1 + 3 * 2 ** -8, 1 + 2 ** -8 + 2 ** -20];
const valuesOf = (policy: Policy) =>
  new Map(
    [...policy.trainable].map(([name, { shape }]) => {
      const size = shape.reduce((a, b) => a * b, 1);
      return [name, Float32Array.from({ length: size }, (_, i) => halfway[i % 3]!)] as const;
    }),
  );

it("rounds to the nearest number of bfloat16, ties to even, and says so in config.json", async () => {
  const policy = createPolicy(await openModel(to("model")));
  await savePolicy(to("narrow"), policy, { values: valuesOf(policy), dtype: "BF16" });
  const { model } = await openModel(to("narrow"));
  expect(model.config.dtype).toBe("BF16");
  for (const entry of model.tensors.values()) {
    expect(entry.dtype).toBe("BF16");
    expect(Array.from(readTensor(entry).subarray(0, 3))).toEqual([1, 1 + 2 ** -6, 1 + 2 ** -7]);
  }
});

it("writes shards of at most the size asked for, and the tokenizer of another folder", async () => {
  await writeRandomModel(to("other"), config, { seed: 2 });
  writeFileSync(join(to("other"), "tokenizer.json"), "{}");
  const policy = createPolicy(await openModel(to("model")), { lora: { r: 2 } });
  const values = valuesOf(policy);
  await savePolicy(to("shards"), policy, {
    values,
    merged: true,
    maxShardBytes: 4000,
    tokenizerFrom: to("other"),
  });
  expect(readdirSync(to("shards")).filter((name) => /^model-\d+-of-\d+/.test(name)).length).toBeGreaterThan(
    1,
  );
  expect(existsSync(join(to("shards"), "tokenizer.json"))).toBe(true);
  const { model } = await openModel(to("shards"));
  expect(model.tensors.size).toBe(policy.folder.tensors.size);
});

it("writes an adapter in another type, and refuses what only whole models have", async () => {
  const policy = createPolicy(await openModel(to("model")), { lora: { r: 2 } });
  const values = valuesOf(policy);
  await savePolicy(to("adapter"), policy, { values, dtype: "BF16" });
  const { tensors } = openAdapter(to("adapter"), policy.folder.config);
  expect(new Set([...tensors.values()].map(({ dtype }) => dtype))).toEqual(new Set(["BF16"]));
  for (const more of [{ maxShardBytes: 100 }, { tokenizerFrom: to("other") }]) {
    await expect(savePolicy(to("refused"), policy, { values, ...more })).rejects.toMatchObject({
      code: "usage",
      got: expect.stringContaining("adapter folder") as string,
    });
  }
  expect(existsSync(to("refused"))).toBe(false);
});
