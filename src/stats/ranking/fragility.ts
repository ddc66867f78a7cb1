/** How few votes carry the first place: drop the ones that hold it up, and see. Knows a Bradley-Terry fit. */
import { AttuneError } from "../../errors.js";
import { bradleyTerry } from "./bradley-terry.js";
import type { FitOptions } from "./fit-pairs.js";
import { checkPairs, type PairCount } from "./pairs.js";

export interface Fragility {
  leader: number;
  /** The player that would lead instead; null when no small set of votes changes the leader. */
  rival: number | null;
  /** Votes to drop, and what share of all that is; null likewise. */
  votes: number | null;
  share: number | null;
  /** Which votes: how many of which outcome of which pair. */
  dropped: { pair: number; outcome: "first" | "second"; count: number }[];
}

/**
 * The votes whose removal (they are not turned round) changes who is first, few as can be found: votes are taken in order of their
 * one-step influence I⁻¹ x (y - p) on the gap between leader and rival (Broderick, Giordano and Meager 2020), and the fit is made
 * again to confirm. An upper bound on the fewest. A bootstrap interval does not show this. `most` is the largest share of votes tried,
 * default 0.1. Ties count half each way and are never dropped; whole or weighted counts.
 */
export function fragility(
  pairs: readonly PairCount[],
  { most = 0.1, ...options }: Omit<FitOptions, "orderEffect" | "ridge"> & { most?: number } = {},
): Fragility {
  checkPairs("fragility", pairs, options);
  if (!(most > 0 && most < 1)) {
    throw new AttuneError("usage", {
      where: "fragility: most",
      expected: "a share in (0, 1)",
      got: String(most),
    });
  }
  const plain = pairs.map(({ first, second, firstWins, secondWins, ties = 0 }) => ({
    first,
    second,
    firstWins,
    secondWins,
    ties,
  }));
  const fit = bradleyTerry(plain, options);
  const leader = fit.strengths.indexOf(Math.max(...fit.strengths));
  const all = plain.reduce(
    (sum, { firstWins, secondWins, ties = 0 }) => sum + firstWins + secondWins + ties,
    0,
  );
  let best: Fragility = { leader, rival: null, votes: null, share: null, dropped: [] };
  const rivals = fit.strengths.map((_, player) => player).filter((player) => player !== leader);
  rivals.sort((a, b) => fit.strengths[b]! - fit.strengths[a]!);
  // Those far behind need more votes than those close: the nearest three are enough in practice.
  for (const rival of rivals.slice(0, 3)) {
    const gap = fit.strengths[leader]! - fit.strengths[rival]!;
    const found = dropFor(plain, {
      fit,
      leader,
      rival,
      gap,
      most: Math.min(most * all, best.votes ?? Infinity),
      options,
    });
    if (found !== null && (best.votes === null || found.votes < best.votes)) {
      best = {
        leader,
        rival: found.rival,
        votes: found.votes,
        share: found.votes / all,
        dropped: found.dropped,
      };
    }
  }
  return best;
}

function dropFor(
  pairs: readonly PairCount[],
  {
    fit,
    leader,
    rival,
    gap,
    most,
    options,
  }: {
    fit: { strengths: number[]; covariance: number[][] };
    leader: number;
    rival: number;
    gap: number;
    most: number;
    options: FitOptions;
  },
): { rival: number; votes: number; dropped: Fragility["dropped"] } | null {
  const direction = fit.covariance[leader]!.map((value, k) => value - fit.covariance[rival]![k]!);
  const cells = pairs.flatMap(({ first, second, firstWins, secondWins }, pair) => {
    const p = 1 / (1 + Math.exp(fit.strengths[second]! - fit.strengths[first]!));
    const leverage = direction[first]! - direction[second]!;
    return [
      { pair, outcome: "first" as const, count: firstWins, influence: leverage * (1 - p) },
      { pair, outcome: "second" as const, count: secondWins, influence: -leverage * p },
    ].filter(({ count, influence }) => count > 0 && influence > 1e-12);
  });
  cells.sort((a, b) => b.influence - a.influence);
  // What the linear estimate says, then a little more at a time until a real fit agrees.
  for (let target = gap; ; target *= 1.15) {
    const dropped: Fragility["dropped"] = [];
    let votes = 0;
    let moved = 0;
    for (const { pair, outcome, count, influence } of cells) {
      if (moved >= target) break;
      const take = Math.min(count, Math.ceil((target - moved) / influence));
      dropped.push({ pair, outcome, count: take });
      votes += take;
      moved += take * influence;
    }
    if (votes > most || dropped.length === 0) return null;
    const next = leaderWithout(pairs, { dropped, options });
    if (next !== null && next !== leader) return { rival: next, votes, dropped };
    if (moved < target) return null;
  }
}

function leaderWithout(
  pairs: readonly PairCount[],
  { dropped, options }: { dropped: Fragility["dropped"]; options: FitOptions },
): number | null {
  const left = pairs.map((pair) => ({ ...pair }));
  for (const { pair, outcome, count } of dropped) {
    if (outcome === "first") left[pair]!.firstWins -= count;
    else left[pair]!.secondWins -= count;
  }
  try {
    const { strengths } = bradleyTerry(left, options);
    return strengths.indexOf(Math.max(...strengths));
  } catch (error) {
    // Dropping can separate the players; such a set proves nothing.
    if (error instanceof AttuneError && (error.code === "data" || error.code === "numeric")) return null;
    throw error;
  }
}
