/** Bootstrap of anything fitted to counted comparisons, vote by vote. Knows counts, no model. */
import { AttuneError } from "../../errors.js";
import { createRandom } from "../../util/random.js";
import { quantile, type BootstrapOptions } from "../bootstrap.js";
import { checkLevel } from "../checks.js";
import { drawMultinomial } from "../draws.js";
import { checkPairs, type PairCount } from "./pairs.js";

export interface BootstrapFit {
  low: number[];
  high: number[];
  /** Standard deviation over resamples. */
  deviations: number[];
  /** Resamples that could be fitted; the others, where a player never won or lost, are left out and make intervals too short. */
  fitted: number;
  resamples: number;
}

/**
 * Draws as many votes as there are from the cells (pair, outcome), as FastChat does, and fits each draw: percentile intervals
 * of every number that `fit` returns. `fit` may throw or return null on a draw that cannot be fitted. Whole counts only. Votes are
 * taken as independent: where people or prompts repeat, resample those with `bootstrapInterval`. `resamples` default 1000.
 */
export function bootstrapPairs(
  pairs: readonly PairCount[],
  fit: (pairs: readonly PairCount[]) => readonly number[] | null,
  { level = 0.95, resamples = 1000, seed = 0 }: BootstrapOptions = {},
): BootstrapFit | null {
  checkPairs("bootstrapPairs", pairs);
  checkLevel("bootstrapPairs", level);
  const cells = pairs.flatMap(({ firstWins, secondWins, ties = 0 }) => [firstWins, ties, secondWins]);
  if (cells.some((count) => !Number.isSafeInteger(count)) || !(resamples >= 1)) {
    throw new AttuneError("usage", {
      where: "bootstrapPairs",
      expected: "whole counts and at least one resample",
      got: `${JSON.stringify(cells.find((count) => !Number.isSafeInteger(count)) ?? "whole counts")}, ${resamples} resamples`,
    });
  }
  const votes = cells.reduce((a, b) => a + b, 0);
  const rounds = votes > 0 ? resamples : 0;
  const used = cells.flatMap((count, cell) => (count > 0 ? [cell] : []));
  const shares = used.map((cell) => cells[cell]! / votes);
  const random = createRandom(seed, { stream: "bootstrap-pairs" });
  const values: (readonly number[])[] = [];
  for (let round = 0; round < rounds; round++) {
    const drawn = new Array<number>(cells.length).fill(0);
    for (const [place, count] of drawMultinomial(random, votes, shares).entries())
      drawn[used[place]!] = count;
    const sample = pairs.map((pair, index) => ({
      ...pair,
      firstWins: drawn[3 * index]!,
      ties: drawn[3 * index + 1]!,
      secondWins: drawn[3 * index + 2]!,
    }));
    const value = tryFit(() => fit(sample));
    if (value !== null && value.every(Number.isFinite)) values.push(value);
  }
  if (values.length === 0) return null;
  const columns = values[0]!.map((_, k) => values.map((row) => row[k]!).sort((a, b) => a - b));
  return {
    low: columns.map((column) => quantile(column, (1 - level) / 2)),
    high: columns.map((column) => quantile(column, (1 + level) / 2)),
    deviations: columns.map((column) => {
      const mean = column.reduce((a, b) => a + b, 0) / column.length;
      return Math.sqrt(
        column.reduce((total, value) => total + (value - mean) ** 2, 0) / Math.max(1, column.length - 1),
      );
    }),
    fitted: values.length,
    resamples,
  };
}

/** A draw in which results no longer tie all players together is expected, and the fits say so with `data` or `numeric`. */
function tryFit(fit: () => readonly number[] | null): readonly number[] | null {
  try {
    return fit();
  } catch (error) {
    if (error instanceof AttuneError && (error.code === "data" || error.code === "numeric")) return null;
    throw error;
  }
}
