/**
 * The page of a run that learned from its own answers: verdict in words, curves, reward against distance with Gao's curve, and
 * the best-liked answers over time side by side. Knows observations and log lines, no training; written while a run goes, too.
 */
import { AttuneError } from "../../errors.js";
import {
  curveChart,
  type CurveSeries,
  html,
  type Html,
  lineChart,
  renderPage,
  type ReportSection,
  signed,
} from "../report/index.js";
import { fitGaoCurve, type GaoCurve } from "./gao-curve.js";
import { heldOutOf } from "./choose-checkpoint.js";
import { judgeSeries, type JudgeOptions, type SeriesState } from "./judge-series.js";
import type { Measure, Observation } from "./observation.js";

export interface RunReportInput {
  /** `attune train ppo: runs/first`. */
  readonly title: string;
  readonly series: readonly Observation[];
  /** Of the guard, for its verdict. */
  readonly judge?: JudgeOptions;
  /** What was asked, by the prompts' names; names stand for themselves where it is missing. */
  readonly prompts?: Readonly<Record<string, string>>;
  /** Lines of the run's log, under TRL's names. */
  readonly log: readonly Readonly<Record<string, unknown>>[];
  /** Where the run stands: `stopped by the guard after step 80`. */
  readonly status: string;
  /** Step whose model is the run's. */
  readonly kept?: number | undefined;
  /** Anything to be listed: model, data, rewards, seed. */
  readonly facts: Readonly<Record<string, string>>;
}

const headlines: Readonly<Record<SeriesState, string>> = {
  early: "Too few looks to tell whether the reward is being hacked",
  healthy: "No sign that the reward is being hacked",
  watch: "What is held out may be falling",
  hacked: "The reward was hacked: the proxy rose while what is held out fell",
  worse: "The policy got worse by what is held out",
  stalled: "What is held out has not gained for long",
  blind: "Nothing was held out: whether the reward is being hacked cannot be told",
};

/** One HTML file that needs nothing else. Answers are shown as text, whatever they hold. */
export function renderRunReport(o: RunReportInput): string {
  const verdict = o.series.length > 0 ? judgeSeries(o.series, o.judge) : undefined;
  const sections: ReportSection[] = [];
  if (o.series.length > 0) {
    sections.push({ id: "reward", title: "Reward at the guard's looks", body: rewards(o) });
    sections.push({ id: "distance", title: "Reward against distance", body: distance(o) });
    sections.push({
      id: "answers",
      title: "The best-liked answers over time",
      body: answers(o, verdict?.keep ?? null),
    });
    sections.push({ id: "signs", title: "What the answers look like", body: looks(o.series) });
  }
  sections.push({ id: "log", title: "The rollouts it learned from", body: rollouts(o.log) });
  const facts = Object.entries(o.facts).map(
    ([name, value]) =>
      html`<tr>
        <th>${name}</th>
        <td>${value}</td>
      </tr>`,
  );
  const kept = o.kept === undefined ? undefined : html`<p>The run's model is that of step ${o.kept}.</p>`;
  return renderPage({
    title: o.title,
    headline: verdict ? headlines[verdict.state] : "A run without a guard",
    summary: html`<p class="lead">${verdict?.words ?? "There were no looks (--guard off)."}</p>
      <p>${o.status}.</p>
      ${kept}`,
    sections,
    footer: html`<table>
      ${facts}
    </table>`,
  });
}

const points = (series: readonly Observation[], measure: Measure): { x: number; y: number }[] =>
  series.flatMap(({ step, measures }) => {
    const value = measures[measure];
    return value === undefined ? [] : [{ x: step, y: value.mean }];
  });

function chartOf(
  series: readonly Observation[],
  measure: Measure,
  o: { title: string; yLabel: string; colour: number },
) {
  const own = points(series, measure);
  if (own.length === 0) return undefined;
  const { title, yLabel, colour } = o;
  return lineChart([{ name: title, colour, points: own, dots: true }], { title, yLabel, width: "half" });
}

