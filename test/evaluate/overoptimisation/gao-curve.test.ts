/** Gao et al.'s curves: exact points give back their coefficients, noisy ones intervals that hold. */
import { describe, expect, it } from "vitest";
import { fitGaoCurve, type GaoForm } from "../../../src/evaluate/index.js";
import { createRandom } from "../../../src/util/random.js";

const curve = (form: GaoForm, alpha: number, beta: number) => (d: number) =>
  form === "rl" ? d * (alpha - beta * Math.log(d)) : d * (alpha - beta * d);

describe.each(["rl", "best-of-n"] as const)("the curve of %s", (form) => {
  const truth = curve(form, 1.2, 0.4);
  const distances = Array.from({ length: 20 }, (_, i) => 0.3 * (i + 1));
  it("is found again from its own points, with its peak", () => {
    const points = distances.map((d) => ({ kl: d * d, reward: truth(d) }));
    const fit = fitGaoCurve([{ kl: -0.01, reward: 0.1 }, ...points], { form });
    expect(fit.points).toBe(20);
    expect(fit.alpha.value).toBeCloseTo(1.2, 8);
    expect(fit.beta.value).toBeCloseTo(0.4, 8);
    expect(fit.fit).toBeCloseTo(1, 8);
    const peak = form === "rl" ? Math.exp(2) : 1.5;
    expect(fit.peak!.distance).toBeCloseTo(peak, 6);
    expect(fit.peak!.reward).toBeCloseTo(truth(peak), 6);
    expect(fit.rewardAt(4)).toBeCloseTo(truth(2), 8);
  });
  it("has intervals that hold in about 95 of 100 noisy series", () => {
    const random = createRandom(11);
    let held = 0;
    for (let run = 0; run < 200; run++) {
      const points = distances.map((d) => ({
        kl: d * d,
        reward: truth(d) + 0.2 * random.normal(),
        standardError: 0.2,
      }));
      const { alpha } = fitGaoCurve(points, { form });
      if (alpha.low <= 1.2 && 1.2 <= alpha.high) held++;
    }
    expect(held).toBeGreaterThanOrEqual(181);
    expect(held).toBeLessThanOrEqual(198);
  });
  it("tells no peak where nothing says that it turns", () => {
    const random = createRandom(5);
    const points = distances.map((d) => ({ kl: d * d, reward: 0.5 * d + 0.3 * random.normal() }));
    expect(fitGaoCurve(points, { form }).peak).toBeNull();
  });
});

describe("a fit", () => {
  it("refuses too few points, and what is no number", () => {
    const points = [
      { kl: 1, reward: 1 },
      { kl: 2, reward: 1 },
    ];
    expect(() => fitGaoCurve(points)).toThrow("expected at least three points");
    expect(() => fitGaoCurve([...points, { kl: 3, reward: Number.NaN }])).toThrow(
      "fitGaoCurve: expected finite",
    );
    expect(() => fitGaoCurve([...points, { kl: 3, reward: 1, standardError: 1 }])).toThrow("1 errors for 3");
    const same = Array.from({ length: 4 }, () => ({ kl: 1, reward: 1 }));
    expect(() => fitGaoCurve(same)).toThrow("at different distances");
  });
});
