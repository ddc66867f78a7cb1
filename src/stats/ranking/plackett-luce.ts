/** Strengths from rankings of any length: Plackett-Luce by Newton or by Hunter's MM. Knows orders, no scores. */
import { AttuneError } from "../../errors.js";
import { invertPositive, zeros } from "../linear-algebra.js";
import { maximize } from "../newton.js";
import { strongGroups } from "./comparison-groups.js";

export interface Ranking {
  /** Players from best to worst, each once; at least one. */
  order: readonly number[];
  /** Players that were there but not ranked: all below the last of `order`. A choice of one is `order: [it], rest: [others]`. */
  rest?: readonly number[];
  /** How many times this very ranking came; default 1. */
  count?: number;
}

export interface PlackettLuceFit {
  /** ln γ, mean 0. [players] */
  strengths: number[];
  standardErrors: number[];
  covariance: number[][];
  logLikelihood: number;
  iterations: number;
}

/** One choice: who was taken, out of whom. */
interface Stage {
  chosen: number;
  among: readonly number[];
  count: number;
}

/**
 * P(ranking) = Π_k γ_{r_k} / Σ_{l>=k} γ_{r_l}: the best is chosen, then the best of the rest (Luce 1959; Plackett 1975). Newton's
 * method; `prior` is the precision of a Gaussian on ln γ (default 0), needed where someone is always first or last or groups never
 * met: refused then without it. Ties have no place here: break the ranking into pairs (`pairsFromRankings`) and use `davidson`.
 */
export function plackettLuce(
  rankings: readonly Ranking[],
  { players: given, prior = 0 }: { players?: number; prior?: number } = {},
): PlackettLuceFit {
  const { players, stages } = readRankings("plackettLuce", rankings, { players: given });
  if (prior === 0) refuseSeparated("plackettLuce", stages, players);
  const derive = (at: readonly number[], { pin }: { pin: number }) => {
    const score = at.map((value) => -prior * value);
    const curvature = zeros(players);
    for (const { chosen, among, count } of stages) {
      const shares = softmax(among.map((player) => at[player]!));
      score[chosen]! += count;
      for (const [k, left] of among.entries()) {
        score[left]! -= count * shares[k]!;
        const line = curvature[left]!;
        line[left]! += count * shares[k]!;
        for (const [l, right] of among.entries()) line[right]! -= count * shares[k]! * shares[l]!;
      }
    }
    for (const [k, line] of curvature.entries()) {
      line[k]! += prior;
      for (let l = 0; l < players; l++) line[l]! += pin;
    }
    return { score, curvature };
  };
  const pin = prior > 0 ? 0 : 1 / players;
  const { parameters, iterations } = maximize(
    {
      valueAt: (at) =>
        likelihoodOf(stages, at) - at.reduce((total, value) => total + (prior * value * value) / 2, 0),
      derive: (at) => derive(at, { pin }),
    },
    { where: "plackettLuce", start: new Array<number>(players).fill(0), fix: "pass prior: 0.1" },
  );
  const mean = parameters.reduce((a, b) => a + b, 0) / players;
  const strengths = parameters.map((value) => value - mean);
  const inverse = invertPositive(derive(strengths, { pin }).curvature)!;
  const covariance = inverse.map((line) => line.map((value) => value - pin));
  return {
    strengths,
    standardErrors: covariance.map((line, k) => Math.sqrt(Math.max(0, line[k]!))),
    covariance,
    logLikelihood: likelihoodOf(stages, strengths),
    iterations,
  };
}

/**
 * Hunter's MM algorithm (2004, section 5): γ_i ← w_i / Σ over the choices that i was part of of 1 / Σγ, w_i how often i was chosen.
 * No matrix, no errors; slow to converge where few rankings tie players together. Same refusals.
 */