/** Each on its own scale: rewards have units of their own. */
function rewards({ series }: RunReportInput): Html {
  return html`<p>
      The same prompts were asked at every look; the steps are updates. The proxy is what the run is trained
      on; what is held out is never trained on.
    </p>
    <div class="pair">
      ${chartOf(series, "proxy", { title: "Proxy reward", yLabel: "mean over answers", colour: 2 })}
      ${chartOf(series, "gold", { title: "Held-out reward", yLabel: "mean over answers", colour: 3 })}
      ${chartOf(series, "lowerBound", { title: "Ensemble's lower bound", yLabel: "mean less one deviation", colour: 1 })}
      ${chartOf(series, "disagreement", { title: "Ensemble's disagreement", yLabel: "deviation between members", colour: 0 })}
    </div>`;
}

/** Less than this is noise about the start. */
const leastKl = 0.05;

function gaoOf(series: readonly Observation[], measure: Measure): GaoCurve | undefined {
  const start = series[0]!.measures[measure]!.mean;
  const own = series.flatMap(({ measures }) => {
    const [kl, reward] = [measures.kl!.mean, measures[measure]!];
    return kl > leastKl ? [{ kl, reward: reward.mean - start, error: reward.standardError ?? 0 }] : [];
  });
  const weighed = own.every(({ error }) => error > 0);
  try {
    return fitGaoCurve(
      own.map(({ kl, reward, error }) => ({ kl, reward, ...(weighed && { standardError: error }) })),
    );
  } catch (error) {
    // Too few points away from the start, which early looks are.
    if (error instanceof AttuneError) return undefined;
    throw error;
  }
}

function distance(o: RunReportInput): Html {
  const { series } = o;
  const by = heldOutOf(series);
  const far = (each: Observation): number => Math.sqrt(Math.max(0, each.measures.kl!.mean));
  const furthest = Math.max(...series.map(far));
  const words: Html[] = [];
  const drawn = (measure: Measure, name: string, colour: number): CurveSeries[] => {
    const start = series[0]!.measures[measure]!.mean;
    const seen = series.map((each) => ({ x: far(each), y: each.measures[measure]!.mean - start }));
    const curve = gaoOf(series, measure);
    words.push(html`<li>${gaoWords(name, curve)}</li>`);
    const fitted = Array.from({ length: 60 }, (_, i) => (furthest * (i + 1)) / 60);
    const line = curve && fitted.map((x) => ({ x, y: curve.rewardAt(x * x) }));
    return [
      { name, colour, points: seen, show: "points" },
      ...(line
        ? [{ name: `${name}, Gao's curve`, colour, points: line, show: "line" as const, dashed: true }]
        : []),
    ];
  };
  const all = [
    ...drawn("proxy", "proxy reward", 2),
    ...(by ? drawn(by, by === "gold" ? "held-out reward" : "ensemble's lower bound", 3) : []),
  ];
  const kept = series.find(({ step }) => step === o.kept);
  return html`${curveChart(all, {
      title: "Reward against distance from the start",
      xLabel: "square root of the KL against the start, nats an answer →",
      yLabel: "↑ reward, less the start's",
      ...(kept && { marks: [{ x: far(kept), label: `kept: step ${kept.step}` }] }),
    })}
    <p>Gao et al. (2210.10760): R(d) = d (alpha − beta log d), d the square root of the KL.</p>
    <ul>
      ${words}
    </ul>`;
}

function gaoWords(name: string, curve: GaoCurve | undefined): string {
  if (curve === undefined) return `${name}: too few looks away from the start to fit a curve.`;
  const { alpha, beta, fit, peak } = curve;
  const range = ({ value, low, high }: GaoCurve["alpha"]): string =>
    `${signed(value)} (${signed(low)} to ${signed(high)})`;
  const turn = peak
    ? `it turns at a KL of ${peak.kl.toFixed(1)} nats, where the reward is ${signed(peak.reward)} above the start's`
    : "no turn can be told from chance";
  return `${name}: alpha ${range(alpha)}, beta ${range(beta)}, ${Math.round(100 * fit)}% of the variance; ${turn}.`;
}

