/** The leaderboard from who beat whom, added up by pairs of models. Knows no query. */
import { bradleyTerry, comparisonGroups, type PairCount } from "../stats/index.js";
import type { Duel } from "../store/index.js";
import type { Leaderboard } from "./api-schemas.js";

/** Standard deviation 3.2 on the log-odds scale: weak, and enough where somebody never won or never lost. */
const prior = 0.1;

export function leaderboardOf(all: readonly Duel[]): Leaderboard {
  const duels = all.filter(({ first_wins, second_wins, ties }) => first_wins + second_wins + ties > 0);
  const models = [...new Set(duels.flatMap(({ first, second }) => [first, second]))].toSorted();
  if (models.length < 2)
    return {
      rows: [],
      words: ["Nothing to rank: no two different models behind the candidates were compared."],
    };
  const pairs: PairCount[] = duels.map(({ first, second, first_wins, second_wins, ties }) => ({
    first: models.indexOf(first),
    second: models.indexOf(second),
    firstWins: first_wins,
    secondWins: second_wins,
    ties,
  }));
  const { groups, islands } = comparisonGroups(pairs, { players: models.length });
  const held = groups.length > 1;
  const fit = bradleyTerry(pairs, { players: models.length, ...(held && { prior }) });
  // With a prior the errors are the posterior's: a robust error of what never lost would be near nothing.
  const errors = held ? fit.standardErrors : fit.sandwichErrors;
  const rows = models.map((model, k) => {
    const strength = fit.strengths[k]!;
    const error = 1.96 * errors[k]!;
    const own = duels.filter(({ first, second }) => first === model || second === model);
    return {
      model,
      strength,
      low: strength - error,
      high: strength + error,
      comparisons: own.reduce(
        (sum, { first_wins, second_wins, ties }) => sum + first_wins + second_wins + ties,
        0,
      ),
      wins: own.reduce((sum, duel) => sum + (duel.first === model ? duel.first_wins : duel.second_wins), 0),
      ties: own.reduce((sum, { ties }) => sum + ties, 0),
    };
  });
  const words = [
    "Whom these people preferred on these prompts, not who is right. Intervals are 95%; where two overlap, the order is open.",
    ...(held
      ? [
          "Some model won or lost everything, or never met the others: a weak prior keeps its strength finite.",
        ]
      : []),
    ...(islands.length > 1
      ? [`${islands.length} groups of models never met each other: only the prior puts them on one scale.`]
      : []),
  ];
  return { rows: rows.toSorted((a, b) => b.strength - a.strength), words };
}
