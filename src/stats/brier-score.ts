/** The Brier score of predicted probabilities. Knows forecasts and outcomes only. */
import { checkForecasts } from "./checks.js";

/** Mean of (p - y)² (Brier 1950): 0 is perfect, 0.25 is what "always one half" gets. */
export function brierScore(probabilities: readonly number[], outcomes: readonly boolean[]): number {
  checkForecasts("brierScore", probabilities, outcomes);
  const total = probabilities.reduce((sum, p, index) => sum + (p - (outcomes[index] ? 1 : 0)) ** 2, 0);
  return total / probabilities.length;
}
