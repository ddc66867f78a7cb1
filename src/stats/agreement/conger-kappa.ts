/** Conger's kappa: Cohen's kappa for more than two raters who are told apart. Knows codes only. */
import { AttuneError } from "../../errors.js";
import { correctForChance, type Coefficient } from "./corrected.js";
import { checkRepeats, readUnits, type Unit, type WeightedCountOptions } from "./units.js";

/**
 * (P_a - P_e) / (1 - P_e), P_e = mean over pairs of different raters g, h of Σ_kl w_kl p_gk p_hl, where p_g are rater g's own shares
 * (Conger 1980). Each rater keeps a private habit of using categories, as in Cohen's kappa, which this is for two raters and no
 * gaps. With gaps p_g is over the items that g rated (Gwet 2014). Raters who rated nothing are left out; null for fewer than two.
 *
 * `codes[item][rater]`: place of the category (0 to `categories` - 1) or null, from `codeRatings`. `repeats` as elsewhere: how
 * many items each row stands for.
 */
export function congerKappa(
  codes: readonly (readonly (number | null)[])[],
  { categories, repeats, weights }: WeightedCountOptions & { categories: number },
): Coefficient {
  const times = checkRepeats("congerKappa", codes, repeats);
  checkCodes("congerKappa", codes, { categories });
  const counts = codes.map((row) => countRow(row, categories));
  const units = readUnits("congerKappa", counts, { repeats, weights });
  const raters = codes[0]?.length ?? 0;
  const habits = Array.from({ length: raters }, () => ({
    total: 0,
    shares: new Array<number>(categories).fill(0),
  }));
  for (const [item, row] of codes.entries()) {
    for (const [rater, code] of row.entries()) {
      if (code === null) continue;
      habits[rater]!.total += times[item]!;
      habits[rater]!.shares[code]! += times[item]!;
    }
  }
  const active = habits.map(({ total }) => total > 0);
  const busy = active.filter(Boolean).length;
  if (busy < 2) {
    return {
      value: null,
      observed: units.observed,
      expected: null,
      standardError: null,
      items: units.paired,
    };
  }
  for (const habit of habits) {
    if (habit.total > 0) habit.shares = habit.shares.map((count) => count / habit.total);
  }
  const pooled = Array.from({ length: categories }, (_, k) =>
    habits.reduce((total, { shares }) => total + shares[k]!, 0),
  );
  // toOthers[g][k]: how well category k agrees, on average, with what the raters other than g say.
  const w = units.weights;
  const toOthers = habits.map(({ shares }) =>
    shares.map((_, k) =>
      pooled.reduce((total, all, l) => total + ((w[k]![l]! + w[l]![k]!) / 2) * (all - shares[l]!), 0),
    ),
  );
  const average = habits.map(({ shares }, g) =>
    shares.reduce((total, share, k) => total + share * toOthers[g]![k]!, 0),
  );
  const pairs = busy * (busy - 1);
  const expected = average.reduce((a, b) => a + b, 0) / pairs;
  // What an item adds to P_e: through every rater who labelled it, by how far that label is from the rater's average.
  const rowOf = new Map<readonly number[], number>(counts.map((row, item) => [row, item]));
  const chanceOf = (unit: Unit): number =>
    codes[rowOf.get(unit.counts)!]!.reduce<number>((total, code, g) => {
      if (code === null) return total;
      return total + ((units.items / habits[g]!.total) * (toOthers[g]![code]! - average[g]!)) / pairs;
    }, expected);
  return correctForChance(units, expected, chanceOf);
}

export function countRow(row: readonly (number | null)[], categories: number): number[] {
  const counts = new Array<number>(categories).fill(0);
  for (const code of row) if (code !== null) counts[code]!++;
  return counts;
}

/** Rows of equal length, each entry null or a place among the categories. */
export function checkCodes(
  where: string,
  codes: readonly (readonly (number | null)[])[],
  { categories }: { categories: number },
): void {
  const raters = codes[0]?.length ?? 0;
  for (const [item, row] of codes.entries()) {
    const wrong = row.find(
      (code) => code !== null && !(Number.isSafeInteger(code) && code >= 0 && code < categories),
    );
    if (row.length !== raters || wrong !== undefined) {
      throw new AttuneError("usage", {
        where: `${where}: item ${item}`,
        expected: `${raters} codes, each null or a whole number from 0 to ${categories - 1}`,
        got: wrong === undefined ? `${row.length} codes` : String(wrong),
      });
    }
  }
}
