/** The charts of reports: lines over steps, values with intervals, distributions. Plain numbers in, markup out. */
import * as Plot from "@observablehq/plot";
import { colours, draw } from "./drawing.js";
import { html, type Html } from "./html.js";
import { signed } from "./numbers.js";

/** How wide a chart is on the page: all of it, or half beside another. Text keeps its size. */
export type ChartWidth = "full" | "half";

const pixels: Readonly<Record<ChartWidth, number>> = { full: 770, half: 370 };

export interface LineSeries {
  name: string;
  /** Index of the colour. */
  colour: number;
  points: readonly { x: number; y: number }[];
  /** Dots at the points: for values that are measured now and then. */
  dots?: boolean;
}

export interface LineChartOptions {
  title: string;
  /** What the values are, and which way is better. The steps need no words. */
  yLabel: string;
  /** A horizontal line to compare with, such as chance. */
  reference?: { y: number; name: string };
  /** Default "full". */
  width?: ChartWidth;
}

/** Lines over steps, each named in the legend above. Points that are not finite are left out. */
export function lineChart(series: readonly LineSeries[], o: LineChartOptions): Html {
  const drawn = series.map((each) => ({
    ...each,
    points: each.points.filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y)),
  }));
  const marks = drawn.flatMap(({ points, colour, dots }) => {
    const stroke = colours[colour]!;
    const line = Plot.line(points, {
      x: "x",
      y: "y",
      stroke,
      strokeWidth: dots ? 2 : 1.2,
      strokeOpacity: dots ? 1 : 0.75,
    });
    return dots ? [line, Plot.dot(points, { x: "x", y: "y", fill: stroke, r: 3 })] : [line];
  });
  const reference = o.reference && [
    Plot.ruleY([o.reference.y], { stroke: "currentColor", strokeDasharray: "3 4", strokeOpacity: 0.6 }),
  ];
  const svg = draw(
    {
      width: pixels[o.width ?? "full"],
      height: 200,
      x: { label: null, tickFormat: "d" },
      y: { label: null, grid: true, nice: true },
      marks: [...(reference ?? []), ...marks],
    },
    `${o.title}: ${drawn.map(spoken).join("; ")}`,
  );
  return figure(o.title, { legend: legend(series, o.reference?.name), unit: o.yLabel, svg });
}

const spoken = ({ name, points }: LineSeries): string =>
  points.length === 0
    ? `${name} has no points`
    : `${name} from ${points[0]!.y.toPrecision(3)} to ${points.at(-1)!.y.toPrecision(3)}`;

export interface IntervalRow {
  label: string;
  value: number;
  low: number;
  high: number;
  colour: number;
}

export interface IntervalChartOptions {
  title: string;
  xLabel: string;
  /** A vertical line to compare with, such as 50%. */
  reference?: number;
  /** Default: what the values need. */
  domain?: readonly [number, number];
  percent?: boolean;
  /** Default "full". */
  width?: ChartWidth;
}

/** One value with its interval a row: a dot and a whisker, the number written beside it. */
export function intervalChart(rows: readonly IntervalRow[], o: IntervalChartOptions): Html {
  const write = (value: number): string => (o.percent ? `${Math.round(100 * value)}%` : signed(value));
  const data = rows.map((row) => ({ ...row, fill: colours[row.colour]!, text: write(row.value) }));
  const reference = o.reference === undefined ? [] : [o.reference];
  const svg = draw(
    {
      width: pixels[o.width ?? "full"],
      height: 46 + 34 * rows.length,
      marginLeft: 16 + 7 * Math.max(...rows.map(({ label }) => label.length)),
      marginRight: 30,
      x: {
        label: null,
        grid: true,
        ticks: o.width === "half" ? 4 : 8,
        ...(o.domain && { domain: [...o.domain] }),
        ...(o.percent && { percent: false, tickFormat: (value: number) => `${Math.round(100 * value)}%` }),
      },
      y: { label: null, domain: rows.map(({ label }) => label), tickSize: 0, padding: 0.2 },
      marks: [
        Plot.ruleX(reference, { stroke: "currentColor", strokeDasharray: "3 4", strokeOpacity: 0.6 }),
        Plot.link(data, {
          x1: "low",
          x2: "high",
          y1: "label",
          y2: "label",
          stroke: "fill",
          strokeWidth: 3,
          strokeOpacity: 0.55,
        }),
        Plot.dot(data, { x: "value", y: "label", fill: "fill", r: 5 }),
        Plot.text(data, {
          x: "value",
          y: "label",
          text: "text",
          dy: -12,
          fill: "currentColor",
          fontWeight: 600,
        }),
      ],
    },
    `${o.title}: ${rows.map((r) => `${r.label} ${write(r.value)}, interval ${write(r.low)} to ${write(r.high)}`).join("; ")}`,
  );
  return figure(o.title, { unit: o.xLabel, svg });
}

export interface DistributionChartOptions {
  title: string;
  xLabel: string;
  /** Width of a bar in units of x. Default 2. */
  step?: number;
}

/** Shares of values in steps of equal width, one strip a series, so that shapes can be compared by eye. */
export function distributionChart(
  series: readonly { name: string; colour: number; values: readonly number[] }[],
  o: DistributionChartOptions,
): Html {
  const step = o.step ?? 2;
  const bars = series.flatMap(({ name, colour, values }) => {
    const counts = new Map<number, number>();
    for (const value of values) {
      const bin = Math.floor(value / step);
      counts.set(bin, (counts.get(bin) ?? 0) + 1);
    }
    return [...counts].map(([bin, count]) => ({
      name,
      fill: colours[colour]!,
      from: bin * step,
      to: (bin + 1) * step,
      share: count / values.length,
    }));
  });
  const svg = draw(
    {
      width: pixels.full,
      height: 60 + 80 * series.length,
      marginLeft: 48,
      marginRight: 60,
      x: { label: null },
      y: { label: null, grid: true, ticks: 3, tickFormat: (share: number) => `${Math.round(100 * share)}%` },
      fy: { label: null, domain: series.map(({ name }) => name) },
      marks: [
        Plot.rect(bars, { x1: "from", x2: "to", y1: 0, y2: "share", fy: "name", fill: "fill", inset: 0.5 }),
        Plot.ruleY([0], { stroke: "currentColor", strokeOpacity: 0.4 }),
      ],
    },
    `${o.title}: ${series.map(({ name, values }) => `${name} ${(values.reduce((a, b) => a + b, 0) / values.length).toFixed(1)} on average`).join("; ")}`,
  );
  return figure(o.title, { unit: o.xLabel, svg });
}

function figure(title: string, o: { svg: Html; legend?: Html; unit?: string }): Html {
  return html`<figure>
    <figcaption>
      <strong>${title}</strong>${o.unit && html`<span class="unit">${o.unit}</span>`}${o.legend}
    </figcaption>
    ${o.svg}
  </figure>`;
}

function legend(series: readonly { name: string; colour: number }[], reference?: string): Html {
  return html`<span class="legend"
    >${series.map(
      ({ name, colour }) => html`<span><i class="swatch swatch-${colour + 1}"></i>${name}</span>`,
    )}${reference && html`<span><i class="swatch dashed"></i>${reference}</span>`}</span
  >`;
}
