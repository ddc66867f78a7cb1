import { describe, expect, test } from "vitest";

import {
  layoutBatch,
  paddingShare,
  planBatches,
  roundToBucket,
  unitLengths,
  unpackBatch,
} from "../../src/data/index.js";
import type { Example } from "../../src/data/index.js";
import { createRandom } from "../../src/util/random.js";

const pair: Example = {
  id: "a:1",
  prompt: [10, 11],
  completions: [{ tokens: [20, 21, 22] }, { tokens: [30, 31], mask: [1, 0] }],
  values: { margin: 0.5 },
};

describe("layoutBatch", () => {
  test("stores a pair's prompt once, the answers blind to each other", () => {
    const batch = layoutBatch([pair], { buckets: { stepsPerOctave: 0 } });
    expect(batch.rows).toBe(1);
    expect([...batch.inputIds]).toEqual([10, 11, 20, 21, 22, 30, 31]);
    expect([...batch.positions]).toEqual([0, 1, 2, 3, 4, 2, 3]);
    expect([...batch.segments]).toEqual([1, 1, 2, 2, 2, 3, 3]);
    expect([...batch.parents]).toEqual([0, 0, 1, 1, 1, 1, 1]);
    expect([...batch.sources]).toEqual([1, 2, 3, 1]);
    expect([...batch.labels]).toEqual([20, 21, 22, 30]);
    expect([...batch.grid]).toEqual([0, 1, 2, 3, 0, 0]);
    expect([...batch.gridMask]).toEqual([1, 1, 1, 1, 0, 0]);
    expect([...batch.ends]).toEqual([4, 6]);
    expect([...batch.values["margin"]!]).toEqual([0.5]);
    expect([batch.tokens, batch.trainedTokens]).toEqual([7, 4]);
  });

  test("gives plain rows when nothing is shared or packed", () => {
    const batch = layoutBatch([pair], { sharePrompt: false, pack: false, buckets: { stepsPerOctave: 0 } });
    expect([batch.rows, batch.length]).toEqual([2, 5]);
    expect([...batch.inputIds]).toEqual([10, 11, 20, 21, 22, 10, 11, 30, 31, 0]);
    expect([...batch.sources]).toEqual([1, 2, 3, 6]);
    expect([...batch.ends]).toEqual([4, 8]);
  });

  test("does not train the first token of a text without prompt", () => {
    const batch = layoutBatch([{ id: "t", prompt: [], completions: [{ tokens: [5, 6, 7] }] }], {
      buckets: { stepsPerOctave: 0 },
    });
    expect([...batch.labels]).toEqual([6, 7]);
    expect([...batch.sources]).toEqual([0, 1]);
    expect([...batch.parents]).toEqual([0, 0, 0]);
  });

  test("unpacks to the same examples, for any mixture of lengths, sharing, packing and buckets", () => {
    const random = createRandom(11);
    const tokens = (most: number, least = 0) =>
      Array.from({ length: least + random.integer(most) }, () => random.integer(1000));
    for (let round = 0; round < 200; round += 1) {
      const completionsPerGroup = 1 + random.integer(3);
      const examples: Example[] = Array.from({ length: 1 + random.integer(9) }, (_, index) => ({
        id: `e${index}`,
        prompt: tokens(12),
        completions: Array.from({ length: completionsPerGroup }, () => {
          const own = tokens(20, 1);
          return { tokens: own, mask: own.map(() => random.integer(2)) };
        }),
        values: { label: random.integer(2) },
      }));
      const batch = layoutBatch(examples, {
        sharePrompt: random.integer(2) === 1,
        pack: random.integer(2) === 1,
        buckets: { stepsPerOctave: random.integer(9) },
      });
      const expected = examples.map((example) => ({
        ...example,
        completions: example.completions.map(({ tokens: own, mask }) => ({
          tokens: own,
          mask: mask!.map((value, index) => (index === 0 && example.prompt.length === 0 ? 0 : value)),
        })),
      }));
      expect(unpackBatch(batch)).toEqual(expected);
      expect(batch.tokens).toBe(batch.segments.reduce((sum, segment) => sum + (segment > 0 ? 1 : 0), 0));
      expect(batch.trainedTokens).toBe(batch.gridMask.reduce((sum, value) => sum + value, 0));
      for (let slot = 0; slot < batch.trainedTokens; slot += 1) {
        const source = batch.sources[slot]!;
        expect(batch.segments[source]).toBeGreaterThan(0);
      }
    }
  });

  test("leaves little padding when many groups of mixed length share rows", () => {
    const random = createRandom(5);
    const examples: Example[] = Array.from({ length: 64 }, (_, index) => ({
      id: String(index),
      prompt: Array.from({ length: 5 + random.integer(100) }, () => 1),
      completions: [{ tokens: Array.from({ length: 5 + random.integer(100) }, () => 1) }],
    }));
    const padded = paddingShare(layoutBatch(examples, { pack: false }));
    const packed = paddingShare(layoutBatch(examples));
    expect(packed).toBeLessThan(0.12);
    expect(packed).toBeLessThan(padded / 2);
  });

  test("rounds sizes to at most eight steps an octave, or not at all", () => {
    const sizes = new Set(Array.from({ length: 64 }, (_, i) => roundToBucket(64 + i + 1)));
    expect(sizes.size).toBe(8);
    expect(roundToBucket(65)).toBe(72);
    expect(roundToBucket(65, { stepsPerOctave: 0 })).toBe(65);
    expect(roundToBucket(3, { minimum: 16 })).toBe(16);
    expect(() => roundToBucket(3, { stepsPerOctave: 9 })).toThrow(/stepsPerOctave/);
  });

  test("takes exact sizes, and says which one is too small", () => {
    const batch = layoutBatch([pair], { rows: 4, length: 32, groups: 3, targets: 20, width: 5 });
    expect([batch.rows, batch.length, batch.groups, batch.sequences, batch.targets, batch.width]).toEqual([
      4, 32, 3, 6, 20, 5,
    ]);
    expect([...batch.sequenceMask]).toEqual([1, 1, 0, 0, 0, 0]);
    expect(() => layoutBatch([pair], { length: 6 })).toThrow(
      /layout: length: expected at least the longest sequence, 7/,
    );
    expect(() => layoutBatch([pair], { targets: 2 })).toThrow(/layout: targets/);
  });

  test("refuses groups that do not fit together, by name", () => {
    const single: Example = { id: "b:2", prompt: [1], completions: [{ tokens: [2] }], values: { margin: 1 } };
    expect(() => layoutBatch([pair, single])).toThrow(/b:2: expected 2 completions, as in a:1, got 1/);
    expect(() => layoutBatch([{ ...single, completions: [{ tokens: [] }] }])).toThrow(
      /completion 0: expected at least one/,
    );
    expect(() => layoutBatch([{ ...single, completions: [{ tokens: [1], mask: [] }] }])).toThrow(/mask/);
    expect(() => layoutBatch([{ ...single, prompt: [Number.NaN] }])).toThrow(/b:2: prompt/);
    expect(() => layoutBatch([single, { ...single, id: "c:3", values: {} }])).toThrow(/c:3: values/);
  });
});

