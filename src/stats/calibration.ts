/** How well predicted probabilities match what happened: reliability curve and expected calibration error. */
import { AttuneError } from "../errors.js";
import { checkForecasts } from "./checks.js";

export interface ReliabilityBin {
  /** Bin [from, to); the last one includes 1. */
  from: number;
  to: number;
  count: number;
  /** Mean predicted probability and share that came true; null for an empty bin. */
  predicted: number | null;
  observed: number | null;
}

/** Equal-width bins over [0, 1]; 10 by default, the usual number (Guo et al. 2017 use 15). */
export function reliabilityCurve(
  probabilities: readonly number[],
  outcomes: readonly boolean[],
  { bins = 10 }: { bins?: number } = {},
): ReliabilityBin[] {
  checkForecasts("reliabilityCurve", probabilities, outcomes);
  if (!Number.isSafeInteger(bins) || bins < 1) {
    throw new AttuneError("usage", {
      where: "reliabilityCurve: bins",
      expected: "a whole number >= 1",
      got: String(bins),
    });
  }
  const sums = Array.from({ length: bins }, () => ({ count: 0, predicted: 0, observed: 0 }));
  for (const [index, probability] of probabilities.entries()) {
    const bin = sums[Math.min(bins - 1, Math.floor(probability * bins))]!;
    bin.count++;
    bin.predicted += probability;
    bin.observed += outcomes[index] ? 1 : 0;
  }
  return sums.map(({ count, predicted, observed }, index) => ({
    from: index / bins,
    to: (index + 1) / bins,
    count,
    predicted: count === 0 ? null : predicted / count,
    observed: count === 0 ? null : observed / count,
  }));
}

/** ECE = Σ_bins (n_b / n) |observed_b - predicted_b| (Naeini et al. 2015). Depends on the number of bins: say it. */
export function expectedCalibrationError(
  probabilities: readonly number[],
  outcomes: readonly boolean[],
  { bins = 10 }: { bins?: number } = {},
): number {
  return reliabilityCurve(probabilities, outcomes, { bins }).reduce(
    (sum, { count, predicted, observed }) =>
      count === 0 ? sum : sum + (count / probabilities.length) * Math.abs(observed! - predicted!),
    0,
  );
}
