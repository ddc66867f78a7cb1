/** Cycles of preference: A over B over C over A. Knows who beat whom how often, no strengths. */
import { binomialTest } from "../binomial-test.js";
import { comparisonGroups } from "./comparison-groups.js";
import { checkPairs, type PairCount } from "./pairs.js";

export interface Cycle {
  /** a beat b, b beat c, c beat a (by majority). */
  players: [number, number, number];
  /** The closest of its three majorities, in (0.5, 1]. */
  weakest: number;
  /**
   * Largest p of the three sign tests: below 0.05 the cycle is unlikely to be noise in any one of them. Null where a count is not whole.
   */
  p: number | null;
}

export interface Intransitivity {
  /** Triples of which every two were decided by a majority. */
  triples: number;
  circular: number;
  /** circular / triples; a quarter when all is chance, 0 for a perfect order; null without triples. */
  share: number | null;
  /**
   * Kendall and Babington Smith's coefficient of consistency ζ (1940), 1 - d / the most cycles there could be; null unless every pair
   * was decided.
   */
  consistency: number | null;
  /** The strongest cycles first (by `weakest`), at most `limit`. */
  cycles: Cycle[];
  /** Players in cycles with each other, best group first: singletons are in order, larger groups are not. */
  groups: number[][];
}

/**
 * Counts circular triads in the graph of majorities; a pair with equal wins is undecided, ties do not count. `limit` of cycles
 * listed, default 20. For one annotator pass that annotator's judgements. Time grows with players³.
 */
export function intransitivity(
  pairs: readonly PairCount[],
  { players: given, limit = 20 }: { players?: number; limit?: number } = {},
): Intransitivity {
  const { players } = checkPairs("intransitivity", pairs, { players: given });
  const wins = Array.from({ length: players }, () => new Map<number, number>());
  const add = (by: number, over: number, count: number) =>
    wins[by]!.set(over, (wins[by]!.get(over) ?? 0) + count);
  for (const { first, second, firstWins, secondWins } of pairs) {
    add(first, second, firstWins);
    add(second, first, secondWins);
  }
  const count = (by: number, over: number) => wins[by]!.get(over) ?? 0;
  // 1, -1 or 0 for undecided or never compared.
  const majority = Array.from({ length: players }, (_, i) =>
    Int8Array.from({ length: players }, (__, j) => Math.sign(count(i, j) - count(j, i))),
  );
  let triples = 0;
  const found: Cycle[] = [];
  let circular = 0;
  for (let i = 0; i < players; i++) {
    for (let j = i + 1; j < players; j++) {
      const ij = majority[i]![j]!;
      if (ij === 0) continue;
      for (let k = j + 1; k < players; k++) {
        const jk = majority[j]![k]!;
        const ki = majority[k]![i]!;
        if (jk === 0 || ki === 0) continue;
        triples++;
        if (ij !== jk || jk !== ki) continue;
        circular++;
        const cycle: [number, number, number] = ij > 0 ? [i, j, k] : [i, k, j];
        found.push(describeCycle(cycle, count));
        // Keeps the list short where cycles are many.
        if (found.length > 4 * limit + 100) keepStrongest(found, limit);
      }
    }
  }
  keepStrongest(found, limit);
  const decided = majority.every((row, i) => row.every((sign, j) => i === j || sign !== 0));
  const most = (players ** 3 - (players % 2 === 1 ? players : 4 * players)) / 24;
  const majorities = pairs.map(({ first, second }) => {
    const sign = majority[first]![second]!;
    return { first, second, firstWins: Math.max(0, sign), secondWins: Math.max(0, -sign) };
  });
  return {
    triples,
    circular,
    share: triples === 0 ? null : circular / triples,
    consistency: decided && most > 0 ? 1 - circular / most : null,
    cycles: found,
    groups: comparisonGroups(majorities, { players }).groups,
  };
}

function describeCycle(
  players: [number, number, number],
  count: (by: number, over: number) => number,
): Cycle {
  const [a, b, c] = players;
  const edges = [
    [a, b],
    [b, c],
    [c, a],
  ] as const;
  const shares = edges.map(([by, over]) => count(by, over) / (count(by, over) + count(over, by)));
  const whole = edges.every(
    ([by, over]) => Number.isSafeInteger(count(by, over)) && Number.isSafeInteger(count(over, by)),
  );
  const p = whole
    ? Math.max(...edges.map(([by, over]) => binomialTest(count(by, over), count(by, over) + count(over, by))))
    : null;
  return { players, weakest: Math.min(...shares), p };
}

function keepStrongest(cycles: Cycle[], limit: number): void {
  cycles.sort((a, b) => b.weakest - a.weakest);
  cycles.length = Math.min(cycles.length, limit);
}
