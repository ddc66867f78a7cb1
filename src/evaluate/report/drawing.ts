/**
 * Draws with Observable Plot in Node: a document of linkedom stands in for the browser's. Gives markup with colours as CSS
 * variables, so that one drawing serves light and dark pages. Knows no chart.
 */
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { escapeHtml, trusted, type Html } from "./html.js";

/** Colours by role; `page.ts` gives each its value in light and in dark. */
export const colours = ["var(--series-1)", "var(--series-2)", "var(--series-3)", "var(--series-4)"] as const;

/** One drawing. `label` says in words what is seen, for those who cannot see it. */
export function draw(options: Plot.PlotOptions, label: string): Html {
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  const drawing = Plot.plot({
    marginLeft: 48,
    style: { fontFamily: "inherit", fontSize: "12px", overflow: "visible" },
    ...options,
    document: document as NonNullable<Plot.PlotOptions["document"]>,
  });
  const markup = drawing.outerHTML
    // Plot writes its own rules into every drawing; the page has them once, and its policy allows no others.
    .replace(/<style>[\s\S]*?<\/style>/g, "")
    .replace("<svg ", `<svg role="img" aria-label="${escapeHtml(label)}" `);
  return trusted(markup);
}
