/**
 * Draws intervals with Observable Plot. A file of its own, so that Plot is fetched only by the pages that show a chart. Knows numbers
 * and names.
 */
import { axisX, axisY, dot, gridX, plot, ruleX, ruleY } from "@observablehq/plot";

export interface Interval {
  name: string;
  value: number | null;
  low: number | null;
  high: number | null;
}

export interface Frame {
  /** Pixels. */
  width: number;
  from: number;
  to: number;
  /** Where nothing would be: chance, one half, the average. */
  mark?: number | undefined;
  format: (value: number) => string;
}

export function drawIntervals(intervals: readonly Interval[], frame: Frame): SVGElement {
  const { width, from, to, mark, format } = frame;
  const longest = Math.max(...intervals.map(({ name }) => name.length));
  const margin = Math.min(width * 0.42, 16 + longest * 7.4);
  const most = Math.floor((margin - 16) / 7.4);
  const ticks = width < 480 ? 2 : 5;
  const known = intervals.filter(({ value }) => value !== null);
  const spans = known.filter(({ low, high }) => low !== null && high !== null);
  const drawing = plot({
    width,
    height: 34 * intervals.length + 34,
    marginLeft: margin,
    marginRight: 18,
    marginTop: 6,
    marginBottom: 28,
    style: { background: "none", fontFamily: "inherit", fontSize: "13px", overflow: "visible" },
    x: { domain: [from, to], label: null },
    y: { domain: intervals.map(({ name }) => name), label: null },
    marks: [
      gridX({ stroke: "var(--line)", strokeOpacity: 1, ticks }),
      axisX({ ticks, tickSize: 0, tickFormat: (value: number) => format(value), fill: "var(--muted)" }),
      axisY({
        tickSize: 0,
        fill: "var(--text)",
        tickFormat: (name: string) => (name.length > most ? `${name.slice(0, most - 1)}…` : name),
      }),
      ...(mark === undefined ? [] : [ruleX([mark], { stroke: "var(--control)", strokeDasharray: "4 3" })]),
      ruleY(spans, {
        x1: ({ low }: Interval) => Math.max(from, low!),
        x2: ({ high }: Interval) => Math.min(to, high!),
        y: "name",
        stroke: "var(--accent)",
        strokeOpacity: 0.45,
        strokeWidth: 7,
        strokeLinecap: "round",
      }),
      dot(known, { x: "value", y: "name", r: 5, fill: "var(--accent)", stroke: "var(--card)" }),
    ],
  }) as SVGElement;
  // Plot writes rules of its own into every drawing; the page's policy allows none, and style/charts.css has what is needed.
  for (const style of drawing.querySelectorAll("style")) style.remove();
  // What it shows stands beside it in words; the labels of its parts would only repeat the library's names.
  drawing.setAttribute("aria-hidden", "true");
  return drawing;
}
