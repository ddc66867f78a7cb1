/** Numbers with their intervals as the interface sends them; a number that is undefined says why. Knows no project. */
import { binomialTest, wilsonInterval, type Interval } from "../stats/index.js";
import type { Estimate } from "./api-schemas.js";

export const undefinedFor = (note: string): Estimate => ({ value: null, low: null, high: null, note });

export const estimate = (
  value: number | null,
  interval: Interval | null,
  note: string | null = null,
): Estimate => ({
  value,
  low: value === null ? null : (interval?.low ?? null),
  high: value === null ? null : (interval?.high ?? null),
  note,
});

/** A share with Wilson's interval. */
export function share(successes: number, trials: number, { otherwise }: { otherwise: string }): Estimate {
  if (trials <= 0) return undefinedFor(otherwise);
  return estimate(successes / trials, wilsonInterval(successes, trials));
}

/** How often the left of two answers won, with the exact p-value against one half. */
export function leftShare({
  left = 0,
  right = 0,
}: Readonly<Record<string, number>>): Estimate & { p: number | null } {
  const decided = left + right;
  const p = decided > 0 ? binomialTest(left, decided) : null;
  return { ...share(left, decided, { otherwise: "No pair was decided yet." }), p };
}
