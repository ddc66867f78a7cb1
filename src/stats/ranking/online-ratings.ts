/**
 * Ratings that move with every game: Elo, and a Bayesian one after TrueSkill. For live display only: the order of the games changes
 * them, so every result says by how much. Knows games in order. For anything reported use `bradleyTerry`.
 */
import { AttuneError } from "../../errors.js";
import { createRandom } from "../../util/random.js";
import { normalCdf, normalQuantile } from "../special-functions.js";
import { comparisonGroups } from "./comparison-groups.js";

export interface Game {
  first: number;
  second: number;
  /** 1 first won, 0 second won, 0.5 a draw. */
  score: number;
}

export interface OnlineOptions {
  /** Default: as many as are named. */
  players?: number;
  /** How many random orders of the same games to try; default 50, 0 to leave out the check. */
  shuffles?: number;
  /** Default 0. */
  seed?: number;
}

/**
 * - `order`: another order of the same games moves someone by more than the gap to a neighbour: the ranking shown is an accident.
 * - `few-games`: someone has fewer than `FEW_GAMES` games, and still carries the starting value.
 * - `islands`: players who never met, directly or through others, are shown on one scale.
 */
export type OnlineWarning = "order" | "few-games" | "islands";

/** Provisional below this many games (the US Chess Federation's rule). */
export const FEW_GAMES = 26;

export interface OnlineRatings {
  ratings: number[];
  /** Standard deviation of each final rating over random orders of the same games; null with `shuffles: 0`. */
  orderSpread: number[] | null;
  games: number[];
  warnings: OnlineWarning[];
}

export interface EloOptions extends OnlineOptions {
  /** How far one game moves; default 32. */
  k?: number;
  /** Points that are odds of 10 to 1; default 400. */
  scale?: number;
  /** Default 1000. */
  start?: number;
}

/** E = 1 / (1 + 10^((R_b - R_a) / scale)): what a player rated `rating` is expected to score against `opponent` (Elo 1978). */
export function eloExpected(
  rating: number,
  opponent: number,
  { scale = 400 }: { scale?: number } = {},
): number {
  return 1 / (1 + 10 ** ((opponent - rating) / scale));
}

/** R + K (S - E) after a round of games against opponents of known rating, all counted at once (the FIDE way). */
export function eloUpdate(
  rating: number,
  games: readonly { opponent: number; score: number }[],
  { k = 32, scale = 400 }: { k?: number; scale?: number } = {},
): number {
  return games.reduce(
    (sum, { opponent, score }) => sum + k * (score - eloExpected(rating, opponent, { scale })),
    rating,
  );
}

/** Elo ratings after `games` in their order. The sum of all ratings never changes. */
export function eloRatings(games: readonly Game[], options: EloOptions = {}): OnlineRatings {
  const { k = 32, scale = 400, start = 1000 } = options;
  const players = checkGames("eloRatings", games, options.players);
  const play = (order: readonly Game[]) => {
    const ratings = new Array<number>(players).fill(start);
    for (const { first, second, score } of order) {
      const change = k * (score - eloExpected(ratings[first]!, ratings[second]!, { scale }));
      ratings[first]! += change;
      ratings[second]! -= change;
    }
    return ratings;
  };
  return withWarnings(games, { players, play, options });
}

export interface SkillOptions extends OnlineOptions {
  /** Start, default mean 25 and deviation 25/3 (Herbrich, Minka and Graepel 2006). */
  mean?: number;
  deviation?: number;
  /** Noise of one performance; default deviation / 2. */
  beta?: number;
  /** What skill drifts between games; default deviation / 100. */
  tau?: number;
  /** Share of draws between equals; default 0.1. */
  drawShare?: number;
}

/**
 * One Gaussian a player, updated by moment matching on a win or a draw of two: TrueSkill's rule for two players (Herbrich, Minka
 * and Graepel 2006), without its teams and graphs. `ratings` are the means; `deviations` say how sure they are.
 */