const answersShown = 5;

/** The prompts that the proxy likes best now, and what stood there before. */
function answers({ series, prompts = {}, kept }: RunReportInput, best: number | null): Html {
  const last = series.length - 1;
  const marked = kept ?? best;
  const at = series.findIndex(({ step }) => step === marked);
  const chosen = [...new Set([0, ...(at >= 0 ? [at] : []), Math.floor(last / 2), last])].sort(
    (a, b) => a - b,
  );
  const columns = chosen.map((index) => series[index]!);
  const title = ({ step }: Observation): string => {
    const name = step === 0 ? "start" : `step ${step}`;
    return step === marked ? `${name}, ${kept === undefined ? "best so far" : "kept"}` : name;
  };
  const cell = (look: Observation, prompt: string): Html => {
    const found = look.best.find((each) => each.prompt === prompt);
    if (!found) return html`<td class="soft">no answer</td>`;
    const gold = found.gold === undefined ? undefined : html`, held out <b>${signed(found.gold)}</b>`;
    const text = html`<span class="answer">${found.text}</span>`;
    return html`<td>
      ${text}<span class="mark">proxy <b>${signed(found.proxy)}</b>${gold}</span>
    </td>`;
  };
  const rows = series[last]!.best.slice(0, answersShown).map(
    ({ prompt }) =>
      html`<tr>
          <td class="question" colspan="${columns.length}">${prompts[prompt] ?? prompt}</td>
        </tr>
        <tr>
          ${columns.map((look) => cell(look, prompt))}
        </tr>`,
  );
  return html`<p>
      The prompts whose answers the proxy likes best at the latest look, and its favourite among the answers
      to them at earlier looks. Read across: is the later answer better, or only liked more?
    </p>
    <div class="scroll">
      <table>
        <tr>
          ${columns.map((look) => html`<th>${title(look)}</th>`)}
        </tr>
        ${rows}
      </table>
    </div>`;
}

function looks(series: readonly Observation[]): Html {
  const chart = (measure: Measure, title: string, yLabel: string) =>
    chartOf(series, measure, { title, yLabel, colour: 1 });
  return html`<div class="pair">
    ${chart("kl", "KL against the start", "nats an answer")} ${chart("length", "Length", "tokens an answer")}
    ${chart("repetition", "Repetition", "share of three-word phrases said before in the answer")}
    ${chart("truncated", "Cut off", "share of answers")}
    ${chart("distinct", "Distinct word pairs", "share, over all answers together")}
    ${chart("entropy", "Entropy", "nats a token")}
  </div>`;
}

const logged = [
  ["reward", "Reward", "mean over the rollout's answers"],
  ["objective/kl", "KL against the reference", "nats an answer"],
  ["completions/mean_length", "Length", "tokens an answer"],
  ["completions/clipped_ratio", "Cut off", "share of answers"],
  ["grad_norm", "Gradient norm", "before clipping"],
  ["sampling/sampling_logp_difference/mean", "Sampler against trainer", "difference of log-probabilities"],
] as const;

function rollouts(log: RunReportInput["log"]): Html {
  const charts = logged.flatMap(([name, title, yLabel]) => {
    const own = log.flatMap((line) => {
      const [x, y] = [line["step"], line[name]];
      return typeof x === "number" && typeof y === "number" ? [{ x, y }] : [];
    });
    return own.length === 0
      ? []
      : [lineChart([{ name: title, colour: 1, points: own }], { title, yLabel, width: "half" })];
  });
  return charts.length === 0 ? html`<p>Nothing was logged yet.</p>` : html`<div class="pair">${charts}</div>`;
}
