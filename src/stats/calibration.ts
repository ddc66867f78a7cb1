/** How well predicted probabilities match what happened: reliability curve and expected calibration error. */
import { AttuneError } from "../errors.js";
import { checkForecasts } from "./checks.js";
import { wilsonInterval, type Interval } from "./wilson.js";

export interface ReliabilityBin {
  /** Bin [from, to); the last one includes 1. With `equal: "count"` the smallest and largest prediction in it. */
  from: number;
  to: number;
  count: number;
  /** Mean predicted probability and share that came true; null for an empty bin. */
  predicted: number | null;
  observed: number | null;
  /** Wilson's 95% interval of `observed`; null for an empty bin. Calibrated where it covers `predicted`. */
  interval: Interval | null;
}

export interface BinOptions {
  /** Default 10, the usual number (Guo et al. 2017 use 15). */
  bins?: number;
  /** Bins of equal `width` over [0, 1] (default), or of equal `count`, which have no empty and no crowded bin. */
  equal?: "width" | "count";
}

/** Forecasts gathered into bins; see `BinOptions`. With `equal: "count"` there are no more bins than forecasts. */
export function reliabilityCurve(
  probabilities: readonly number[],
  outcomes: readonly boolean[],
  { bins = 10, equal = "width" }: BinOptions = {},
): ReliabilityBin[] {
  checkForecasts("reliabilityCurve", probabilities, outcomes);
  if (!Number.isSafeInteger(bins) || bins < 1) {
    throw new AttuneError("usage", {
      where: "reliabilityCurve: bins",
      expected: "a whole number >= 1",
      got: String(bins),
    });
  }
  const members: number[][] = Array.from(
    { length: equal === "width" ? bins : Math.min(bins, probabilities.length) },
    () => [],
  );
  if (equal === "width") {
    for (const [index, probability] of probabilities.entries()) {
      members[Math.min(bins - 1, Math.floor(probability * bins))]!.push(index);
    }
  } else {
    const sorted = probabilities
      .map((_, index) => index)
      .sort((a, b) => probabilities[a]! - probabilities[b]!);
    for (const [rank, index] of sorted.entries()) {
      members[Math.floor((rank * members.length) / sorted.length)]!.push(index);
    }
  }
  return members.map((indices, place) => {
    const count = indices.length;
    const range =
      equal === "width"
        ? { from: place / bins, to: (place + 1) / bins }
        : { from: probabilities[indices[0]!]!, to: probabilities[indices.at(-1)!]! };
    if (count === 0) return { ...range, count, predicted: null, observed: null, interval: null };
    const came = indices.reduce((sum, index) => sum + (outcomes[index] ? 1 : 0), 0);
    const predicted = indices.reduce((sum, index) => sum + probabilities[index]!, 0) / count;
    return { ...range, count, predicted, observed: came / count, interval: wilsonInterval(came, count) };
  });
}

/** ECE = Σ_bins (n_b / n) |observed_b - predicted_b| (Naeini et al. 2015). Depends on the number of bins: say it. */
export function expectedCalibrationError(
  probabilities: readonly number[],
  outcomes: readonly boolean[],
  options: BinOptions = {},
): number {
  return reliabilityCurve(probabilities, outcomes, options).reduce(
    (sum, { count, predicted, observed }) =>
      count === 0 ? sum : sum + (count / probabilities.length) * Math.abs(observed! - predicted!),
    0,
  );
}