export function plackettLuceMM(
  rankings: readonly Ranking[],
  {
    players: given,
    tolerance = 1e-12,
    iterations = 100_000,
  }: { players?: number; tolerance?: number; iterations?: number } = {},
): { strengths: number[]; logLikelihood: number; iterations: number } {
  const { players, stages } = readRankings("plackettLuceMM", rankings, { players: given });
  refuseSeparated("plackettLuceMM", stages, players);
  const chosen = new Array<number>(players).fill(0);
  for (const stage of stages) chosen[stage.chosen]! += stage.count;
  let strengths = new Array<number>(players).fill(0);
  let rounds = 0;
  while (rounds < iterations) {
    rounds++;
    const worths = strengths.map(Math.exp);
    const below = new Array<number>(players).fill(0);
    for (const { among, count } of stages) {
      const each = count / among.reduce((total, player) => total + worths[player]!, 0);
      for (const player of among) below[player]! += each;
    }
    const raw = chosen.map((count, player) => Math.log(count / below[player]!));
    const mean = raw.reduce((a, b) => a + b, 0) / players;
    const moved = Math.max(...raw.map((value, player) => Math.abs(value - mean - strengths[player]!)));
    strengths = raw.map((value) => value - mean);
    if (moved < tolerance) break;
  }
  return { strengths, logLikelihood: likelihoodOf(stages, strengths), iterations: rounds };
}

function readRankings(
  where: string,
  rankings: readonly Ranking[],
  { players: given }: { players: number | undefined },
): { players: number; stages: Stage[] } {
  const stages: Stage[] = [];
  let highest = -1;
  for (const [index, { order, rest = [], count = 1 }] of rankings.entries()) {
    const all = [...order, ...rest];
    const sound =
      order.length > 0 &&
      new Set(all).size === all.length &&
      all.every(
        (player) => Number.isSafeInteger(player) && player >= 0 && (given === undefined || player < given),
      ) &&
      count >= 0 &&
      Number.isFinite(count);
    if (!sound) {
      throw new AttuneError("usage", {
        where: `${where}: ranking ${index}`,
        expected: `different players${given === undefined ? "" : ` below ${given}`}, at least one ranked, count >= 0`,
        got: JSON.stringify(rankings[index]),
        fix: "for ties use pairsFromRankings on the untied parts, or davidson",
      });
    }
    highest = Math.max(highest, ...all);
    for (let k = 0; k < order.length; k++) {
      if (all.length - k > 1 && count > 0) stages.push({ chosen: all[k]!, among: all.slice(k), count });
    }
  }
  const players = given ?? highest + 1;
  if (players < 2) {
    throw new AttuneError("usage", {
      where,
      expected: "rankings of at least two players",
      got: `${players} players`,
    });
  }
  return { players, stages };
}

function refuseSeparated(where: string, stages: readonly Stage[], players: number): void {
  const beats = Array.from({ length: players }, () => new Set<number>());
  for (const { chosen, among } of stages) {
    for (const other of among) if (other !== chosen) beats[chosen]!.add(other);
  }
  const groups = strongGroups(beats);
  if (groups.length === 1) return;
  throw new AttuneError("data", {
    where,
    expected: "rankings that tie all players together (everyone reachable by wins from everyone)",
    got: `${groups.length} groups`,
    fix: "use plackettLuce with prior: 0.1, or leave out who was always first or always last",
  });
}

function softmax(values: readonly number[]): number[] {
  const top = Math.max(...values);
  const raw = values.map((value) => Math.exp(value - top));
  const total = raw.reduce((a, b) => a + b, 0);
  return raw.map((value) => value / total);
}

function likelihoodOf(stages: readonly Stage[], at: readonly number[]): number {
  return stages.reduce((total, { chosen, among, count }) => {
    const top = Math.max(...among.map((player) => at[player]!));
    const rest = among.reduce((sum, player) => sum + Math.exp(at[player]! - top), 0);
    return total + count * (at[chosen]! - top - Math.log(rest));
  }, 0);
}
