/** Frontiers: which points no other beats, the table, the picture, and best of n. */
import { parseHTML } from "linkedom";
import { describe, expect, it } from "vitest";
import {
  bestOfReward,
  bestOfWeights,
  curveFile,
  frontierCsv,
  type FrontierPoint,
  frontierSvg,
  measuredBestOfKl,
  renderFrontier,
  undominated,
} from "../../../src/evaluate/index.js";
import { bestOfNKlBound } from "../../../src/losses/index.js";
import { createRandom } from "../../../src/util/random.js";

const point = (method: string, beta: number | null, kl: number, reward: number): FrontierPoint => ({
  method,
  beta,
  kl: { mean: kl, standardError: 0.1 },
  reward: { mean: reward, standardError: 0.2 },
  length: { mean: 12, standardError: 1 },
  finished: { mean: 1, standardError: 0 },
  seconds: 3,
});
const points = [
  point("start", null, 0, 0),
  point("dpo", 0.1, 2, 1),
  point("dpo", 0.5, 1, 0.8),
  point('a "b", <c>', 0.1, 3, 0.9),
];

describe("a frontier", () => {
  it("is what no other point beats, by rising KL", () => {
    expect(undominated(points).map(({ method, beta }) => [method, beta])).toEqual([
      ["start", null],
      ["dpo", 0.5],
      ["dpo", 0.1],
    ]);
  });
  it("is a CSV file that quotes what has to be", () => {
    const lines = frontierCsv(points).split("\r\n");
    expect(lines[0]).toMatch(/^method,beta,kl,kl_se,kl_is_bound,reward,reward_se,/);
    expect(lines[1]).toBe("start,,0,0.1,false,0,0.2,12,1,3,true,");
    expect(lines[4]).toMatch(/^"a ""b"", <c>",0.1,3,/);
    expect(lines[4]).toMatch(/,false,$/);
  });
  it("is a picture that stands alone, and a page in which names are text", () => {
    const svg = frontierSvg(points);
    expect(svg).toMatch(/^<svg\s/);
    expect(svg).not.toContain("var(");
    expect(svg).toContain('xmlns="http://www.w3.org/2000/svg"');
    for (const [tag] of svg.matchAll(/<\w[^>]*>/g)) {
      const names = [...tag.matchAll(/\s([\w:-]+)="/g)].map(([, name]) => name);
      expect(new Set(names).size, tag).toBe(names.length);
    }
    const page = renderFrontier(points, { about: ["<b>seed 1</b>"] });
    const { document } = parseHTML(page);
    expect(document.querySelectorAll("tbody tr")).toHaveLength(4);
    expect(page).not.toContain("<c>");
    expect(page).not.toContain("<b>seed");
    expect(document.querySelector("h1")!.textContent).toContain("dpo at 0.1");
  });
  it("leaves out points that are no numbers, and writes marks", () => {
    const svg = curveFile(
      [
        {
          name: "one",
          colour: 5,
          dashed: true,
          points: [
            { x: 1, y: Number.NaN },
            { x: 1, y: 2 },
          ],
        },
      ],
      { title: "t", xLabel: "x", yLabel: "y", marks: [{ x: 1, label: "stopped here" }] },
    );
    expect(svg).toContain("stopped here");
    expect(svg).not.toContain("NaN");
  });
});

describe("best of n", () => {
  it("has the weights of drawing n of N", () => {
    // Best of 2 of {1, 2, 3}: 2 once, 3 twice.
    expect(bestOfWeights(3, 2)).toEqual([0, 1 / 3, 2 / 3].map((x) => expect.closeTo(x, 12)));
    expect(bestOfWeights(50, 7).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
    expect(() => bestOfWeights(3, 4)).toThrow("4 of 3");
    expect(
      bestOfReward(
        [
          [3, 1, 2],
          [1, 1, 1],
        ],
        2,
      ).mean,
    ).toBeCloseTo((8 / 3 + 1) / 2, 12);
  });
  it("lies at its bound where no two answers are equal, and below it where some are likely", () => {
    const random = createRandom(3);
    const rare = Array.from({ length: 4000 }, (_, i) => ({
      text: String(i),
      reward: random.normal(),
      logProb: -30,
    }));
    for (const n of [1, 2, 4, 16]) expect(measuredBestOfKl(rare, n)).toBeCloseTo(bestOfNKlBound(n), 1);
    const common = Array.from({ length: 1000 }, (_, i) => ({ text: String(i % 3), reward: i % 3 }));
    // Three answers, a third each: the best of many is always the third.
    expect(measuredBestOfKl(common, 64)).toBeCloseTo(Math.log(3), 2);
    for (const n of [2, 4, 16]) expect(measuredBestOfKl(common, n)).toBeLessThan(bestOfNKlBound(n));
    expect(measuredBestOfKl(common, 1)).toBeCloseTo(0, 12);
  });
});
