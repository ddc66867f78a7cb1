/** Curves over a measured x (a distance, not steps): points with intervals, lines through them, marks. Numbers in, markup out. */
import * as Plot from "@observablehq/plot";
import { colours, draw } from "./drawing.js";
import { html, type Html, trusted } from "./html.js";

export interface CurvePoint {
  readonly x: number;
  readonly y: number;
  /** Of y. */
  readonly low?: number;
  readonly high?: number;
  /** Written beside the point. */
  readonly label?: string;
}

export interface CurveSeries {
  readonly name: string;
  /** Index of the colour; they begin again after the last. */
  readonly colour: number;
  readonly points: readonly CurvePoint[];
  /** Default: both. */
  readonly show?: "line" | "points" | "both";
  readonly dashed?: boolean;
}

export interface CurveChartOptions {
  title: string;
  xLabel: string;
  yLabel: string;
  /** Vertical lines with a word each, such as where a run was stopped. */
  marks?: readonly { x: number; label: string }[];
  /** Pixels. Default 360. */
  height?: number;
}

const width = 770;
const defaultHeight = 360;

/** The drawing alone, `<svg>`. Points that are not finite are left out. */
export function curveDrawing(series: readonly CurveSeries[], o: CurveChartOptions): Html {
  const marks = series.flatMap(({ points, colour, show = "both", dashed }) => {
    const stroke = colours[colour % colours.length]!;
    const real = points.filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y));
    const whiskers = real.filter(({ low, high }) => Number.isFinite(low) && Number.isFinite(high));
    return [
      ...(show === "points"
        ? []
        : [
            Plot.line(real, {
              x: "x",
              y: "y",
              stroke,
              strokeWidth: 2,
              ...(dashed && { strokeDasharray: "5 4" }),
            }),
          ]),
      ...(show === "line"
        ? []
        : [
            Plot.ruleX(whiskers, { x: "x", y1: "low", y2: "high", stroke, strokeOpacity: 0.5 }),
            Plot.dot(real, { x: "x", y: "y", fill: stroke, r: 3 }),
          ]),
      Plot.text(
        real.filter(({ label }) => label !== undefined),
        { x: "x", y: "y", text: "label", dy: -9, fill: stroke, fontSize: 11 },
      ),
    ];
  });
  const lines = o.marks ?? [];
  return draw(
    {
      width,
      height: o.height ?? defaultHeight,
      marginTop: 30,
      marginBottom: 40,
      x: { label: o.xLabel, nice: true },
      y: { label: o.yLabel, grid: true, nice: true },
      marks: [
        Plot.ruleX(lines, { x: "x", stroke: "currentColor", strokeDasharray: "3 4", strokeOpacity: 0.6 }),
        ...marks,
        Plot.text(lines, {
          x: "x",
          text: "label",
          frameAnchor: "top",
          dy: -12,
          fill: "currentColor",
          fontSize: 11,
        }),
      ],
    },
    `${o.title}: ${series.map(({ name, points }) => `${name}, ${points.length} points`).join("; ")}`,
  );
}

/** The drawing in a figure with title and legend, for a report's page. */
export function curveChart(series: readonly CurveSeries[], o: CurveChartOptions): Html {
  return html`<figure>
    <figcaption>
      <strong>${o.title}</strong
      ><span class="legend"
        >${series.map(
          ({ name, colour, dashed }) =>
            html`<span
              ><i class="swatch ${dashed ? "dashed" : trusted(`swatch-${(colour % colours.length) + 1}`)}"></i
              >${name}</span
            >`,
        )}</span
      >
    </figcaption>
    ${curveDrawing(series, o)}
  </figure>`;
}

/** The colours of a light page: a picture that stands alone has no style sheet. */
const light = ["#8a8f98", "#2f6fd0", "#d9622b", "#0b8a63"];

/** The drawing as an SVG file of its own, legend included, on white. */
export function curveFile(series: readonly CurveSeries[], o: CurveChartOptions): string {
  const drawing = curveDrawing(series, o).markup;
  const height = o.height ?? defaultHeight;
  const head = 24 + 18 * series.length;
  const legend = series.map(({ name, colour, dashed }, i) => {
    const y = 36 + 18 * i;
    const stroke = light[colour % light.length]!;
    return html`<line
        x1="20"
        x2="44"
        y1="${y - 4}"
        y2="${y - 4}"
        stroke="${stroke}"
        stroke-width="2"
        stroke-dasharray="${dashed ? "5 4" : "none"}"
      /><text x="52" y="${y}" font-size="12" fill="#1f2328">${name}</text>`;
  });
  const inner = drawing
    .replace(/var\(--series-(\d)\)/g, (_, n: string) => light[Number(n) - 1]!)
    .replaceAll("var(--plot-background)", "#ffffff")
    .replace("<svg ", `<svg y="${head}" color="#1f2328" `);
  return html`<svg
    xmlns="http://www.w3.org/2000/svg"
    xmlns:xlink="http://www.w3.org/1999/xlink"
    width="${width}"
    height="${height + head}"
    viewBox="0 0 ${width} ${height + head}"
    font-family="system-ui, sans-serif"
  >
    <rect width="100%" height="100%" fill="#ffffff" />
    <text x="20" y="18" font-size="14" font-weight="600" fill="#1f2328">${o.title}</text>
    ${legend} ${trusted(inner)}
  </svg> `.markup;
}
