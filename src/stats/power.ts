/** How many judgements are needed, and what so many can show. Knows the normal approximation and no data. */
import { AttuneError } from "../errors.js";
import { normalCdf, normalQuantile } from "./special-functions.js";

export interface PowerOptions {
  /** Two-sided chance of a false alarm, default 0.05. */
  alpha?: number;
  /** Chance of seeing what is there, default 0.8 (Cohen 1988). */
  power?: number;
  /** Share of judgements that are ties and decide nothing, default 0. */
  tieShare?: number;
  /** By how much clustered judgements are worth less, default 1; see `designEffect`. */
  design?: number;
}

/**
 * Pairs needed to tell a win rate p from ½: n = ((z_{1-α/2} ½ + z_{power} √(p (1 - p))) / (p - ½))², rounded up, times the design
 * effect, divided by the share of decided pairs. 55% needs 783, 60% 194, 70% 47.
 */
export function pairsForWinRate(winRate: number, options: PowerOptions = {}): number {
  const { za, zb, tieShare, design } = readOptions("pairsForWinRate", options);
  checkRate("pairsForWinRate", winRate);
  const n = ((za * 0.5 + zb * Math.sqrt(winRate * (1 - winRate))) / (winRate - 0.5)) ** 2;
  return Math.ceil((n * design) / (1 - tieShare) - 1e-9);
}

/** Chance that so many pairs show a win rate p as different from ½, by the same approximation (the wrong side not counted). */
export function powerForWinRate(
  winRate: number,
  { pairs, ...options }: Omit<PowerOptions, "power"> & { pairs: number },
): number {
  const { za, tieShare, design } = readOptions("powerForWinRate", options);
  checkRate("powerForWinRate", winRate);
  const n = (checkCount("powerForWinRate", pairs) * (1 - tieShare)) / design;
  return normalCdf((Math.abs(winRate - 0.5) * Math.sqrt(n) - za * 0.5) / Math.sqrt(winRate * (1 - winRate)));
}

/** The smallest win rate above ½ that so many pairs show with the wanted power; null when not even 1 would be seen. */
export function detectableWinRate(pairs: number, options: PowerOptions = {}): number | null {
  const { power = 0.8 } = options;
  readOptions("detectableWinRate", options);
  checkCount("detectableWinRate", pairs);
  let [low, high] = [0.5, 1 - 1e-12];
  if (powerForWinRate(high, { ...options, pairs }) < power) return null;
  for (let round = 0; round < 60; round++) {
    const middle = (low + high) / 2;
    if (middle > 0.5 && powerForWinRate(middle, { ...options, pairs }) >= power) high = middle;
    else low = middle;
  }
  return high;
}

/** Pairs for an interval of ± `halfWidth` around a share near `rate` (default ½, the worst): n = z² p (1 - p) / h². */
export function pairsForHalfWidth(
  halfWidth: number,
  { rate = 0.5, ...options }: Omit<PowerOptions, "power"> & { rate?: number } = {},
): number {
  const { za, tieShare, design } = readOptions("pairsForHalfWidth", options);
  if (!(halfWidth > 0 && halfWidth < 1) || !(rate > 0 && rate < 1)) {
    throw new AttuneError("usage", {
      where: "pairsForHalfWidth",
      expected: "0 < halfWidth < 1 and 0 < rate < 1",
      got: `${halfWidth} and ${rate}`,
    });
  }
  return Math.ceil(((za / halfWidth) ** 2 * rate * (1 - rate) * design) / (1 - tieShare) - 1e-9);
}

/**
 * Items to tell two systems apart that are judged right or wrong on the same items, by McNemar's test (Miettinen 1968):
 * n = (z_{1-α/2} √d + z_{power} √(d - g²))² / g², d = onlyFirst + onlySecond (shares of items), g their difference.
 */