describe("planBatches", () => {
  const random = createRandom(1);
  const lengths = Array.from({ length: 997 }, () => 1 + random.integer(300));
  const all = (batches: number[][]) => batches.flat().sort((a, b) => a - b);
  const every = lengths.map((_, index) => index);

  test("uses every example once, and the same order for the same seed and epoch", () => {
    const plan = planBatches(lengths, { perDeviceBatchSize: 8, seed: 1 });
    expect(all(plan)).toEqual(every);
    expect(plan.length).toBe(125);
    expect(planBatches(lengths, { perDeviceBatchSize: 8, seed: 1 })).toEqual(plan);
    expect(planBatches(lengths, { perDeviceBatchSize: 8, seed: 1, epoch: 1 })).not.toEqual(plan);
    expect(planBatches(lengths, { perDeviceBatchSize: 8, seed: 2 })).not.toEqual(plan);
    expect(planBatches(lengths, { perDeviceBatchSize: 8, shuffle: false }).flat()).toEqual(every);
    expect(planBatches(lengths, { perDeviceBatchSize: 8, dropLast: true }).length).toBe(124);
  });

  test("puts similar lengths together when asked, the longest example first of all", () => {
    const spread = (batches: number[][]) =>
      batches.reduce((sum, batch) => {
        const own = batch.map((index) => lengths[index]!);
        return sum + Math.max(...own) - Math.min(...own);
      }, 0) / batches.length;
    const grouped = planBatches(lengths, { perDeviceBatchSize: 8, groupByLength: true });
    expect(all(grouped)).toEqual(every);
    expect(spread(grouped)).toBeLessThan(spread(planBatches(lengths, { perDeviceBatchSize: 8 })) / 5);
    expect(Math.max(...grouped[0]!.map((index) => lengths[index]!))).toBe(Math.max(...lengths));
  });

  test("keeps to a token budget, padding counted, and fills it", () => {
    const rows = { length: 512 };
    const examples: Example[] = lengths.map((length, index) => ({
      id: String(index),
      prompt: [],
      completions: [{ tokens: Array.from({ length }, () => 1) }],
    }));
    for (const options of [{}, rows, { pack: false }]) {
      const plan = planBatches(lengths, { maxTokens: 4096, rows: options });
      expect(all(plan)).toEqual(every);
      let used = 0;
      for (const batch of plan) {
        const laid = layoutBatch(
          batch.map((index) => examples[index]!),
          options,
        );
        expect(laid.rows * laid.length).toBeLessThanOrEqual(4096);
        used += laid.tokens;
      }
      if (!("pack" in options)) expect(used / (plan.length * 4096)).toBeGreaterThan(0.85);
    }
  });

  test("counts one row a completion when prompts are not shared", () => {
    expect(unitLengths(pair)).toEqual([7]);
    expect(unitLengths(pair, { sharePrompt: false })).toEqual([5, 4]);
    expect(
      planBatches(
        [
          [5, 4],
          [5, 4],
        ],
        { maxTokens: 10, shuffle: false, rows: { pack: false } },
      ),
    ).toEqual([[0], [1]]);
  });

  test("refuses contradictory or impossible budgets", () => {
    expect(() => planBatches([1], {})).toThrow(/one of perDeviceBatchSize and maxTokens, got neither/);
    expect(() => planBatches([1], { perDeviceBatchSize: 1, maxTokens: 1 })).toThrow(/got both/);
    expect(() => planBatches([1], { perDeviceBatchSize: 0 })).toThrow(/perDeviceBatchSize/);
    expect(() => planBatches([100], { maxTokens: 64 })).toThrow(/example 0: expected at most 64 tokens/);
  });
});
