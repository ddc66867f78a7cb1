/** Synthetic runs for the guard: true curves of proxy and gold reward, seen through prompts and noise. */
import type { Observation } from "../../../src/evaluate/index.js";
import { createRandom, type Random } from "../../../src/util/random.js";

export interface SyntheticRun {
  looks: number;
  prompts: number;
  /** Standard deviation of a prompt's mean about its true value, at one look. */
  noise: number;
  proxy: (look: number) => number;
  gold: (look: number) => number;
  seed: number;
  /** Other prompts at every look. Default: the same ones. */
  fresh?: boolean;
}

/** Observations at steps 0, 10, 20, ...; prompts differ by a deviation of 1 among themselves. */
export function syntheticSeries(run: SyntheticRun): Observation[] {
  const random = createRandom(run.seed, { stream: "synthetic" });
  const levels = Array.from({ length: run.prompts }, () => random.normal());
  return Array.from({ length: run.looks }, (_, look) => {
    const names = levels.map((_level, i) => (run.fresh ? `${look}/${i}` : String(i)));
    const own = run.fresh ? levels.map(() => random.normal()) : levels;
    return {
      step: 10 * look,
      answers: run.prompts,
      prompts: run.prompts,
      measures: {
        proxy: seen(run.proxy(look), { own, names, random, noise: run.noise }),
        gold: seen(run.gold(look), { own, names, random, noise: run.noise }),
      },
      lengthCorrelation: null,
      best: [],
    };
  });
}

function seen(
  truth: number,
  o: { own: readonly number[]; names: readonly string[]; random: Random; noise: number },
): { mean: number; standardError: number; byPrompt: Record<string, number> } {
  const values = o.own.map((level) => truth + level + o.noise * o.random.normal());
  const n = values.length;
  const mean = values.reduce((a, b) => a + b, 0) / n;
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (n - 1);
  return {
    mean,
    standardError: Math.sqrt(variance / n),
    byPrompt: Object.fromEntries(values.map((value, i) => [o.names[i]!, value])),
  };
}
