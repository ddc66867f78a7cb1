// Answers to one prompt are laid out with the prompt stored once, and give the numbers of answers that stand alone.
import { describe, expect, it } from "vitest";
import { unpackBatch } from "../../src/data/index.js";
import { rowSize } from "../../src/train/online/answer-rows.js";
import { layoutItems, type OnlineItem } from "../../src/train/online/item.js";
import { planSteps } from "../../src/train/online/plan.js";
import { openScorer, type Scored } from "../../src/train/online/scorer.js";
import { uploadParameters } from "../../src/train/index.js";
import { createRandom } from "../../src/util/random.js";
import { sharedSetting } from "./online-setup.js";

const random = createRandom(3);
const tokens = (count: number): number[] => Array.from({ length: count }, () => 5 + random.integer(900));

/** Answers of 1 to 12 tokens, so many to each of three prompts, in `order` or side by side. */
function answers(counts: readonly number[]): OnlineItem[] {
  return counts.flatMap((count, p) => {
    const prompt = tokens(4 + 3 * p);
    return Array.from({ length: count }, (_, i) => {
      const own = tokens(1 + random.integer(12));
      return {
        id: `${p}#${i}`,
        // A copy of its own, as a checkpoint gives it back.
        prompt: [...prompt],
        completions: [own],
        perToken: { advantages: [own.map((_, t) => p + i / 10 + t / 100)] },
      };
    });
  });
}

const sizes = { maxPrompt: 10, minPrompt: 4, maxCompletion: 12 };

describe("the layout of answers", () => {
  it("stores a prompt once for all of its answers, whatever their number", () => {
    const items = answers([4, 1, 3]);
    const batch = layoutItems(items, sizes);
    const plain = items.reduce((n, { prompt, completions }) => n + prompt.length + completions[0]!.length, 0);
    expect(batch.tokens).toBeLessThan(plain);
    expect(
      unpackBatch(batch).map(({ id, prompt, completions }) => [id, prompt, completions[0]!.tokens]),
    ).toEqual(items.map(({ id, prompt, completions }) => [id, prompt, completions[0]]));
  });

  it("keeps every answer's numbers in its own row of the grid", () => {
    const items = answers([3, 2]);
    const { width, gridMask, perToken } = layoutItems(items, sizes);
    items.forEach(({ perToken: own }, i) => {
      const given = own!["advantages"]![0]!;
      const row = perToken["advantages"]!.subarray(i * width, i * width + given.length);
      expect([...row]).toEqual([...Float32Array.from(given)]);
      expect(gridMask.subarray(i * width, (i + 1) * width).reduce((a, b) => a + b, 0)).toBe(given.length);
    });
  });

  it("takes few sizes, because every size is a graph", () => {
    const shapes = new Set<string>();
    for (let round = 0; round < 200; round++) {
      const { rows, length, targets } = layoutItems(answers([8]), sizes);
      shapes.add([rows, length, targets].join("x"));
    }
    expect(shapes.size).toBeLessThanOrEqual(8);
  });

  it("gives rows of one length where no prompt has two answers", () => {
    const lengths = new Set(Array.from({ length: 20 }, () => layoutItems(answers([1, 1, 1]), sizes).length));
    expect([...lengths]).toEqual([22]);
  });
});

describe("the log-probabilities of answers that share a prompt", async () => {
  const setting = await sharedSetting();

  it("are those of answers that stand alone", async () => {
    const policy = await setting.policy();
    const parameters = await uploadParameters(policy, setting.backend);
    const options = {
      backend: setting.backend,
      policy,
      critic: undefined,
      parameters,
      temperature: 0.7,
      ...sizes,
    };
    const items = answers([5, 2, 1]);
    const together = openScorer({ ...options, size: 8 });
    const alone = openScorer({ ...options, size: 1 });
    const shared = await together.score(items);
    const single: Scored[] = [];
    for (const item of items) single.push(...(await alone.score([item])));
    shared.forEach(({ logps, refLogps }, i) => {
      expect(logps.length).toBe(items[i]!.completions[0]!.length);
      logps.forEach((x, t) => expect(x).toBeCloseTo(single[i]!.logps[t]!, 4));
      refLogps.forEach((x, t) => expect(x).toBeCloseTo(single[i]!.refLogps[t]!, 4));
    });
    await together.close();
    await alone.close();
    await setting.backend.free(Object.values(parameters));
  });
});

