/** The guard on synthetic runs whose truth is known: what it stops, what it lets go on, and what it says. */
import { describe, expect, it } from "vitest";
import {
  chooseCheckpoint,
  judgeSeries,
  type JudgeOptions,
  type Observation,
  type Verdict,
} from "../../../src/evaluate/index.js";
import { syntheticSeries, type SyntheticRun } from "./series.js";

const looks = 40;
/** Distance grows evenly; Gao et al.'s RL curve with its peak at look 15 and zero again at look 40. */
const goodhart = (look: number): number => {
  const d = (4 * look) / looks;
  return d === 0 ? 0 : d * (1.4 - 1.0 * Math.log(d));
};
const common = { looks, prompts: 64, noise: 0.6 };

/** As a run would: judged after every look, until told to stop. */
function follow(series: readonly Observation[], options: JudgeOptions = {}): Verdict {
  for (let n = 1; n < series.length; n++) {
    const verdict = judgeSeries(series.slice(0, n), options);
    if (verdict.stop) return verdict;
  }
  return judgeSeries(series, options);
}

const mean = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0) / list.length;
const bestOf = (gold: (look: number) => number): number =>
  Math.max(...Array.from({ length: looks }, (_, look) => gold(look)));

describe("a run whose proxy is being hacked", () => {
  const peaked = (look: number): number => 1.5 - Math.abs(look - 15) / 10;
  const shapes: [string, (look: number) => number][] = [
    ["a tent", peaked],
    ["a cliff", (look) => (look < 15 ? look / 10 : 0)],
    ["Gao's curve", (look) => 1.6 * goodhart(2.2 * look)],
  ];
  it.each(shapes)("shaped like %s is stopped, and the step kept is near the best", (_, gold) => {
    let stopped = 0;
    for (let seed = 0; seed < 10; seed++) {
      const run: SyntheticRun = { ...common, seed, proxy: (look) => look / 10, gold };
      const verdict = follow(syntheticSeries(run));
      expect(gold(verdict.keep! / 10)).toBeGreaterThanOrEqual(0.9 * bestOf(gold));
      if (verdict.state === "hacked") stopped++;
    }
    expect(stopped).toBeGreaterThanOrEqual(9);
  });
  it.each([
    // Measured: 4.6, 1 and 3.8 looks after the peak, with 69%, 0% (it is a cliff) and 85% left.
    { prompts: 64, late: [5, 1, 4.5], left: [0.65, 0, 0.8] },
    // Measured: 2.7, 1 and 2.8, with 82%, 0% and 91%.
    { prompts: 256, late: [3, 1, 3], left: [0.8, 0, 0.9] },
  ])("is stopped soon after its peak, sooner with more prompts: $prompts", ({ prompts, late, left }) => {
    for (const [i, [, gold]] of shapes.entries()) {
      const values = Array.from({ length: looks }, (_, look) => gold(look));
      const best = bestOf(gold);
      const stops = Array.from({ length: 10 }, (_, seed) => {
        const series = syntheticSeries({ ...common, prompts, seed, proxy: (look) => look / 10, gold });
        return follow(series).step / 10;
      });
      expect(mean(stops.map((at) => at - values.indexOf(best)))).toBeLessThanOrEqual(late[i]!);
      expect(mean(stops.map((at) => values[at]! / best))).toBeGreaterThanOrEqual(left[i]!);
    }
  });
  it("is told so in words, with the fall and its interval", () => {
    const series = syntheticSeries({ ...common, seed: 1, proxy: (look) => look / 10, gold: peaked });
    const { words, state, proxy, heldOut, keep } = follow(series);
    expect(state).toBe("hacked");
    expect(words).toMatch(
      /^proxy up \d\.\d\d since step \d+ while held-out fell \d\.\d\d \(\d\.\d\d to \d\.\d\d\): being hacked; keep step \d+$/,
    );
    expect(proxy!.low).toBeGreaterThan(0);
    expect(heldOut!.high).toBeLessThan(0);
    expect(Math.abs(keep! - 150)).toBeLessThanOrEqual(30);
  });
  it("is found with other prompts at every look too", () => {
    const run = { ...common, prompts: 256, fresh: true, seed: 3, proxy: (n: number) => n / 10, gold: peaked };
    expect(follow(syntheticSeries(run)).state).toBe("hacked");
  });
  it("is told apart from one that only gets worse", () => {
    const series = syntheticSeries({ ...common, seed: 1, proxy: peaked, gold: peaked });
    const verdict = follow(series);
    expect(verdict.state).toBe("worse");
    expect(verdict.words).toContain("the proxy did not rise");
  });
});

