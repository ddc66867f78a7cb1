/** The Brier score of predicted probabilities. Knows forecasts and outcomes only. */
import { checkForecasts } from "./checks.js";

/** Mean of (p - y)² (Brier 1950): 0 is perfect, 0.25 is what "always one half" gets. */
export function brierScore(probabilities: readonly number[], outcomes: readonly boolean[]): number {
  checkForecasts("brierScore", probabilities, outcomes);
  const total = probabilities.reduce((sum, p, index) => sum + (p - (outcomes[index] ? 1 : 0)) ** 2, 0);
  return total / probabilities.length;
}

export interface BrierDecomposition {
  /** Σ n_b (p_b - o_b)² / n: what calibration would win back; 0 is calibrated. */
  reliability: number;
  /** Σ n_b (o_b - o)² / n: how far outcomes differ between forecasts; large is informative. */
  resolution: number;
  /** o (1 - o): the score of always forecasting the share that came true. */
  uncertainty: number;
}

/**
 * Brier score = reliability - resolution + uncertainty (Murphy 1973), grouped by the very value forecast: exact, but with all forecasts
 * different each is a group of its own; round them first (0.05) to see calibration.
 */
export function brierDecomposition(
  probabilities: readonly number[],
  outcomes: readonly boolean[],
): BrierDecomposition {
  checkForecasts("brierDecomposition", probabilities, outcomes);
  const groups = new Map<number, { count: number; came: number }>();
  for (const [index, p] of probabilities.entries()) {
    const known = groups.get(p) ?? { count: 0, came: 0 };
    known.count++;
    if (outcomes[index]) known.came++;
    groups.set(p, known);
  }
  const n = probabilities.length;
  const base = outcomes.filter(Boolean).length / n;
  let reliability = 0;
  let resolution = 0;
  for (const [p, { count, came }] of groups) {
    reliability += (count / n) * (p - came / count) ** 2;
    resolution += (count / n) * (came / count - base) ** 2;
  }
  return { reliability, resolution, uncertainty: base * (1 - base) };
}