export function itemsForMcNemar(
  { onlyFirst, onlySecond }: { onlyFirst: number; onlySecond: number },
  options: Omit<PowerOptions, "tieShare"> = {},
): number {
  const { za, zb, design } = readOptions("itemsForMcNemar", options);
  const both = onlyFirst + onlySecond;
  const gap = onlyFirst - onlySecond;
  if (!(onlyFirst >= 0 && onlySecond >= 0 && both <= 1) || gap === 0) {
    throw new AttuneError("usage", {
      where: "itemsForMcNemar",
      expected: "two different shares >= 0 that sum to at most 1",
      got: `${onlyFirst} and ${onlySecond}`,
    });
  }
  return Math.ceil(design * ((za * Math.sqrt(both) + zb * Math.sqrt(both - gap * gap)) / gap) ** 2 - 1e-9);
}

/**
 * Items for an agreement coefficient within ± `halfWidth`, from a pilot: errors shrink with √items, so
 * n = items (z standardError / halfWidth)².
 */
export function itemsForAgreement(
  halfWidth: number,
  { pilot, alpha }: { pilot: { standardError: number; items: number }; alpha?: number },
): number {
  const { za } = readOptions("itemsForAgreement", { alpha });
  if (!(halfWidth > 0) || !(pilot.standardError >= 0) || !(pilot.items >= 2)) {
    throw new AttuneError("usage", {
      where: "itemsForAgreement",
      expected: "halfWidth > 0 and a pilot of at least two items with its standard error",
      got: `${halfWidth} and ${JSON.stringify(pilot)}`,
    });
  }
  return Math.ceil(pilot.items * ((za * pilot.standardError) / halfWidth) ** 2 - 1e-9);
}

/**
 * Comparisons for a leaderboard of `players` near each other, every two compared equally often, so that a gap in strength (natural-log
 * odds; 400 Elo points are ln 10) between two of them is seen: the variance of a difference is 8 / (n players), hence
 * n = 8 (z_{1-α/2} + z_{power})² / (players gap²) a pair.
 */
export function comparisonsForGap(
  gap: number,
  { players, ...options }: PowerOptions & { players: number },
): { perPair: number; total: number } {
  const { za, zb, tieShare, design } = readOptions("comparisonsForGap", options);
  if (!(Math.abs(gap) > 0 && Number.isFinite(gap)) || !Number.isSafeInteger(players) || players < 2) {
    throw new AttuneError("usage", {
      where: "comparisonsForGap",
      expected: "a gap other than 0 and at least two players",
      got: `${gap} and ${players}`,
    });
  }
  const perPair = Math.ceil((8 * (za + zb) ** 2 * design) / (players * gap * gap) / (1 - tieShare) - 1e-9);
  return { perPair, total: (perPair * players * (players - 1)) / 2 };
}

/** 1 + (m - 1) ρ: what m judgements of one prompt (or one person) with correlation ρ cost (Kish 1965). */
export function designEffect(perCluster: number, correlation: number): number {
  if (!(perCluster >= 1) || !(correlation >= 0 && correlation <= 1)) {
    throw new AttuneError("usage", {
      where: "designEffect",
      expected: "perCluster >= 1 and 0 <= correlation <= 1",
      got: `${perCluster} and ${correlation}`,
    });
  }
  return 1 + (perCluster - 1) * correlation;
}

function readOptions(where: string, { alpha = 0.05, power = 0.8, tieShare = 0, design = 1 }: PowerOptions) {
  const open = (value: number) => value > 0 && value < 1;
  if (!open(alpha) || !open(power) || !(tieShare >= 0 && tieShare < 1) || !(design >= 1)) {
    throw new AttuneError("usage", {
      where,
      expected: "alpha and power in (0, 1), tieShare in [0, 1), design >= 1",
      got: JSON.stringify({ alpha, power, tieShare, design }),
    });
  }
  return { za: normalQuantile(1 - alpha / 2), zb: normalQuantile(power), tieShare, design };
}

function checkRate(where: string, winRate: number): void {
  if (!(winRate > 0 && winRate < 1) || winRate === 0.5) {
    throw new AttuneError("usage", {
      where,
      expected: "a win rate in (0, 1) other than 0.5",
      got: String(winRate),
      fix: "name the smallest difference that would matter, such as 0.55",
    });
  }
}

function checkCount(where: string, pairs: number): number {
  if (!(pairs > 0 && Number.isFinite(pairs))) {
    throw new AttuneError("usage", { where, expected: "pairs > 0", got: String(pairs) });
  }
  return pairs;
}
