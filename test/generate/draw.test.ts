/** Drawing a token from a row of probabilities: what is kept, and how often each comes. */
import { describe, expect, it } from "vitest";
import { drawToken, likeliest, type Truncation } from "../../src/generate/index.js";
import { createRandom } from "../../src/util/random.js";

const whole: Truncation = { topK: 0, topP: 1, minP: 0 };

/** Sorts everything: what `drawToken` must agree with. */
function kept(row: ArrayLike<number>, { topK, topP, minP }: Truncation): Set<number> {
  let list = Array.from(row, (p, id) => ({ p, id })).sort((a, b) => b.p - a.p || a.id - b.id);
  const largest = list[0]!.p;
  if (topK > 0) list = list.slice(0, topK);
  const mass = list.reduce((sum, { p }) => sum + p, 0);
  let before = 0;
  list = list.filter(({ p }) => {
    const keep = before < topP * mass;
    before += p;
    return keep;
  });
  return new Set(list.filter(({ p }) => p >= minP * largest).map(({ id }) => id));
}

function randomRow(size: number, seed: number, spread = 3): Float32Array {
  const random = createRandom(seed, { stream: "row" });
  const weights = Array.from({ length: size }, () => Math.exp(spread * random.normal()));
  const sum = weights.reduce((a, b) => a + b, 0);
  return Float32Array.from(weights, (w) => w / sum);
}

/** Upper 0.1% point of chi-square with n degrees of freedom (Wilson and Hilferty). */
const critical = (n: number): number => n * (1 - 2 / (9 * n) + 3.0902 * Math.sqrt(2 / (9 * n))) ** 3;

describe("drawing a token", () => {
  const truncations: Truncation[] = [
    whole,
    { ...whole, topK: 1 },
    { ...whole, topK: 7 },
    { ...whole, topP: 0.5 },
    { ...whole, topP: 0.999 },
    { ...whole, minP: 0.05 },
    { topK: 20, topP: 0.8, minP: 0 },
    { topK: 20, topP: 0.9, minP: 0.1 },
  ];

  for (const truncation of truncations) {
    it(`keeps what a full sort keeps: ${JSON.stringify(truncation)}`, () => {
      for (let seed = 0; seed < 10; seed++) {
        const row = randomRow(300, seed, seed % 2 ? 3 : 0.01);
        const expected = kept(row, truncation);
        const mass = [...expected].reduce((sum, id) => sum + row[id]!, 0);
        // Just inside each token's share of the kept mass, in order of ids.
        let sum = 0;
        for (const id of [...expected].sort((a, b) => a - b)) {
          const drawn = drawToken(row, (sum + row[id]! / 2) / mass, truncation);
          expect(drawn.token).toBe(id);
          expect(drawn.mass).toBeCloseTo(mass, 12);
          sum += row[id]!;
        }
      }
    });

    it(`follows the analytic distribution (chi-square, fixed seed): ${JSON.stringify(truncation)}`, () => {
      const row = randomRow(30, 5, 1.2);
      const ids = [...kept(row, truncation)];
      const mass = ids.reduce((sum, id) => sum + row[id]!, 0);
      const random = createRandom(11, { stream: "draws" });
      const counts = new Float64Array(row.length);
      const draws = 20_000;
      for (let i = 0; i < draws; i++) counts[drawToken(row, random.uniform(), truncation).token]!++;
      expect(ids.reduce((sum, id) => sum + counts[id]!, 0)).toBe(draws);
      const chi = ids.reduce((sum, id) => {
        const expected = (draws * row[id]!) / mass;
        return sum + (counts[id]! - expected) ** 2 / expected;
      }, 0);
      if (ids.length > 1) expect(chi).toBeLessThan(critical(ids.length - 1));
    });
  }

  it("keeps the lower ids among equals", () => {
    const row = Float32Array.from([0.2, 0.2, 0.2, 0.2, 0.2]);
    for (const u of [0, 0.3, 0.6, 0.999999]) {
      expect(drawToken(row, u, { ...whole, topK: 2 }).token).toBeLessThan(2);
    }
  });

  it("never draws a token of probability zero", () => {
    const row = Float32Array.from([0, 0.5, 0, 0.5, 0]);
    expect(drawToken(row, 0, whole).token).toBe(1);
    expect(drawToken(row, 1 - 2 ** -53, whole).token).toBe(3);
  });

  it("takes the first of the likeliest", () => {
    expect(likeliest(Float32Array.from([0.1, 0.4, 0.4, 0.1]))).toBe(1);
  });
});
