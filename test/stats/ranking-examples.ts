/** Published tables of comparisons that several tests use, each with its source. */
import { readFileSync } from "node:fs";
import type { PairCount } from "../../src/stats/index.js";

/** Stigler 1994, via Agresti 2002, p. 448: wins[cited][citing] of Biometrika, Communications in Statistics, JASA, JRSS-B. */
export const citations = [
  [0, 730, 498, 221],
  [33, 0, 68, 17],
  [320, 813, 0, 142],
  [284, 276, 325, 0],
];

/** The 1987 season, American League East (Agresti 2002, 10.6): home team, away team, home wins, away wins. Alphabetical places. */
const teams = ["Bal", "Bos", "Cle", "Det", "Mil", "NY", "Tor"];
export const baseball: PairCount[] =
  `Mil Det 4 3,Mil Tor 4 2,Mil NY 4 3,Mil Bos 6 1,Mil Cle 4 2,Mil Bal 6 0,Det Mil 3 3,Det Tor 4 2,Det NY 4 3,
Det Bos 6 0,Det Cle 6 1,Det Bal 4 3,Tor Mil 2 5,Tor Det 4 3,Tor NY 2 4,Tor Bos 4 3,Tor Cle 4 2,Tor Bal 6 0,NY Mil 3 3,NY Det 5 1,NY Tor 2 5,
NY Bos 4 3,NY Cle 4 2,NY Bal 6 1,Bos Mil 5 1,Bos Det 2 5,Bos Tor 3 3,Bos NY 4 2,Bos Cle 5 2,Bos Bal 6 0,Cle Mil 2 5,Cle Det 3 3,Cle Tor 3 4,
Cle NY 4 3,Cle Bos 4 2,Cle Bal 2 4,Bal Mil 2 5,Bal Det 1 5,Bal Tor 1 6,Bal NY 2 4,Bal Bos 1 6,Bal Cle 3 4`
    .split(/,\n?/)
    .map((line) => {
      const [home, away, won, lost] = line.split(" ");
      return {
        first: teams.indexOf(home!),
        second: teams.indexOf(away!),
        firstWins: Number(won),
        secondWins: Number(lost),
      };
    });
/** The same, home and away pooled, as the matrix of wins. */
export const baseballWins = [
  [0, 1, 7, 4, 2, 3, 1],
  [12, 0, 7, 2, 6, 7, 6],
  [6, 6, 0, 4, 4, 6, 5],
  [9, 11, 9, 0, 6, 5, 7],
  [11, 7, 9, 7, 0, 7, 9],
  [10, 6, 7, 8, 6, 0, 6],
  [12, 7, 8, 6, 4, 7, 0],
];

/** Chocolate puddings (Davidson 1970, example 2): pair: wins of the first, of the second, ties. */
export const pudding: PairCount[] =
  `12:19,22,16 13:16,19,12 23:19,19,10 14:18,23,13 24:23,19,9 34:19,20,15 15:13,19,18 25:16,20,12
35:16,15,17 45:17,14,16 16:18,21,12 26:22,20,12 36:13,18,10 46:14,19,18 56:11,21,12`
    .split(/\s+/)
    .map((cell) => {
      const [firstWins, secondWins, ties] = cell.slice(3).split(",").map(Number);
      return {
        first: Number(cell[0]) - 1,
        second: Number(cell[1]) - 1,
        firstWins: firstWins!,
        secondWins: secondWins!,
        ties: ties!,
      };
    });

/** Guilford's vegetables (psych::vegetables, 148 judges): upper triangle, share that preferred the column to the row. */
const upper = [
  [0.818, 0.77, 0.811, 0.878, 0.892, 0.899, 0.892, 0.926],
  [0.601, 0.723, 0.743, 0.736, 0.811, 0.845, 0.858],
  [0.561, 0.736, 0.676, 0.845, 0.797, 0.818],
  [0.561, 0.588, 0.676, 0.601, 0.73],
  [0.493, 0.574, 0.709, 0.764],
  [0.628, 0.682, 0.628],
  [0.527, 0.642],
  [0.628],
];
export const vegetables: number[][] = Array.from({ length: 9 }, (_, i) =>
  Array.from({ length: 9 }, (__, j) =>
    i === j ? 0.5 : i < j ? upper[i]![j - i - 1]! : 1 - upper[j]![i - j - 1]!,
  ),
);

const read = (name: string) => JSON.parse(readFileSync(new URL(`./data/${name}`, import.meta.url), "utf8"));

/** 36 races, players from 0. */
export const nascar: { order: number[] }[] = (read("nascar-2002.json") as { races: string[] }).races.map(
  (race) => ({
    order: race.split(" ").map((driver) => Number(driver) - 1),
  }),
);

const hockey = read("ice-hockey.json") as { teams: string[]; pairs: string };
export const hockeyTeams: string[] = hockey.teams;
export const hockeyPairs: PairCount[] = hockey.pairs.split(" ").map((pair) => {
  const [first, second, firstWins, secondWins, ties] = pair.split(",").map(Number);
  return { first: first!, second: second!, firstWins: firstWins!, secondWins: secondWins!, ties: ties! };
});
