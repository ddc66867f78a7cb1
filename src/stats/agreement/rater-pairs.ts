/** Every two raters side by side, and each rater against the rest. Knows coded ratings. */
import { cohenKappa } from "./cohen-kappa.js";
import { checkCodes } from "./conger-kappa.js";
import type { Coefficient } from "./corrected.js";
import { checkRepeats, type WeightedCountOptions } from "./units.js";

export interface RaterPair extends Coefficient {
  first: number;
  second: number;
  /** Items by category of the first and of the second: what `cohenKappa` takes, and what `GROUP BY` gives. */
  table: number[][];
}

/**
 * The tables and Cohen's kappas of all pairs of raters who share an item. `codes[item][rater]` from `codeRatings`; `repeats` as
 * elsewhere.
 */
export function raterPairs(
  codes: readonly (readonly (number | null)[])[],
  { categories, repeats, weights }: WeightedCountOptions & { categories: number },
): RaterPair[] {
  checkCodes("raterPairs", codes, { categories });
  const times = checkRepeats("raterPairs", codes, repeats);
  const tables = new Map<string, { first: number; second: number; table: number[][] }>();
  for (const [item, row] of codes.entries()) {
    const present = row.flatMap((code, rater) =>
      code === null || times[item] === 0 ? [] : [{ code, rater }],
    );
    for (const [place, { code, rater }] of present.entries()) {
      for (const other of present.slice(place + 1)) {
        const key = `${rater} ${other.rater}`;
        const known = tables.get(key) ?? {
          first: rater,
          second: other.rater,
          table: Array.from({ length: categories }, () => new Array<number>(categories).fill(0)),
        };
        known.table[code]![other.code]! += times[item]!;
        tables.set(key, known);
      }
    }
  }
  return [...tables.values()]
    .sort((a, b) => a.first - b.first || a.second - b.second)
    .map((pair) => ({ ...pair, ...cohenKappa(pair.table, { weights }) }));
}

/**
 * Each rater's agreement with all others, from the pairs: the share of shared judgements that were the same. `agreement` is null for
 * who shares no item. `raters` is how many there are.
 */
export function raterAgreement(
  pairs: readonly Pick<RaterPair, "first" | "second" | "table">[],
  { raters }: { raters: number },
): { agreement: number | null; shared: number }[] {
  const sums = Array.from({ length: raters }, () => ({ same: 0, shared: 0 }));
  for (const { first, second, table } of pairs) {
    const shared = table.flat().reduce((a, b) => a + b, 0);
    const same = table.reduce((total, row, k) => total + row[k]!, 0);
    for (const rater of [first, second]) {
      sums[rater]!.shared += shared;
      sums[rater]!.same += same;
    }
  }
  return sums.map(({ same, shared }) => ({ agreement: shared === 0 ? null : same / shared, shared }));
}
