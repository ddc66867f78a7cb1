/** Rewards made of rewards: sums, ensembles, running and centred scales, their logs and their states. */
import { describe, expect, it } from "vitest";

import {
  centredReward,
  ensembleReward,
  functionReward,
  referenceOffset,
  type Reward,
  type RewardItem,
  rewardMetrics,
  runningReward,
  scoreItems,
  sumReward,
} from "../../src/rewards/index.js";

const items = (n: number): RewardItem[] =>
  Array.from({ length: n }, (_, i) => ({ id: String(i), prompt: "?", completion: "." }));
const fixed = (name: string, scores: (number | null)[]): Reward => functionReward(name, () => scores);

async function scoresOf(reward: Reward, n: number): Promise<number[]> {
  return [...(await scoreItems(reward, items(n))).scores];
}

describe("a weighted sum", () => {
  const parts = [
    { reward: fixed("right", [1, 0, null, null]), weight: 2 },
    { reward: fixed("length", [-9, 4, 3, null]), weight: 0.5, clip: [-2, 2] as const },
  ];
  it("clips each part, leaves out what does not apply, and does not apply where nothing does", async () => {
    expect(await scoresOf(sumReward("sum", parts), 4)).toEqual([1, 1, 1, Number.NaN]);
    expect(await scoresOf(sumReward("sum", parts, { clip: [-1, 0.5] }), 4)).toEqual([
      0.5,
      0.5,
      0.5,
      Number.NaN,
    ]);
  });
  it("logs every part on its own, unclipped", async () => {
    const metrics = rewardMetrics("sum", await scoreItems(sumReward("sum", parts), items(4)));
    expect(metrics["rewards/sum/mean"]).toBe(1);
    expect(metrics["rewards/sum/length/min"]).toBe(-9);
    expect(metrics["rewards/sum/right/missing"]).toBe(0.5);
  });
  it("refuses two of one name, none, and weights that are no numbers", () => {
    expect(() => sumReward("sum", [])).toThrow("at least one reward");
    expect(() => sumReward("sum", [parts[0]!, parts[0]!])).toThrow("two named right");
    expect(() => sumReward("sum", [{ reward: parts[0]!.reward, weight: Number.NaN }])).toThrow(
      "right: weight",
    );
    expect(() => sumReward("sum", [{ reward: parts[0]!.reward, clip: [1, 0] }])).toThrow(
      "low <= high, got 1 to 0",
    );
  });
});

describe("an ensemble", () => {
  const members = [fixed("a", [1, 2, null]), fixed("b", [3, 2, null]), fixed("c", [5, null, null])];
  it.each([
    ["mean", [3, 2, Number.NaN]],
    ["min", [1, 2, Number.NaN]],
    ["lower_bound", [3 - 2 * 0.5, 2, Number.NaN]],
  ] as const)("gives the %s of those that apply", async (combine, want) => {
    expect(await scoresOf(ensembleReward("all", members, { combine, deviations: 0.5 }), 3)).toEqual(want);
  });
  it("logs how far its members differ", async () => {
    const { components } = await scoreItems(ensembleReward("all", members), items(3));
    expect([...components["disagreement"]!]).toEqual([2, 0, Number.NaN]);
    expect([...components["b"]!]).toEqual([3, 2, Number.NaN]);
  });
});

describe("a running scale", () => {
  const batches = [
    [1, 2, 3],
    [10, -4, 0.5],
    [7, 7, null],
  ];
  const following = (): Reward => {
    let call = 0;
    return functionReward("raw", () => batches[call++ % batches.length]!);
  };
  const all = batches.flat().filter((x) => x !== null);
  const mean = all.reduce((a, b) => a + b, 0) / all.length;
  const deviation = Math.sqrt(all.reduce((t, x) => t + (x - mean) ** 2, 0) / (all.length - 1));

  it("has the mean and deviation of all answers so far", async () => {
    const reward = runningReward(following());
    await scoresOf(reward, 3);
    await scoresOf(reward, 3);
    const [a, , c] = await scoresOf(reward, 3);
    expect(a).toBeCloseTo((7 - mean) / deviation, 12);
    expect(c).toBeNaN();
  });
  it("continues from its state as if it had not stopped, also inside a sum", async () => {
    const build = (raw: Reward): Reward => sumReward("sum", [{ reward: runningReward(raw) }]);
    const raw = following();
    const whole = build(raw);
    await scoresOf(whole, 3);
    const saved = JSON.parse(JSON.stringify(whole.state!())) as Record<string, unknown>;
    const resumed = build(fixed("raw", batches[1]!));
    resumed.restore!(saved);
    expect(await scoresOf(resumed, 3)).toEqual(await scoresOf(whole, 3));
  });
  it("refuses a state that is not its own", () => {
    expect(() => runningReward(following()).restore!({})).toThrow("expected running statistics");
  });
  it("holds what lies far out", async () => {
    const reward = runningReward(fixed("raw", [0, 0, 0, 0, 0, 0, 0, 100]), { clip: 1 });
    expect(Math.max(...(await scoresOf(reward, 8)))).toBe(1);
  });
});

describe("a centred reward", () => {
  it("scores 0 on average over the reference answers", async () => {
    const raw = fixed("raw", [3, 5, null]);
    const offset = await referenceOffset(raw, items(3));
    expect(offset).toBe(4);
    expect(await scoresOf(centredReward(raw, { offset }), 3)).toEqual([-1, 1, Number.NaN]);
  });
  it("needs an answer that has a score", async () => {
    await expect(referenceOffset(fixed("raw", [null]), items(1))).rejects.toThrow(
      "at least one answer with a score",
    );
  });
});
