/** What active choice of items does to the numbers of the agreement page, and what they are without it. Knows no query. */
import { selectedMean } from "../stats/index.js";
import type { WeightedItem } from "../store/index.js";

const percent = (value: number): string => `${(100 * Math.min(1, Math.max(0, value))).toFixed(0)}%`;

/** Ties: how often people find no difference is what active choice raises most. */
export function activeWords(draws: readonly WeightedItem[]): string[] {
  if (draws.length < 2) return [];
  const ties = draws.map(({ tally }) => {
    const all = Object.values(tally).reduce((sum, n) => sum + n, 0);
    return ((tally["tie"] ?? 0) + (tally["both_bad"] ?? 0)) / all;
  });
  const differ = draws.map(({ tally }) => {
    const counts = Object.values(tally);
    const all = counts.reduce((sum, n) => sum + n, 0);
    return all < 2 ? undefined : 1 - counts.reduce((sum, n) => sum + n * (n - 1), 0) / (all * (all - 1));
  });
  const sentence = (what: string, values: readonly (number | undefined)[]): string[] => {
    const known = values.flatMap((value, k) =>
      value === undefined ? [] : [{ value, weight: draws[k]!.weight }],
    );
    if (known.length < 2) return [];
    const plain = known.reduce((sum, { value }) => sum + value, 0) / known.length;
    const { mean, low, high } = selectedMean(
      known.map(({ value }) => value),
      known.map(({ weight }) => weight),
    );
    return [
      `${what}: ${percent(plain)} on these items, an estimated ${percent(mean)} (${percent(low!)} to ${percent(high!)}) on all.`,
    ];
  };
  return [
    "Items were chosen for how unsure the reward model is of them, so the numbers above are of the harder ones. Weighted by the chance that each item had:",
    ...sentence("Ties", ties),
    ...sentence("Two people differ", differ),
  ];
}
