/** What came of the runs: the figure, and the numbers in words. Knows runs, no training. */
import {
  type CurvePoint,
  type CurveSeries,
  curveFile,
  fitGaoCurve,
  type GaoCoefficient,
  judgeSeries,
  type Observation,
  type Verdict,
} from "attune/evaluate";
import type { Guard, RlRun } from "./run-rl.js";

/** The mean of a look and its neighbours, as the guard smooths too. */
const smoothed = (values: readonly number[]): number[] =>
  values.map((_, i) => {
    const near = values.slice(Math.max(0, i - 1), i + 2);
    return near.reduce((a, b) => a + b, 0) / near.length;
  });

const distances = ({ series }: RlRun): number[] =>
  series.people.map(({ measures }) => Math.sqrt(Math.max(0, measures.kl!.mean)));

const truthOf = ({ truth }: RlRun): number[] => smoothed(truth.map(({ mean }) => mean));

/** Where each guard would have stopped: judged after every look. */
function stopOf(series: readonly Observation[]): { at: number; verdict: Verdict } | undefined {
  for (let n = 1; n <= series.length; n++) {
    const verdict = judgeSeries(series.slice(0, n));
    if (verdict.stop) return { at: n - 1, verdict };
  }
  return undefined;
}

export interface RunSummary {
  beta: number;
  /** True utility of the start, the best seen, and the last; means of three looks. */
  start: number;
  best: number;
  last: number;
  guards: Record<Guard, { stop: number | null; words: string; kept: number; trueUtilityKept: number }>;
  lines: string[];
}

export function summaryOf(run: RlRun): RunSummary {
  const truth = truthOf(run);
  const best = Math.max(...truth);
  const [start, last] = [truth[0]!, truth.at(-1)!];
  const guard = (name: Guard): RunSummary["guards"][Guard] => {
    const series = run.series[name];
    const stopped = stopOf(series);
    const verdict = stopped?.verdict ?? judgeSeries(series);
    const kept = verdict.keep!;
    return { stop: stopped?.at ?? null, words: verdict.words, kept, trueUtilityKept: truth[kept]! };
  };
  const guards = { people: guard("people"), model: guard("model") };
  const told = (name: Guard): string => {
    const { stop, words, kept, trueUtilityKept: value } = guards[name];
    const when = stop === null ? "did not stop" : `stopped at rollout ${stop}`;
    const share = `${Math.round((100 * value) / best)}% of the best seen`;
    return `  guard by ${name}: ${when}, keeps ${kept} (true utility ${value.toFixed(2)}, ${share}): ${words}`;
  };
  return {
    beta: run.beta,
    start,
    best,
    last,
    guards,
    lines: [
      `beta ${run.beta}: true utility ${start.toFixed(2)} at the start, ${best.toFixed(2)} at best, ${last.toFixed(2)} at the end`,
      told("people"),
      told("model"),
      `  Gao's curve: ${curveOf(run)}`,
    ],
  };
}

/** The fitted curve in words; a run of few rollouts is too near its start for one. */
function curveOf(run: RlRun): string {
  const points = run.truth.flatMap(({ mean, standardError }, i) => {
    const kl = run.series.people[i]!.measures.kl!.mean;
    return kl > 0.05 ? [{ kl, reward: mean - run.truth[0]!.mean, standardError }] : [];
  });
  if (points.length < 3)
    return `none, it takes three rollouts with a KL above 0.05 and there are ${points.length}: ask for more rollouts`;
  const { alpha, beta, fit } = fitGaoCurve(points);
  const told = ({ value, low, high }: GaoCoefficient): string =>
    `${value.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`;
  return `alpha ${told(alpha)}, beta ${told(beta)}, explains ${Math.round(100 * fit)}%`;
}

/** Rewards less those of the start, against the distance. */
export function figureOf(runs: readonly RlRun[]): string {
  const [free, held] = runs as [RlRun, RlRun];
  const line = (run: RlRun, values: readonly number[]): CurvePoint[] =>
    smoothed(values).map((y, i) => ({ x: distances(run)[i]!, y: y - values[0]! }));
  const proxy = (run: RlRun): number[] => run.series.people.map(({ measures }) => measures.proxy!.mean);
  const model = (run: RlRun): number[] => run.series.model.map(({ measures }) => measures.gold!.mean);
  const truth = ({ truth: all }: RlRun): number[] => all.map(({ mean }) => mean);
  const series: CurveSeries[] = [
    { name: "proxy reward, no KL", colour: 2, points: line(free, proxy(free)), show: "line" },
    { name: "true utility, no KL", colour: 3, points: line(free, truth(free)) },
    { name: "held-out reward model, no KL", colour: 0, points: line(free, model(free)), show: "line" },
    {
      name: `proxy reward, KL ${held.beta}`,
      colour: 2,
      dashed: true,
      points: line(held, proxy(held)),
      show: "line",
    },
    { name: `true utility, KL ${held.beta}`, colour: 1, points: line(held, truth(held)) },
  ];
  const stop = stopOf(free.series.people);
  const x = distances(free);
  return curveFile(series, {
    title: "Goodhart on the built-in world: 128 pairs, RLOO",
    xLabel: "square root of the KL against the start →",
    yLabel: "↑ reward, less the start's",
    ...(stop && {
      marks: [
        { x: x[stop.verdict.keep!]!, label: "kept" },
        { x: x[stop.at]!, label: "stopped" },
      ],
    }),
  });
}
