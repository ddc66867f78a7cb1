/** How far people agree on pairs of answers: percent, and Krippendorff's alpha with an interval. Knows labels, no people. */
import {
  bootstrapInterval,
  countRatings,
  krippendorffAlpha,
  percentAgreement,
  type BootstrapOptions,
  type Interval,
} from "../stats/index.js";

export interface PairAgreement {
  /** Pairs with at least two judgements. */
  items: number;
  judgements: number;
  /** Chance that two people who saw the same pair said the same, in [0, 1]; null without such a pair. */
  agreement: number | null;
  /** 1 perfect, 0 as by chance; null where it is undefined. */
  alpha: number | null;
  /** Percentile bootstrap over pairs. */
  alphaInterval: Interval | null;
}

/** `labels[pair]`: what each of its judges said, in any order and number (`a`, `b`, `tie`). */
export function pairAgreement(
  labels: readonly (readonly string[])[],
  options: BootstrapOptions = {},
): PairAgreement {
  const { counts } = countRatings(labels);
  const { agreement, items } = percentAgreement(counts);
  return {
    items,
    judgements: labels.reduce((sum, of) => sum + of.length, 0),
    agreement,
    alpha: krippendorffAlpha(counts),
    alphaInterval: counts.length === 0 ? null : bootstrapInterval(counts, krippendorffAlpha, options),
  };
}
