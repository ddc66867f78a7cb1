/** Counted comparisons of two players at a time: what every paired-comparison model here takes. Knows no model. */
import { AttuneError } from "../../errors.js";

export interface PairCount {
  /** Place of the player shown first (left, at home), from 0. */
  first: number;
  second: number;
  /**
   * How often each won and how often neither did, >= 0. Need not be whole: votes may be weighted, as by the inverse of the
   * probability with which the pair was chosen.
   */
  firstWins: number;
  secondWins: number;
  /** Default 0. */
  ties?: number;
  /** Covariates of this comparison, first minus second: length, number of lists... The same number of them in every pair. */
  features?: readonly number[];
}

/** Refuses what is no list of comparisons; says how many players and features there are. */
export function checkPairs(
  where: string,
  pairs: readonly PairCount[],
  { players }: { players?: number | undefined } = {},
): { players: number; features: number } {
  const features = pairs[0]?.features?.length ?? 0;
  let highest = -1;
  for (const [
    index,
    { first, second, firstWins, secondWins, ties = 0, features: own = [] },
  ] of pairs.entries()) {
    const sound =
      [first, second].every((place) => Number.isSafeInteger(place) && place >= 0) &&
      first !== second &&
      [firstWins, secondWins, ties].every((count) => Number.isFinite(count) && count >= 0) &&
      own.length === features &&
      own.every(Number.isFinite);
    if (!sound || (players !== undefined && Math.max(first, second) >= players)) {
      throw new AttuneError("usage", {
        where: `${where}: pair ${index}`,
        expected: `two different players${players === undefined ? "" : ` below ${players}`}, finite counts >= 0, ${features} finite features`,
        got: JSON.stringify(pairs[index]),
      });
    }
    highest = Math.max(highest, first, second);
  }
  const count = players ?? highest + 1;
  if (!Number.isSafeInteger(count) || count < 2) {
    throw new AttuneError("usage", {
      where,
      expected: "comparisons of at least two players",
      got: `${count} players`,
    });
  }
  return { players: count, features };
}

/** Comparisons from a matrix wins[i][j], how often i beat j; one pair for each two players who met. */
export function pairsFromMatrix(
  wins: readonly (readonly number[])[],
  { ties }: { ties?: readonly (readonly number[])[] } = {},
): PairCount[] {
  const pairs: PairCount[] = [];
  for (const [first, row] of wins.entries()) {
    for (let second = first + 1; second < wins.length; second++) {
      const pair = {
        first,
        second,
        firstWins: row[second]!,
        secondWins: wins[second]![first]!,
        ties: ties?.[first]?.[second] ?? 0,
      };
      if (pair.firstWins + pair.secondWins + pair.ties > 0) pairs.push(pair);
    }
  }
  checkPairs("pairsFromMatrix", pairs, { players: Math.max(2, wins.length) });
  return pairs;
}

/** Comparisons induced by rankings (best first): everyone above beats everyone below. Equal pairs are counted together. */
export function pairsFromRankings(rankings: readonly (readonly number[])[]): PairCount[] {
  const counted = new Map<string, PairCount>();
  for (const ranking of rankings) {
    for (const [place, above] of ranking.entries()) {
      for (const below of ranking.slice(place + 1)) {
        const [first, second] = above < below ? [above, below] : [below, above];
        const pair = counted.get(`${first} ${second}`) ?? { first, second, firstWins: 0, secondWins: 0 };
        if (above === first) pair.firstWins++;
        else pair.secondWins++;
        counted.set(`${first} ${second}`, pair);
      }
    }
  }
  return [...counted.values()];
}
