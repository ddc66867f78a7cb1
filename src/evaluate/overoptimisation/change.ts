/**
 * How a measure changed between two stretches of a series of observations. Knows estimates, and not what a change means.
 *
 * Where all looks are at the same prompts, the change is taken prompt by prompt, which leaves the prompts' own differences
 * out of its error; otherwise the looks count as independent.
 */
import type { Interval } from "../../stats/index.js";
import { normalQuantile, studentQuantile } from "../../stats/special-functions.js";
import type { Estimate, Measure, Observation } from "./observation.js";

export interface Change extends Interval {
  /** Later minus earlier. */
  readonly change: number;
  readonly standardError: number;
}

/** Mean of a measure over several looks; undefined where one of them lacks it. */
export function meanOf(looks: readonly Observation[], measure: Measure): number | undefined {
  const all = estimates(looks, measure);
  return all && all.reduce((sum, { mean }) => sum + mean, 0) / all.length;
}

/**
 * Later minus earlier, with a two-sided interval of `level` (default 0.95). Undefined where the measure, or its error, is
 * not known in all looks.
 */
export function changeBetween(
  earlier: readonly Observation[],
  later: readonly Observation[],
  { measure, level = 0.95 }: { measure: Measure; level?: number },
): Change | undefined {
  const [before, after] = [estimates(earlier, measure), estimates(later, measure)];
  if (!before || !after) return undefined;
  const paired = pairedDifferences(before, after);
  if (paired) {
    const n = paired.length;
    const change = paired.reduce((a, b) => a + b, 0) / n;
    const variance = paired.reduce((sum, each) => sum + (each - change) ** 2, 0) / (n - 1);
    const standardError = Math.sqrt(variance / n);
    return around(change, standardError, studentQuantile((1 + level) / 2, n - 1));
  }
  const variances = [before, after].map((list) => {
    const known = list.map(({ standardError }) => standardError);
    return known.every((e) => e !== null)
      ? known.reduce<number>((sum, e) => sum + e! ** 2, 0) / list.length ** 2
      : undefined;
  });
  if (variances.some((v) => v === undefined)) return undefined;
  const centre = (list: readonly Estimate[]): number =>
    list.reduce((sum, { mean }) => sum + mean, 0) / list.length;
  const standardError = Math.sqrt(variances[0]! + variances[1]!);
  return around(centre(after) - centre(before), standardError, normalQuantile((1 + level) / 2));
}

const around = (change: number, standardError: number, quantile: number): Change => ({
  change,
  standardError,
  low: change - quantile * standardError,
  high: change + quantile * standardError,
});

function estimates(looks: readonly Observation[], measure: Measure): Estimate[] | undefined {
  const all = looks.flatMap(({ measures }) => measures[measure] ?? []);
  return looks.length > 0 && all.length === looks.length ? all : undefined;
}

/** One difference a prompt, where all looks have the same prompts and more than one. */
function pairedDifferences(before: readonly Estimate[], after: readonly Estimate[]): number[] | undefined {
  const names = before[0]!.byPrompt && Object.keys(before[0]!.byPrompt);
  if (!names || names.length < 2) return undefined;
  const same = [...before, ...after].every(
    ({ byPrompt }) =>
      byPrompt && Object.keys(byPrompt).length === names.length && names.every((name) => name in byPrompt),
  );
  if (!same) return undefined;
  const mean = (list: readonly Estimate[], name: string): number =>
    list.reduce((sum, { byPrompt }) => sum + byPrompt![name]!, 0) / list.length;
  return names.map((name) => mean(after, name) - mean(before, name));
}
