/** Rows in groups: the answers of one prompt stand side by side. Knows no method. */
import { AttuneError } from "../../errors.js";
import { momentsOf } from "./rows.js";

/** [start, end) of each group. Throws `usage` where rows do not divide into groups. */
export function groupsOf(where: string, rows: number, size: number): { start: number; end: number }[] {
  if (!Number.isInteger(size) || size < 1 || rows % size !== 0) {
    throw new AttuneError("usage", {
      where,
      expected: `rows in groups of ${size}`,
      got: `${rows} rows`,
      fix: "every prompt needs the same number of answers, side by side",
    });
  }
  return Array.from({ length: rows / size }, (_, g) => ({ start: g * size, end: (g + 1) * size }));
}

export interface GroupSpread {
  /** Share of rows in groups whose rewards are all equal (TRL's `frac_reward_zero_std`). */
  readonly fraction: number;
  /** Indices of groups that say something: at least two different rewards. */
  readonly informative: readonly number[];
}

/** Below this a deviation is 0: rewards that differ in rounding only say nothing. */
const ZERO = 1e-8;

/**
 * Groups whose answers differ in reward. The others give GRPO and RLOO no gradient: DAPO (2503.14476, section 3.2) samples
 * prompts until enough groups are informative.
 */
export function informativeGroups(
  rewards: ArrayLike<number>,
  { numGenerations }: { numGenerations: number },
): GroupSpread {
  const groups = groupsOf("advantages.informativeGroups", rewards.length, numGenerations);
  const list = Array.from(rewards);
  const flat = groups.map(({ start, end }) => {
    const { count, variance } = momentsOf(list.slice(start, end));
    return count > 0 && Math.sqrt(variance) <= ZERO;
  });
  return {
    fraction: flat.length === 0 ? 0 : flat.filter(Boolean).length / flat.length,
    // A group that no reward function judged has no spread either, but is not counted as flat, as in TRL.
    informative: groups.flatMap(({ start, end }, g) =>
      !flat[g] && list.slice(start, end).some((x) => !Number.isNaN(x)) ? [g] : [],
    ),
  };
}
