/** Weights of items that were chosen with unequal chances. */
import { describe, expect, it } from "vitest";
import { selectedMean, selectionWeights } from "../../src/stats/index.js";
import { createRandom } from "../../src/util/random.js";

describe("weights of chosen items", () => {
  it("are 1 for even chances, and for a pool that was drawn to its end", () => {
    expect(selectionWeights([1 / 5, 1 / 4, 1 / 3], 5)).toEqual(
      [1, 1, 1].map((one) => expect.closeTo(one, 12)),
    );
    expect(selectionWeights([null, null], 9)).toEqual([1, 1]);
    expect(selectionWeights([0.9, 0.2, 1], 3)).toEqual([1, 1, 1]);
  });

  it("are those of the formula, worked by hand", () => {
    // N = 4, M = 2: v_1 = 1 + 2/3 (1/(4 * 0.5) - 1) = 2/3, v_2 = 1 + 2/2 (1/(3 * 0.25) - 1) = 4/3.
    expect(selectionWeights([0.5, 0.25], 4)).toEqual([expect.closeTo(2 / 3, 12), expect.closeTo(4 / 3, 12)]);
  });

  it("take the bias out of a mean over items that were chosen for being high", () => {
    const random = createRandom(5, { stream: "pool" });
    const pool = Array.from({ length: 60 }, () => random.uniform() ** 2);
    const truth = pool.reduce((sum, value) => sum + value, 0) / pool.length;
    const [plain, weighted]: [number[], number[]] = [[], []];
    for (let run = 0; run < 3000; run += 1) {
      const left = [...pool];
      const [values, chances]: [number[], number[]] = [[], []];
      for (let draw = 0; draw < 15; draw += 1) {
        const weights = left.map((value) => value + 0.05);
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        let rest = random.uniform() * total;
        let k = 0;
        while (k < left.length - 1 && rest >= weights[k]!) rest -= weights[k++]!;
        values.push(left[k]!);
        chances.push(weights[k]! / total);
        left.splice(k, 1);
      }
      plain.push(values.reduce((sum, value) => sum + value, 0) / values.length);
      weighted.push(selectedMean(values, selectionWeights(chances, pool.length)).mean);
    }
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(mean(plain)).toBeGreaterThan(truth * 1.3);
    expect(mean(weighted) / truth).toBeCloseTo(1, 2);
  });

  it("refuse a chance of 0 and a pool smaller than its draws", () => {
    expect(() => selectionWeights([0], 3)).toThrow(/probabilities\[0\]: expected above 0/);
    expect(() => selectionWeights([0.5, 0.5], 1)).toThrow(/from 2 \(the draws\) on, got 1/);
  });
});
