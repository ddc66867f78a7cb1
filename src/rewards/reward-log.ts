/** Scores and their parts as metrics of a step. Knows no reward. */
import type { CheckedScores } from "./check-scores.js";

/**
 * `rewards/{name}/mean`, `/std` (unbiased), `/min`, `/max` of the reward and of each component, answers to which it does not
 * apply left out, and their share as `/missing` where there are any.
 */
export function rewardMetrics(name: string, { scores, components }: CheckedScores): Record<string, number> {
  const metrics: Record<string, number> = {};
  const add = (prefix: string, values: Float64Array): void => {
    const real = values.filter((x) => !Number.isNaN(x));
    if (real.length < values.length) metrics[`${prefix}/missing`] = 1 - real.length / values.length;
    if (real.length === 0) return;
    const mean = real.reduce((a, b) => a + b, 0) / real.length;
    const squares = real.reduce((total, x) => total + (x - mean) ** 2, 0);
    metrics[`${prefix}/mean`] = mean;
    metrics[`${prefix}/std`] = real.length > 1 ? Math.sqrt(squares / (real.length - 1)) : 0;
    metrics[`${prefix}/min`] = real.reduce((a, b) => Math.min(a, b));
    metrics[`${prefix}/max`] = real.reduce((a, b) => Math.max(a, b));
  };
  add(`rewards/${name}`, scores);
  for (const [part, values] of Object.entries(components)) add(`rewards/${name}/${part}`, values);
  return metrics;
}