describe("the plan of an update", () => {
  const options = { size: 4, accumulate: 3, miniBatches: 1, passes: 2, seed: 1, rollout: 0 };
  const row = { length: 40, slots: 16 };
  const longest = (items: readonly OnlineItem[]): number =>
    Math.max(...items.map(({ prompt, completions }) => prompt.length + completions[0]!.length));

  it("fills rows with answers, those to one prompt side by side, each used once a pass", () => {
    const items = answers([4, 4, 4]);
    const { micro, ends } = planSteps(items, { ...options, row });
    expect(ends).toEqual([micro.length / 2, micro.length]);
    const used = micro.slice(0, ends[0]).flatMap(({ items: rows }) => rows);
    expect(used.toSorted((a, b) => a - b)).toEqual(items.map((_, i) => i));
    const prompts = used.map((at) => items[at]!.prompt.join());
    expect(prompts.filter((prompt, i) => prompt !== prompts[i - 1])).toHaveLength(3);
    expect(longest(items)).toBeLessThanOrEqual(row.length);
    for (const { items: rows } of micro) {
      const batch = layoutItems(
        rows.map((at) => items[at]!),
        { ...sizes, row },
      );
      expect([batch.rows, batch.sequences]).toEqual([1, 16]);
      expect(batch.length).toBeLessThanOrEqual(40);
      expect(unpackBatch(batch).map(({ id }) => id)).toEqual(rows.map((at) => items[at]!.id));
    }
  });

  it("counts what is left out with the first micro-batch, and all of it once", () => {
    const items = answers([4, 4, 4]).map((item, i) => ({ ...item, skip: i % 3 === 0 }));
    const { micro } = planSteps(items, { ...options, passes: 1, row });
    const total = (of: (m: (typeof micro)[number]) => number): number => micro.reduce((n, m) => n + of(m), 0);
    expect(total(({ counted }) => counted.rows)).toBe(12);
    expect(total(({ items: rows }) => rows.length)).toBe(8);
    expect(total(({ counted }) => counted.tokens)).toBe(
      items.reduce((n, { completions }) => n + completions[0]!.length, 0),
    );
    expect(
      planSteps(
        items.map((item) => ({ ...item, skip: true })),
        { ...options, row },
      ).micro,
    ).toEqual([]);
  });

  it("has one graph for rollouts of every length of answer, and a smaller one for very few", () => {
    const shapes = new Set<number>();
    for (let round = 0; round < 50; round++) {
      const items = answers([40, 40, 40]);
      const size = rowSize(items, { ...sizes, size: 64 });
      for (const { items: rows } of planSteps(items, { ...options, passes: 1, row: size }).micro) {
        const { length } = layoutItems(
          rows.map((at) => items[at]!),
          { ...sizes, row: size },
        );
        shapes.add(length);
      }
    }
    expect([...shapes]).toEqual([768]);
    expect(rowSize(answers([8]), { ...sizes, size: 64 }).length).toBe(96);
  });

  it("leaves an order that was given as it is", () => {
    const items = answers([4, 4, 4]);
    const given = items.map((_, i) => (i * 5) % items.length);
    const { micro } = planSteps(items, { ...options, passes: 1, row, order: () => given });
    expect(micro.flatMap(({ items: rows }) => rows)).toEqual(given);
    expect(micro.map(({ items: rows }) => rows.length)).toEqual([4, 4, 4]);
  });
});
