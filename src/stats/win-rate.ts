/** The paired win rate of one system over another. Knows who won each comparison, not why. */
import { AttuneError } from "../errors.js";
import { bootstrapInterval, type BootstrapOptions } from "./bootstrap.js";

export interface Comparison {
  /** 1 won, 0 lost, 0.5 tied. */
  outcome: number;
  /** Comparisons of one cluster (a prompt) are resampled together, since they are not independent. */
  cluster: string;
}

export interface WinRate {
  /** (wins + ties / 2) / comparisons. */
  winRate: number;
  low: number;
  high: number;
  wins: number;
  losses: number;
  ties: number;
  clusters: number;
}

/** Scores as outcomes: the larger wins, and a difference within `tieWithin` (default 0) is a tie. */
export function compareScores(
  ours: number,
  theirs: number,
  { tieWithin = 0 }: { tieWithin?: number } = {},
): number {
  return Math.abs(ours - theirs) <= tieWithin ? 0.5 : ours > theirs ? 1 : 0;
}

/**
 * Win rate with ties as half, and a percentile interval from a bootstrap over clusters: clusters are drawn with
 * replacement and the rate is taken over all their comparisons. When every cluster falls the same way the bootstrap
 * interval has no width; use Wilson's over the clusters then. Refuses an empty list.
 */
export function winRate(comparisons: readonly Comparison[], options: BootstrapOptions = {}): WinRate {
  if (comparisons.length === 0) {
    throw new AttuneError("usage", { where: "winRate", expected: "at least one comparison", got: "none" });
  }
  const byCluster = new Map<string, { sum: number; count: number }>();
  for (const [index, { outcome, cluster }] of comparisons.entries()) {
    if (outcome !== 0 && outcome !== 0.5 && outcome !== 1) {
      throw new AttuneError("usage", {
        where: `winRate: comparison ${index}`,
        expected: "outcome 0, 0.5 or 1",
        got: String(outcome),
      });
    }
    const known = byCluster.get(cluster) ?? { sum: 0, count: 0 };
    byCluster.set(cluster, { sum: known.sum + outcome, count: known.count + 1 });
  }
  const clusters = [...byCluster.values()];
  const rateOf = (sample: readonly { sum: number; count: number }[]) =>
    sample.reduce((sum, cluster) => sum + cluster.sum, 0) /
    sample.reduce((sum, cluster) => sum + cluster.count, 0);
  const interval = bootstrapInterval(clusters, rateOf, options)!;
  const countOf = (outcome: number) =>
    comparisons.filter((comparison) => comparison.outcome === outcome).length;
  return {
    winRate: rateOf(clusters),
    low: interval.low,
    high: interval.high,
    wins: countOf(1),
    losses: countOf(0),
    ties: countOf(0.5),
    clusters: clusters.length,
  };
}
