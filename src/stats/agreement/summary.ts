/** What an agreement page shows of one question: several coefficients with intervals, from counts alone. Knows no people. */
import type { BootstrapOptions } from "../bootstrap.js";
import { bootstrapAll, type CountStatistic } from "../resampling.js";
import type { Interval } from "../wilson.js";
import { fleissKappa } from "./fleiss-kappa.js";
import { gwetAC } from "./gwet-ac.js";
import { krippendorffAlpha } from "./krippendorff-alpha.js";
import { percentAgreement } from "./percent-agreement.js";
import { groupCounts, type CountOptions } from "./units.js";

export interface WithInterval {
  /** Null where undefined. */
  value: number | null;
  /** Percentile bootstrap over items; null where undefined. */
  interval: Interval | null;
}

export interface AgreementSummary {
  /** Items with a label, items with at least two, labels in all. */
  items: number;
  paired: number;
  judgements: number;
  percent: WithInterval;
  alphaNominal: WithInterval;
  /** Null unless `ordered`. */
  alphaOrdinal: WithInterval | null;
  kappa: WithInterval;
  ac1: WithInterval;
}

export interface SummaryOptions extends CountOptions, BootstrapOptions {
  /** Whether the columns are a scale (A much ... tie ... B much) for ordinal alpha; default false. */
  ordered?: boolean;
}

/**
 * Percent agreement, alpha, Fleiss' kappa and AC1 together, since any one alone misleads when a category is rare (Feinstein and
 * Cicchetti 1990). Time depends on the number of different rows, not of items: a million judgements by three people into seven
 * categories are at most 119 rows. `resamples` default 1000.
 */
export function agreementSummary(
  counts: readonly (readonly number[])[],
  { ordered = false, repeats, resamples = 1000, ...bootstrap }: SummaryOptions = {},
): AgreementSummary {
  const grouped = groupCounts(counts, { repeats });
  const statistics: Readonly<Record<string, CountStatistic>> = {
    percent: (rows, o) => percentAgreement(rows, o).agreement,
    alphaNominal: (rows, o) => krippendorffAlpha(rows, o),
    ...(ordered && { alphaOrdinal: (rows, o) => krippendorffAlpha(rows, { ...o, metric: "ordinal" }) }),
    kappa: (rows, o) => fleissKappa(rows, o).value,
    ac1: (rows, o) => gwetAC(rows, o).value,
  };
  const intervals = bootstrapAll(grouped.counts, statistics, {
    ...bootstrap,
    resamples,
    repeats: grouped.repeats,
  });
  const withInterval = (name: string): WithInterval => ({
    value: statistics[name]!(grouped.counts, { repeats: grouped.repeats }),
    interval: intervals[name]!,
  });
  const total = (of: (labels: number) => number) =>
    grouped.counts.reduce(
      (sum, row, place) => sum + grouped.repeats[place]! * of(row.reduce((a, b) => a + b, 0)),
      0,
    );
  return {
    items: total((labels) => (labels > 0 ? 1 : 0)),
    paired: total((labels) => (labels > 1 ? 1 : 0)),
    judgements: total((labels) => labels),
    percent: withInterval("percent"),
    alphaNominal: withInterval("alphaNominal"),
    alphaOrdinal: ordered ? withInterval("alphaOrdinal") : null,
    kappa: withInterval("kappa"),
    ac1: withInterval("ac1"),
  };
}