export function skillRatings(
  games: readonly Game[],
  options: SkillOptions = {},
): OnlineRatings & { deviations: number[] } {
  const { mean = 25, deviation = 25 / 3, drawShare = 0.1 } = options;
  const { beta = deviation / 2, tau = deviation / 100 } = options;
  if (!(drawShare >= 0 && drawShare < 1) || !(deviation > 0) || !(beta > 0) || !(tau >= 0)) {
    throw new AttuneError("usage", {
      where: "skillRatings",
      expected: "0 <= drawShare < 1, deviation > 0, beta > 0, tau >= 0",
      got: JSON.stringify({ drawShare, deviation, beta, tau }),
    });
  }
  const players = checkGames("skillRatings", games, options.players);
  const margin = normalQuantile((drawShare + 1) / 2) * Math.SQRT2 * beta;
  const run = (order: readonly Game[]) => {
    const means = new Array<number>(players).fill(mean);
    const variances = new Array<number>(players).fill(deviation ** 2);
    for (const { first, second, score } of order) {
      const [winner, loser] = score === 0 ? [second, first] : [first, second];
      const wide = variances[winner]! + tau * tau;
      const other = variances[loser]! + tau * tau;
      const c = Math.sqrt(2 * beta * beta + wide + other);
      const t = (means[winner]! - means[loser]!) / c;
      const { v, w } = score === 0.5 ? afterDraw(t, margin / c) : afterWin(t, margin / c);
      means[winner]! += (wide / c) * v;
      means[loser]! -= (other / c) * v;
      variances[winner] = wide * Math.max(1e-6, 1 - (wide / (c * c)) * w);
      variances[loser] = other * Math.max(1e-6, 1 - (other / (c * c)) * w);
    }
    return { means, deviations: variances.map(Math.sqrt) };
  };
  return {
    ...withWarnings(games, { players, play: (order) => run(order).means, options }),
    deviations: run(games).deviations,
  };
}

const density = (x: number) => Math.exp(-(x * x) / 2) / Math.sqrt(2 * Math.PI);

/** Mean and variance corrections of a Gaussian cut off below `margin`. */
function afterWin(t: number, margin: number): { v: number; w: number } {
  const x = t - margin;
  const mass = normalCdf(x);
  // Far in the tail the ratio of density to mass is -x.
  const v = mass > 1e-280 ? density(x) / mass : -x;
  return { v, w: Math.min(1, Math.max(0, v * (v + x))) };
}

/** The same for a Gaussian kept within ± `margin`. With no margin a draw says: equal. */
function afterDraw(t: number, margin: number): { v: number; w: number } {
  const mass = normalCdf(margin - t) - normalCdf(-margin - t);
  if (!(mass > 1e-280)) return { v: -t, w: 1 };
  const v = (density(-margin - t) - density(margin - t)) / mass;
  const w = v * v + ((margin - t) * density(margin - t) + (margin + t) * density(margin + t)) / mass;
  return { v, w: Math.min(1, Math.max(0, w)) };
}

function checkGames(where: string, games: readonly Game[], given: number | undefined): number {
  let highest = -1;
  for (const [index, game] of games.entries()) {
    const { first, second, score } = game;
    const sound = [first, second].every(
      (place) => Number.isSafeInteger(place) && place >= 0 && (given === undefined || place < given),
    );
    if (!sound || first === second || ![0, 0.5, 1].includes(score)) {
      throw new AttuneError("usage", {
        where: `${where}: game ${index}`,
        expected: `two different players${given === undefined ? "" : ` below ${given}`} and a score of 0, 0.5 or 1`,
        got: JSON.stringify(game),
      });
    }
    highest = Math.max(highest, first, second);
  }
  return given ?? highest + 1;
}

function withWarnings(
  games: readonly Game[],
  {
    players,
    play,
    options,
  }: { players: number; play: (order: readonly Game[]) => number[]; options: OnlineOptions },
): OnlineRatings {
  const { shuffles = 50, seed = 0 } = options;
  const ratings = play(games);
  const played = new Array<number>(players).fill(0);
  for (const { first, second } of games) {
    played[first]!++;
    played[second]!++;
  }
  const warnings: OnlineWarning[] = [];
  let orderSpread: number[] | null = null;
  if (shuffles > 0) {
    const random = createRandom(seed, { stream: "online-ratings" });
    const runs = Array.from({ length: shuffles }, () => play(random.shuffle([...games])));
    orderSpread = ratings.map((_, k) => {
      const mean = runs.reduce((sum, run) => sum + run[k]!, 0) / shuffles;
      return Math.sqrt(runs.reduce((sum, run) => sum + (run[k]! - mean) ** 2, 0) / shuffles);
    });
    const sorted = ratings
      .map((rating, k) => ({ rating, spread: orderSpread![k]! }))
      .sort((a, b) => a.rating - b.rating);
    const close = sorted.some(
      ({ rating, spread }, k) =>
        k > 0 && rating - sorted[k - 1]!.rating < Math.max(spread, sorted[k - 1]!.spread),
    );
    if (close) warnings.push("order");
  }
  if (played.some((count) => count < FEW_GAMES)) warnings.push("few-games");
  const pairs = games.map(({ first, second, score }) => ({
    first,
    second,
    firstWins: score,
    secondWins: 1 - score,
  }));
  if (players > 1 && comparisonGroups(pairs, { players }).islands.length > 1) warnings.push("islands");
  return { ratings, orderSpread, games: played, warnings };
}
