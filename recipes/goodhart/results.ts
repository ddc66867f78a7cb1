/** What came of the runs: where each guard would have stopped, the numbers in words, and the figure. Knows no training. */
import {
  chooseCheckpoint,
  type CurvePoint,
  type CurveSeries,
  curveFile,
  fitGaoCurve,
  type GaoCoefficient,
  judgeSeries,
  type Observation,
  type Verdict,
  type World,
} from "attune/evaluate";
import { type Judge, judges, seriesOf, type Truth, truthOf } from "./judges.js";
import type { RlRun } from "./run-rl.js";

/** The mean of a look and its neighbours, as the guard smooths too. */
const smoothed = (values: readonly number[]): number[] =>
  values.map((_, i) => {
    const near = values.slice(Math.max(0, i - 1), i + 2);
    return near.reduce((a, b) => a + b, 0) / near.length;
  });

const meanAt = (
  { looks }: RlRun,
  of: (answer: RlRun["looks"][number]["guard"][number]) => number,
): number[] =>
  looks.map(({ guard, truth }) => {
    const all = [...guard, ...truth];
    return all.reduce((sum, answer) => sum + of(answer), 0) / all.length;
  });

const distances = (run: RlRun): number[] =>
  meanAt(run, ({ kl }) => kl).map((kl) => Math.sqrt(Math.max(0, kl)));

interface Stop {
  at: number;
  verdict: Verdict;
}

/** Judged after every look, as a run would be. */
function stopOf(series: readonly Observation[], patience = Infinity): Stop | undefined {
  for (let n = 1; n <= series.length; n++) {
    const verdict = judgeSeries(series.slice(0, n), { patience });
    if (verdict.stop) return { at: n - 1, verdict };
  }
  return undefined;
}

/** A step with its true utility, by questions that no guard asks, and its share of the best look's. */
interface Place extends Truth {
  step: number;
  share: number;
}

export interface GuardSummary {
  judge: Judge;
  prompts: number;
  /** Looks without a better one; null: not asked for. */
  patience: number | null;
  /** Null where it did not stop. */
  stopped: Place | null;
  kept: Place;
  words: string;
}

export interface RunSummary {
  seed: number;
  beta: number;
  start: Place;
  /** The best single look, and the best mean of three. */
  best: Place;
  bestOfThree: number;
  end: Place;
  guards: GuardSummary[];
  lines: string[];
}

export function summaryOf(run: RlRun, world: World): RunSummary {
  const truth = truthOf(run, world);
  const means = truth.map(({ mean }) => mean);
  const highest = Math.max(...means);
  const place = (at: number): Place => ({
    step: run.looks[at]!.step,
    ...truth[at]!,
    share: means[at]! / highest,
  });
  const guardBy = (judge: Judge, prompts: number, patience: number | null = null): GuardSummary => {
    const series = seriesOf(run, { judge, world, prompts });
    const stop = stopOf(series, patience ?? Infinity);
    const seen = stop ? series.slice(0, stop.at + 1) : series;
    const { words } = stop?.verdict ?? judgeSeries(series);
    const kept = place(chooseCheckpoint(seen).index);
    return { judge, prompts, patience, stopped: stop ? place(stop.at) : null, kept, words };
  };
  const all = run.looks[0]!.guard.length;
  const guards = [
    ...judges.map((judge) => guardBy(judge, all)),
    ...[all / 2, all / 4].map((prompts) => guardBy("truth", prompts)),
    ...(["truth", "people"] as const).map((judge) => guardBy(judge, all, 2)),
  ];
  const summary = {
    seed: run.seed,
    beta: run.beta,
    start: place(0),
    best: place(means.indexOf(highest)),
    bestOfThree: Math.max(...smoothed(means)),
    end: place(means.length - 1),
    guards,
  };
  return { ...summary, lines: linesOf(summary, curveOf(run, truth)) };
}

const told = ({ step, mean, standardError, share }: Place): string =>
  `step ${step}: ${mean.toFixed(2)} +- ${standardError!.toFixed(2)}, ${Math.round(100 * share)}% of the best`;

function linesOf(s: Omit<RunSummary, "lines">, curve: string): string[] {
  const guard = ({ judge, prompts, patience, stopped, kept, words }: GuardSummary): string[] => [
    `  guard by ${judge}, ${prompts} prompts${patience === null ? "" : `, patience ${patience}`}: ${stopped ? `stops at ${told(stopped)}` : "does not stop"}`,
    `    keeps ${told(kept)}`,
    `    ${words}`,
  ];
  return [
    `seed ${s.seed}, beta ${s.beta}: true utility at the start ${told(s.start)}`,
    `  best look ${told(s.best)}; best mean of three looks ${s.bestOfThree.toFixed(2)}`,
    `  end ${told(s.end)}`,
    ...s.guards.flatMap(guard),
    `  Gao's curve: ${curve}`,
  ];
}

/** The fitted curve in words; a run of few rollouts is too near its start for one. */
function curveOf(run: RlRun, truth: readonly Truth[]): string {
  const far = distances(run);
  const points = truth.flatMap(({ mean, standardError }, i) => {
    const kl = far[i]! ** 2;
    return kl > 0.05 ? [{ kl, reward: mean - truth[0]!.mean, standardError: standardError! }] : [];
  });
  if (points.length < 3)
    return `none, it takes three looks with a KL above 0.05 and there are ${points.length}: ask for more rollouts`;
  const { alpha, beta, fit } = fitGaoCurve(points);
  const range = ({ value, low, high }: GaoCoefficient): string =>
    `${value.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`;
  return `alpha ${range(alpha)}, beta ${range(beta)}, explains ${Math.round(100 * fit)}%`;
}

/** Rewards less those of the start, against the distance; the marks are the guard's by the truth. */
export function figureOf(runs: readonly RlRun[], world: World): string {
  const [free, held] = runs as [RlRun, RlRun];
  const line = (run: RlRun, values: readonly number[]): CurvePoint[] =>
    values.map((y, i) => ({ x: distances(run)[i]!, y: y - values[0]! }));
  const proxy = (run: RlRun): number[] => meanAt(run, (answer) => answer.proxy);
  const truth = (run: RlRun): number[] => truthOf(run, world).map(({ mean }) => mean);
  const model = meanAt(free, (answer) => answer.model);
  const series: CurveSeries[] = [
    { name: "proxy reward, no KL", colour: 2, points: line(free, proxy(free)), show: "line" },
    { name: "true utility, no KL", colour: 3, points: line(free, truth(free)) },
    { name: "held-out reward model, no KL", colour: 0, points: line(free, model), show: "line" },
    {
      name: `proxy reward, KL ${held.beta}`,
      colour: 2,
      dashed: true,
      points: line(held, proxy(held)),
      show: "line",
    },
    { name: `true utility, KL ${held.beta}`, colour: 1, points: line(held, truth(held)) },
  ];
  const stop = stopOf(seriesOf(free, { judge: "truth", world }));
  const x = distances(free);
  const kept = free.looks.findIndex(({ step }) => step === stop?.verdict.keep);
  return curveFile(series, {
    title: "Goodhart on the built-in world: 128 pairs, RLOO",
    xLabel: "square root of the KL against the start →",
    yLabel: "↑ reward, less the start's",
    ...(stop && {
      marks: [
        { x: x[kept]!, label: "kept" },
        { x: x[stop.at]!, label: "stopped" },
      ],
    }),
  });
}
