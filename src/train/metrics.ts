/** Adds up metrics over micro-batches and steps: totals over real rows or tokens, divided once at the end. */
import { finishMetrics, type LossResult, type MetricNumbers } from "../losses/index.js";

/** Totals of micro-batches, and which metrics are differences of others. */
export interface MetricSums {
  batches: Record<string, MetricNumbers>[];
  differences: NonNullable<LossResult["metricDifferences"]>;
}

export const emptySums = (): MetricSums => ({ batches: [], differences: {} });

/** Adds `other` to `into`. */
export function addSums(into: MetricSums, other: MetricSums): void {
  into.batches.push(...other.batches);
  into.differences = { ...into.differences, ...other.differences };
}

/** Plain numbers by TRL's names; a metric without any real row is left out. */
export const metricValues = ({ batches, differences }: MetricSums): Record<string, number> =>
  finishMetrics(batches, differences);
