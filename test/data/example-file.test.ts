import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import {
  batchPlan,
  cachedExamples,
  createExampleFile,
  hashExamples,
  layoutBatch,
  openExampleFile,
  planBatches,
  promptHash,
  rowLengths,
  selectExamples,
  sizesOf,
  splitOfHash,
  splitOfPrompt,
  unitLengths,
  withValues,
  type Example,
  type ExampleFileWriter,
} from "../../src/data/index.js";
import { createHashTable, shortHash } from "../../src/data/short-hash.js";
import { createRandom } from "../../src/util/random.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "attune-examples-"));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

/** Groups of one to three completions, with and without masks, prompts and values. */
function made(count: number, { vocabSize = 300 } = {}): Example[] {
  const random = createRandom(count);
  const tokens = (least: number, most: number): number[] =>
    Array.from({ length: least + random.integer(most - least + 1) }, () => random.integer(vocabSize));
  return Array.from({ length: count }, (_, n): Example => {
    const completions = Array.from({ length: 1 + (n % 3) }, () => {
      const own = tokens(1, 40);
      return n % 2 === 0 ? { tokens: own } : { tokens: own, mask: own.map(() => random.integer(2)) };
    });
    const example = { id: `é-${n}.jsonl:${n}`, prompt: tokens(0, 50), completions };
    return n % 5 === 0 ? { ...example, values: { margin: random.normal(), label: n % 2 } } : example;
  });
}

async function written(examples: readonly Example[], { vocabSize = 300, info = {} as unknown } = {}) {
  const path = join(folder, "a.examples");
  const writer = await createExampleFile(path, { vocabSize });
  for (const [n, example] of examples.entries())
    await writer.add(example, { promptHash: shortHash(`p${n}`) });
  await writer.commit(info);
  return path;
}

