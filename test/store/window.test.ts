/** Draws whose probability is known: what they say is what happens, whatever lies on the circle. */
import { describe, expect, it } from "vitest";
import { drawFrom, span, type Around } from "../../src/store/window.js";
import { createRandom } from "../../src/util/random.js";

interface Item {
  id: number;
  key: number;
  weight: number;
}

function itemsOn(circle: number, seed: number): Item[] {
  const random = createRandom(seed, { stream: "keys" });
  return Array.from({ length: circle }, (_, id) => ({
    id,
    key: random.uniform(),
    weight: 0.1 + random.uniform(),
  }));
}

/** What the query of next-item.ts gives. */
function around(items: readonly Item[], point: number): Around<Item> {
  const rising = items.toSorted((a, b) => a.key - b.key);
  const falling = rising.toReversed();
  return {
    after: rising.filter(({ key }) => key >= point).slice(0, span),
    before: falling.filter(({ key }) => key < point).slice(0, span),
    lowest: rising.slice(0, span),
    highest: falling.slice(0, span),
  };
}

const weightsOf = (window: readonly Item[]): number[] => window.map(({ weight }) => weight);

describe("a draw from the circle", () => {
  for (const circle of [1, 5, span, span + 1, 2 * span - 5, 2 * span, 3 * span, 400]) {
    it(`of ${circle} items weighs each by the inverse of its probability to the number that there are`, () => {
      const items = itemsOn(circle, circle);
      const random = createRandom(circle, { stream: "draws" });
      const draws = 4000;
      let [count, sum] = [0, 0];
      for (let n = 0; n < draws; n += 1) {
        const { item, probability } = drawFrom(around(items, random.uniform()), {
          uniform: random.uniform(),
          weightsOf,
        })!;
        expect(probability).toBeGreaterThan(0);
        expect(probability).toBeLessThanOrEqual(1);
        count += 1 / probability;
        sum += item.id / probability;
      }
      // Horvitz-Thompson: the mean of y / p is the sum of y, here of 1 and of the item's number.
      expect(count / draws / circle).toBeCloseTo(1, 1);
      if (circle > 1) expect(sum / draws / ((circle * (circle - 1)) / 2)).toBeCloseTo(1, 1);
    });
  }

  it("is exact where all eligible items fit in one window", () => {
    const items = itemsOn(4, 1);
    const { item, probability } = drawFrom(around(items, 0.3), { uniform: 0.5, weightsOf })!;
    const all = items.reduce((sum, { weight }) => sum + weight, 0);
    expect(probability).toBeCloseTo(item.weight / all, 12);
  });

  it("gives nothing where there is nothing", () => {
    expect(drawFrom(around([], 0.5), { uniform: 0.5, weightsOf })).toBeUndefined();
  });
});
