/** A mean of values that come in clusters (several answers to one prompt), and how sure it is. Knows numbers only. */
import { AttuneError } from "../errors.js";
import { meanInterval, type Interval } from "../stats/index.js";

export interface ClusteredValue {
  value: number;
  /** Values of one cluster are not independent. */
  cluster: string;
}

export interface ClusteredMean extends Interval {
  mean: number;
  /** Of the mean. */
  standardError: number;
  clusters: number;
}

/**
 * Mean over all values with the standard error of a ratio of cluster totals (Cochran 1977, "Sampling techniques",
 * section 9.2): the residuals of a cluster, sum(value) - mean * count, are its one observation. With equally large clusters this
 * is the standard error of the cluster means. Student's interval. Refuses fewer than two clusters.
 */
export function clusteredMean(
  values: readonly ClusteredValue[],
  options: { level?: number } = {},
): ClusteredMean {
  const clusters = new Map<string, { sum: number; count: number }>();
  for (const { value, cluster } of values) {
    const { sum, count } = clusters.get(cluster) ?? { sum: 0, count: 0 };
    clusters.set(cluster, { sum: sum + value, count: count + 1 });
  }
  if (clusters.size < 2) {
    throw new AttuneError("usage", {
      where: "clusteredMean",
      expected: "values of at least two clusters",
      got: String(clusters.size),
    });
  }
  const mean = values.reduce((sum, { value }) => sum + value, 0) / values.length;
  const average = values.length / clusters.size;
  const residuals = [...clusters.values()].map(({ sum, count }) => (sum - mean * count) / average);
  // The residuals' own mean is zero, so their interval is the mean's, moved.
  const spread = meanInterval(residuals, options);
  return {
    mean,
    standardError: spread.deviation! / Math.sqrt(clusters.size),
    low: mean + spread.low!,
    high: mean + spread.high!,
    clusters: clusters.size,
  };
}