describe("a file of examples", () => {
  test("gives every example back as it was, in any order, with its sizes and prompt hash", async () => {
    for (const vocabSize of [300, 70_000]) {
      const examples = made(200, { vocabSize });
      const path = await written(examples, { vocabSize, info: { rows: 7 } });
      const file = openExampleFile(path);
      expect(file.info).toEqual({ rows: 7 });
      expect(file.length).toBe(200);
      for (const n of createRandom(1).shuffle(examples.map((_, index) => index))) {
        expect(file.at(n)).toEqual(examples[n]);
        expect(file.sizes(n)).toEqual(sizesOf(examples, n));
        expect(file.promptHashes[n]).toBe(shortHash(`p${n}`));
      }
      expect([file.at(200), file.at(-1), file.at(0.5)]).toEqual([undefined, undefined, undefined]);
      file.close();
      file.close();
    }
  });

  test("is half the size where the vocabulary allows two bytes a token", async () => {
    const long = [
      { id: "a", prompt: [], completions: [{ tokens: Array.from({ length: 50_000 }, () => 1) }] },
    ];
    const small = readFileSync(await written(long, { vocabSize: 65_536 })).length;
    expect(readFileSync(await written(long, { vocabSize: 65_537 })).length - small).toBe(100_000);
  });

  test("may be empty", async () => {
    const file = openExampleFile(await written([]));
    expect([file.length, file.at(0)]).toEqual([0, undefined]);
    file.close();
  });

  test("refuses by name what would not read back equal", async () => {
    const writer = await createExampleFile(join(folder, "a"), { vocabSize: 300 });
    const add = (example: Partial<Example>) =>
      writer.add({ id: "x:1", prompt: [1], completions: [{ tokens: [2] }], ...example }, { promptHash: 0 });
    await expect(add({ prompt: [70_000] })).rejects.toThrow(
      /x:1: expected token ids from 0 to 65535, got 70000/,
    );
    await expect(add({ prompt: [0.5] })).rejects.toThrow(/got 0.5/);
    await expect(add({ values: { margin: Number.NaN } })).rejects.toThrow(/margin: a finite number, got NaN/);
    await expect(add({ completions: [{ tokens: [1], mask: [] }] })).rejects.toThrow(/a mask of 1 values/);
    await writer.abort();
    expect(readdirSync(folder)).toEqual([]);
  });

  test("says so when it is cut off or damaged, wherever that is", async () => {
    const path = await written(made(50));
    const whole = readFileSync(path);
    for (const length of [0, 10, whole.length >> 1, whole.length - 1]) {
      writeFileSync(path, whole.subarray(0, length));
      expect(() => openExampleFile(path)).toThrow(
        /a\.examples: expected tokenised examples .*\n.*remove the file/,
      );
    }
    for (const back of [1, 40, 60, 500]) {
      const damaged = Buffer.from(whole);
      damaged[whole.length - back]! ^= 1;
      writeFileSync(path, damaged);
      expect(() => openExampleFile(path)).toThrow(/cut off|damaged|[Bb]yte order/);
    }
    const damaged = Buffer.from(whole);
    damaged[20]! ^= 1;
    writeFileSync(path, damaged);
    const file = openExampleFile(path);
    expect(() => file.at(0)).toThrow(/got a damaged record, example 1/);
    expect(file.at(1)).toBeDefined();
    file.close();
  });

  test("leaves nothing when the disk is full, and says what is the matter", async () => {
    const probe = await open(join(folder, "probe"), "w");
    vi.spyOn(Object.getPrototypeOf(probe) as { write: () => unknown }, "write").mockRejectedValue(
      Object.assign(new Error("x"), { code: "ENOSPC" }),
    );
    await probe.close();
    rmSync(join(folder, "probe"));
    const making = cachedExamples({ folder, dependsOn: {}, vocabSize: 300 }, async ({ add }) => {
      for (const example of made(20)) await add(example, { promptHash: 0 });
    });
    await expect(making).rejects.toThrow(
      /expected a file that can be written, got no space left on the disk/,
    );
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe("cached examples", () => {
  const dependsOn = { data: ["abc"], tokenizer: "t", settings: { maxLength: 8, kind: "preference" } };
  const examples = made(30);
  const fill = async ({ add }: Pick<ExampleFileWriter, "add">): Promise<{ rows: number }> => {
    for (const example of examples) await add(example, { promptHash: 1 });
    return { rows: 30 };
  };

  test("are made once for the same dependencies, and anew for others", async () => {
    const fills = vi.fn(fill);
    const first = await cachedExamples({ folder, dependsOn, vocabSize: 300 }, fills);
    const again = await cachedExamples(
      {
        folder,
        dependsOn: { settings: { kind: "preference", maxLength: 8 }, tokenizer: "t", data: ["abc"] },
        vocabSize: 300,
      },
      fills,
    );
    expect([first.source, again.source, fills.mock.calls.length]).toEqual(["made", "cache", 1]);
    expect(again.info).toEqual({ rows: 30 });
    expect(again.examples.contentHash).toBe(first.examples.contentHash);
    expect(again.examples.at(29)).toEqual(examples[29]);
    const other = await cachedExamples(
      { folder, dependsOn: { ...dependsOn, data: ["abd"] }, vocabSize: 300 },
      fills,
    );
    expect([other.source, readdirSync(folder).length]).toEqual(["made", 2]);
    for (const { examples: file } of [first, again, other]) file.close();
  });

  test("are made again when the file is not whole", async () => {
    const first = await cachedExamples({ folder, dependsOn, vocabSize: 300 }, fill);
    first.examples.close();
    const { path } = first.examples;
    writeFileSync(path, readFileSync(path).subarray(0, 1000));
    const again = await cachedExamples({ folder, dependsOn, vocabSize: 300 }, fill);
    expect([again.source, again.mended]).toEqual(["made", "a file that is cut off"]);
    expect(again.examples.at(29)).toEqual(examples[29]);
    again.examples.close();
  });

  test("leave nothing behind when making them fails", async () => {
    const failing = cachedExamples({ folder, dependsOn, vocabSize: 300 }, async (writer) => {
      await fill(writer);
      throw new Error("mine");
    });
    await expect(failing).rejects.toThrow("mine");
    expect(readdirSync(folder)).toEqual([]);
  });

  test("without a folder are gone from the disk when they are closed, at the latest", async () => {
    const { examples: file, source } = await cachedExamples({ dependsOn, vocabSize: 300 }, fill);
    expect(source).toBe("made");
    expect(file.at(3)).toEqual(examples[3]);
    file.close();
    expect(existsSync(file.path)).toBe(false);
  });
});

describe("examples, wherever they lie,", () => {
  const pairs = made(120).map((example) => ({ ...example, completions: example.completions.slice(0, 1) }));

  test("form the same batches from a file as from an array", async () => {
    const file = openExampleFile(await written(pairs));
    for (const sharePrompt of [true, false]) {
      const lengths = pairs.map((example) => unitLengths(example, { sharePrompt }));
      const options = { maxTokens: 512, groupByLength: true, epoch: 2 };
      const plan = batchPlan(rowLengths(file, { sharePrompt }), options);
      const expected = planBatches(lengths, options);
      expect(Array.from({ length: plan.count }, (_, index) => plan.batch(index))).toEqual(expected);
      expect(batchPlan(rowLengths(pairs, { sharePrompt }), options).count).toBe(plan.count);
      expect(() => plan.batch(plan.count)).toThrow(RangeError);
      const plain = ({ id, prompt, completions }: Example): Example => ({ id, prompt, completions });
      expect(layoutBatch(plan.batch(0).map((n) => plain(file.at(n)!)))).toEqual(
        layoutBatch(expected[0]!.map((n) => plain(pairs[n]!))),
      );
    }
    file.close();
  });

  test("split by prompt hashes as they do by prompts", () => {
    for (const key of ["a", "b", "What is the capital of France?"]) {
      const options = { shares: { train: 0.5, test: 0.5 }, seed: 3 };
      expect(splitOfHash(shortHash(key), options)).toBe(splitOfPrompt(key, options));
    }
    expect(promptHash({ id: "x", prompt: " a " })).toBe(shortHash("a"));
  });

  test("can be chosen from and given more numbers, each view with a hash of its own", async () => {
    const file = openExampleFile(await written(pairs));
    const chosen = selectExamples(file, Uint32Array.of(7, 3));
    const scored = withValues(chosen, { ref: Float32Array.of(-1.5, -2.5) });
    expect(scored.length).toBe(2);
    expect(scored.at(1)).toEqual({ ...pairs[3], values: { ...pairs[3]!.values, ref: -2.5 } });
    expect([scored.at(2), chosen.at(-1)]).toEqual([undefined, undefined]);
    expect(sizesOf(scored, 0)).toEqual(sizesOf(pairs, 7));
    expect(withValues(selectExamples(pairs, [7, 3]), { ref: [-1.5, -2.5] }).at(1)).toEqual(scored.at(1));
    const hashes = [
      file,
      chosen,
      selectExamples(file, [3, 7]),
      scored,
      withValues(chosen, { ref: [1, 2] }),
      pairs,
      pairs.slice(1),
    ].map(hashExamples);
    expect(new Set(hashes).size).toBe(hashes.length);
    expect(hashExamples(selectExamples(file, [7, 3]))).toBe(hashes[1]);
    file.close();
  });
});

describe("a table of hashes", () => {
  test("finds every hash that was added, and none other, as it grows", () => {
    const table = createHashTable();
    const hashes = Array.from({ length: 30_000 }, (_, n) => shortHash(String(n)));
    hashes.forEach((hash, n) => expect(table.add(hash, n)).toBeUndefined());
    expect(table.size).toBe(30_000);
    expect(hashes.every((hash, n) => table.has(hash) && table.add(hash, 0) === n)).toBe(true);
    expect([table.size, table.has(shortHash("none"))]).toEqual([30_000, false]);
    // Zero is a hash like any other, and neighbours in the table do not hide each other.
    for (const hash of [0, 4096, 8192, 2 ** 52 - 1]) {
      expect(table.add(hash, 5)).toBeUndefined();
      expect(table.add(hash, 6)).toBe(5);
    }
  });
});
