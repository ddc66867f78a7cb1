/** Online methods reach what they are for, on a tiny random model whose own answers are drawn: no answer is given to it. */
import { describe, expect, it } from "vitest";
import { patternReward } from "../../src/rewards/index.js";
import type { RolloutReport } from "../../src/train/index.js";
import { runOnline, sharedSetting } from "./online-setup.js";

const setting = await sharedSetting();

const mean = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0) / list.length;

describe("ppo with a rule that can be checked", () => {
  it("goes from seldom right to nearly always right, by its own drawn answers", async () => {
    const { rollouts } = await runOnline(setting, "ppo", {
      reward: patternReward("e", { mode: "absent" }),
      settings: {
        per_device_train_batch_size: 32,
        num_mini_batches: 2,
        num_iterations: 4,
        kl_coef: 0,
        total_episodes: 64 * 20,
      },
      fit: { learningRate: 5e-2, schedule: "constant", detailSteps: 0 },
    });
    /** Share of answers that are right. */
    const right = (some: readonly RolloutReport[]): number =>
      mean(some.flatMap(({ rewards }) => [...rewards]));
    expect(right(rollouts.slice(0, 1))).toBeLessThan(0.2);
    expect(right(rollouts.slice(-5))).toBeGreaterThan(0.95);
  });
});

describe("spin", () => {
  it("tells demonstrations from its own answers, and begins every iteration anew", async () => {
    const { reports } = await runOnline(setting, "spin", {
      settings: { iterations: 3, per_device_train_batch_size: 4, num_iterations: 4 },
      fit: { learningRate: 1e-2, schedule: "constant", detailSteps: 0 },
    });
    const margins = reports.map(({ metrics }) => metrics["rewards/margins"]!);
    expect(margins).toHaveLength(12);
    for (const iteration of [margins.slice(0, 4), margins.slice(4, 8), margins.slice(8)]) {
      // The opponent is the policy itself; from there each pass tells the two further apart.
      expect(iteration[0]).toBeCloseTo(0, 5);
      expect(iteration).toEqual(iteration.toSorted((a, b) => a - b));
      expect(iteration[3]).toBeGreaterThan(0.5);
    }
  });
});
