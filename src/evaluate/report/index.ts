/** Reports as one HTML file: escaping, charts drawn in Node, and the page around them. Content is the caller's. */
export {
  type ChartWidth,
  distributionChart,
  type DistributionChartOptions,
  intervalChart,
  type IntervalChartOptions,
  type IntervalRow,
  lineChart,
  type LineChartOptions,
  type LineSeries,
} from "./charts.js";
export {
  curveChart,
  type CurveChartOptions,
  curveDrawing,
  curveFile,
  type CurvePoint,
  type CurveSeries,
} from "./curve-chart.js";
export { escapeHtml, html, type Html, type HtmlValue, trusted } from "./html.js";
export { numberWithInterval, percent, percentWithInterval, signed } from "./numbers.js";
export { renderPage, type ReportPage, type ReportSection } from "./page.js";