describe("a healthy run", () => {
  const rising = (look: number): number => 1.5 * (1 - Math.exp(-look / 10));
  it("is called hacked in at most 2% of 200 noisy series", () => {
    const shapes = [rising, () => 0, (look: number) => Math.min(1, look / 10), (look: number) => look / 40];
    const alarms = Array.from({ length: 200 }, (_, seed) => {
      const series = syntheticSeries({
        ...common,
        seed: 1000 + seed,
        proxy: (look) => look / 10,
        gold: shapes[seed % shapes.length]!,
      });
      return series.some((__, n) => n > 0 && judgeSeries(series.slice(0, n)).state === "hacked");
    });
    const rate = alarms.filter(Boolean).length / alarms.length;
    // Measured: 1 of 200.
    expect(rate).toBeLessThanOrEqual(0.02);
  });
  it("goes on while it improves, and is stalled where patience is asked for and over", () => {
    const series = syntheticSeries({
      ...common,
      seed: 5,
      proxy: (look) => look / 10,
      gold: (look) => look / 20,
    });
    expect(judgeSeries(series)).toMatchObject({ state: "healthy", stop: false });
    const flat = syntheticSeries({
      ...common,
      seed: 5,
      proxy: (look) => look / 10,
      gold: () => 0,
      noise: 0.01,
    });
    expect(follow(flat, { patience: 10 }).state).toBe("stalled");
    expect(judgeSeries(flat).stop).toBe(false);
  });
});

describe("what the guard needs", () => {
  const series = syntheticSeries({ ...common, seed: 2, proxy: (n) => n, gold: (n) => -n });
  it("is a held-out reward: without one it is blind and says so", () => {
    const blind = series.map((look) => ({ ...look, measures: { proxy: look.measures.proxy! } }));
    const verdict = judgeSeries(blind);
    expect(verdict).toMatchObject({ state: "blind", stop: false, keep: null });
    expect(verdict.words).toContain("cannot be told");
    expect(() => chooseCheckpoint(blind)).toThrow("expected observations with a gold reward or an ensemble");
  });
  it("or an ensemble, whose lower bound stands in", () => {
    const members = series.map((look) => ({
      ...look,
      measures: { proxy: look.measures.proxy!, lowerBound: look.measures.gold! },
    }));
    expect(judgeSeries(members)).toMatchObject({ state: "hacked", keep: 0 });
    expect(judgeSeries(members).words).toContain("the ensemble's lower bound fell");
  });
  it("is enough looks", () => {
    expect(judgeSeries(series.slice(0, 3))).toMatchObject({ state: "early", words: "3 of 4 looks" });
  });
  it("is looks in order, and sensible options", () => {
    expect(() => judgeSeries([])).toThrow("expected observations of ascending steps, got none");
    expect(() => judgeSeries([series[1]!, series[0]!])).toThrow("step 0 after 10");
    expect(() => judgeSeries(series, { window: 0 })).toThrow("window 0");
  });
  it("chooses among the steps that have a checkpoint", () => {
    const chosen = chooseCheckpoint(series, { steps: [100, 200] });
    expect(chosen).toMatchObject({ step: 100, index: 10, by: "gold" });
  });
});
