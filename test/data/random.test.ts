import { describe, expect, test } from "vitest";

import { createRandom, philox4x32, restoreRandom } from "../../src/util/random.js";

describe("the random generator", () => {
  test("gives the published Philox4x32-10 answers", () => {
    // Random123's kat_vectors, philox4x32 10 rounds.
    expect(philox4x32([0, 0, 0, 0], [0, 0])).toEqual([0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
    const ones = 0xffffffff;
    expect(philox4x32([ones, ones, ones, ones], [ones, ones])).toEqual([
      0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd,
    ]);
    expect(philox4x32([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0])).toEqual([
      0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1,
    ]);
  });

  test("continues from its JSON state exactly where it stopped", () => {
    const one = createRandom(7, { stream: "x" });
    for (let i = 0; i < 13; i += 1) one.uint32();
    const two = restoreRandom(JSON.parse(JSON.stringify(one.state())));
    expect(Array.from({ length: 9 }, () => two.normal())).toEqual(
      Array.from({ length: 9 }, () => one.normal()),
    );
  });

  test("keeps streams and forks apart, and the same seed the same", () => {
    const draws = (seed: number, stream: string) => {
      const random = createRandom(seed, { stream });
      return Array.from({ length: 4 }, () => random.uint32());
    };
    expect(draws(1, "a")).toEqual(draws(1, "a"));
    expect(draws(1, "a")).not.toEqual(draws(1, "b"));
    expect(draws(1, "a")).not.toEqual(draws(2, "a"));
    expect(draws(2 ** 32 + 1, "a")).not.toEqual(draws(1, "a"));
    expect(createRandom(1).fork("a").uint32()).not.toBe(createRandom(1).fork("b").uint32());
  });

  test("has the moments of its distributions and shuffles to a permutation", () => {
    const random = createRandom(3);
    const normals = Array.from({ length: 20000 }, () => random.normal());
    const mean = normals.reduce((sum, x) => sum + x, 0) / normals.length;
    const variance = normals.reduce((sum, x) => sum + (x - mean) ** 2, 0) / normals.length;
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(Math.abs(variance - 1)).toBeLessThan(0.05);
    const counts = [0, 0, 0];
    for (let i = 0; i < 9000; i += 1) counts[random.integer(3)]! += 1;
    for (const count of counts) expect(Math.abs(count - 3000)).toBeLessThan(200);
    const shuffled = random.shuffle(Int32Array.from({ length: 50 }, (_, i) => i));
    expect([...shuffled].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect([...shuffled]).not.toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  test("refuses a seed that is not a whole number", () => {
    expect(() => createRandom(1.5)).toThrow(/seed: expected a whole number/);
    expect(() => createRandom(1).integer(0)).toThrow(/bound/);
  });
});
