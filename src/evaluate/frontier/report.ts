/** A frontier as a picture and a page. Knows points, not where they came from. */
import { curveChart, type CurveChartOptions, curveFile, type CurveSeries } from "../report/curve-chart.js";
import { html, type Html } from "../report/html.js";
import { signed } from "../report/numbers.js";
import { renderPage } from "../report/page.js";
import { type FrontierPoint, type Measured, undominated } from "./point.js";

/** One curve a method, along its betas. */
function seriesOf(points: readonly FrontierPoint[]): CurveSeries[] {
  const methods = [...new Set(points.map(({ method }) => method))];
  return methods.map((name, colour) => ({
    name,
    colour,
    // Colours come back after the fourth method; the line then is another.
    dashed: colour >= 4,
    points: points
      .filter(({ method }) => method === name)
      .sort((a, b) => a.kl.mean - b.kl.mean)
      .map(({ kl, reward, beta }) => ({
        x: kl.mean,
        y: reward.mean,
        low: reward.mean - 2 * reward.standardError,
        high: reward.mean + 2 * reward.standardError,
        ...(beta !== null && { label: String(beta) }),
      })),
  }));
}

const chart: CurveChartOptions = {
  title: "Reward against KL",
  xLabel: "KL against the start, nats an answer →",
  yLabel: "↑ reward (2 standard errors)",
};

/** An SVG file of its own. */
export const frontierSvg = (points: readonly FrontierPoint[]): string => curveFile(seriesOf(points), chart);

/** One HTML file: the picture, the table, how it was measured. */
export function renderFrontier(
  points: readonly FrontierPoint[],
  { about }: { about: readonly string[] },
): string {
  const best = undominated(points);
  const top = best.at(-1)!;
  return renderPage({
    title: "Frontier of reward and KL",
    headline: `Most reward: ${nameOf(top)}, ${signed(top.reward.mean)} at ${signed(top.kl.mean)} nats`,
    summary: html`<p class="lead">
      Numbers beside points are betas (n for best of n). A point above and to the left of another is better:
      more reward for less distance from the start. The reward is a model's, so more of it is not always more
      of what is wanted.
    </p>`,
    sections: [
      {
        id: "curve",
        title: "Reward against KL",
        body: html`${curveChart(seriesOf(points), chart)}${tableOf(points, best)}`,
      },
      {
        id: "how",
        title: "How it was measured",
        body: html`<ul>
          ${about.map((line) => html`<li>${line}</li>`)}
        </ul>`,
      },
    ],
    footer: html`<p>Bold rows: no other has both more reward and less KL.</p>`,
  });
}

const nameOf = ({ method, beta }: FrontierPoint): string => (beta === null ? method : `${method} at ${beta}`);

const withError = ({ mean, standardError }: Measured): string =>
  `${signed(mean)} ± ${signed(2 * standardError)}`;

function tableOf(points: readonly FrontierPoint[], best: readonly FrontierPoint[]): Html {
  const rows = points.map((point) => {
    const name = nameOf(point);
    return html`<tr>
      <td>${best.includes(point) ? html`<strong>${name}</strong>` : name}</td>
      <td class="number">${point.bound ? `at most ${signed(point.kl.mean)}` : withError(point.kl)}</td>
      <td class="number">${withError(point.reward)}</td>
      <td class="number">${point.length?.mean.toFixed(1)}</td>
      <td class="number">${point.finished && `${Math.round(100 * point.finished.mean)}%`}</td>
      <td class="number">${point.seconds.toFixed(0)} s</td>
    </tr>`;
  });
  return html`<div class="scroll">
    <table>
      <thead>
        <tr>
          <th>method</th>
          <th class="number">KL, nats</th>
          <th class="number">reward</th>
          <th class="number">tokens</th>
          <th class="number">ended</th>
          <th class="number">trained</th>
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`;
}
