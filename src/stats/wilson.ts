/** Wilson's interval of a proportion. Knows counts only. */
import { checkLevel, checkProportion } from "./checks.js";
import { normalQuantile } from "./special-functions.js";

export interface Interval {
  low: number;
  high: number;
}

/**
 * Wilson score interval (Wilson 1927, J. Am. Stat. Assoc. 22): the p for which |p̂ - p| <= z √(p(1-p)/n), that is
 *
 *   (p̂ + z²/2n ± z √(p̂(1-p̂)/n + z²/4n²)) / (1 + z²/n).
 *
 * Stays inside [0, 1] and is sound for small n and for 0 or n successes. `level` default 0.95, the field's custom.
 */
export function wilsonInterval(
  successes: number,
  trials: number,
  { level = 0.95 }: { level?: number } = {},
): Interval {
  checkProportion("wilsonInterval", successes, trials);
  checkLevel("wilsonInterval", level);
  const z = normalQuantile((1 + level) / 2);
  const share = successes / trials;
  const centre = share + (z * z) / (2 * trials);
  const spread = z * Math.sqrt((share * (1 - share)) / trials + (z * z) / (4 * trials * trials));
  const scale = 1 + (z * z) / trials;
  return { low: Math.max(0, (centre - spread) / scale), high: Math.min(1, (centre + spread) / scale) };
}
