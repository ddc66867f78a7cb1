/** The best accuracy that anything can have against noisy labels, from how far people agree. Knows counts of two choices. */
import { AttuneError } from "../errors.js";
import { percentAgreement } from "./agreement/percent-agreement.js";
import type { CountOptions } from "./agreement/units.js";
import type { BootstrapOptions } from "./bootstrap.js";
import { bootstrapCounts } from "./resampling.js";
import type { Interval } from "./wilson.js";

/**
 * Accuracy a of two equally good annotators of a binary truth who agree at this rate: a² + (1 - a)² = agreement, so
 * a = (1 + √(2 agreement - 1)) / 2. Null below ½, which no such pair can have.
 */
export function accuracyFromAgreement(agreement: number): number | null {
  checkShare("accuracyFromAgreement", agreement);
  return agreement < 0.5 ? null : (1 + Math.sqrt(2 * agreement - 1)) / 2;
}

/** Chance that the majority of `voters` independent annotators of this accuracy is right; a tied vote counts half. */
export function majorityAccuracy(accuracy: number, voters: number): number {
  checkShare("majorityAccuracy", accuracy);
  if (!Number.isSafeInteger(voters) || voters < 1) {
    throw new AttuneError("usage", {
      where: "majorityAccuracy",
      expected: "voters >= 1",
      got: String(voters),
    });
  }
  // Binomial chances by recurrence from the mode outwards would be needed only beyond some thousand voters.
  let right = 0;
  let term = (1 - accuracy) ** voters;
  if (accuracy === 1) return 1;
  for (let k = 0; k <= voters; k++) {
    if (2 * k > voters) right += term;
    else if (2 * k === voters) right += term / 2;
    term *= ((voters - k) / (k + 1)) * (accuracy / (1 - accuracy));
  }
  return right;
}

export interface NoiseCeiling {
  /** P_a: the chance that two people who saw the same item agree. Null without an item judged twice. */
  agreement: number | null;
  items: number;
  /**
   * The highest accuracy against one person's label lies between `lowest` = P_a (each item is either clear to all or a coin toss) and
   * `highest` = (1 + √(2 P_a - 1)) / 2 (all items equally hard). Null without agreement; `highest` null below ½.
   */
  lowest: number | null;
  highest: number | null;
  /** Against the majority label of 3 and 5 such people, all items equally hard. */
  majorityOf3: number | null;
  majorityOf5: number | null;
  /** Bootstrap over items of `lowest` and `highest`. */
  lowestInterval: Interval | null;
  highestInterval: Interval | null;
}

/**
 * `counts[item]` = [chose A, chose B]: decided judgements only, in content order; leave ties and "both bad" out and say so. Print beside a
 * reward model's accuracy: a model at the ceiling has nothing left to learn from these labels. Why the bounds: with p the share
 * of people who would choose A, an oracle is right E[½ + |p - ½|] of the time and P_a = E[½ + 2 (p - ½)²].
 */
export function noiseCeiling(
  counts: readonly (readonly number[])[],
  options: CountOptions & BootstrapOptions = {},
): NoiseCeiling {
  if (counts.some((row) => row.length !== 2)) {
    throw new AttuneError("usage", {
      where: "noiseCeiling",
      expected: "two counts an item: chose A, chose B",
      got: `${counts.find((row) => row.length !== 2)!.length}`,
      fix: "drop ties and other answers first",
    });
  }
  const { agreement, items } = percentAgreement(counts, options);
  const highestOf = (share: number | null) => (share === null ? null : accuracyFromAgreement(share));
  const highest = highestOf(agreement);
  const interval =
    agreement === null
      ? null
      : bootstrapCounts(
          counts,
          (rows, { repeats }) => percentAgreement(rows, { repeats }).agreement,
          options,
        );
  return {
    agreement,
    items,
    lowest: agreement,
    highest,
    majorityOf3: highest === null ? null : majorityAccuracy(highest, 3),
    majorityOf5: highest === null ? null : majorityAccuracy(highest, 5),
    lowestInterval: interval,
    // Monotone, so the bounds carry over; below ½ there is nothing better than a coin.
    highestInterval:
      interval === null
        ? null
        : { low: highestOf(interval.low) ?? 0.5, high: highestOf(interval.high) ?? 0.5 },
  };
}

/**
 * How often the majority of the others agrees with a person, ties as half: a plain human baseline for a reward model that is measured
 * against single labels. Over all labels of items judged at least twice; null without any.
 */
export function leaveOneOutAccuracy(
  counts: readonly (readonly number[])[],
  { repeats }: CountOptions = {},
): number | null {
  // percentAgreement refuses what is no table of counts.
  percentAgreement(counts, { repeats });
  let right = 0;
  let labels = 0;
  for (const [index, row] of counts.entries()) {
    const times = repeats?.[index] ?? 1;
    const total = row.reduce((a, b) => a + b, 0);
    if (total < 2) continue;
    for (const [category, count] of row.entries()) {
      if (count === 0) continue;
      const others = row.map((other, k) => (k === category ? other - 1 : other));
      const top = Math.max(...others);
      const winners = others.filter((other) => other === top).length;
      labels += times * count;
      if (others[category] === top) right += (times * count) / winners;
    }
  }
  return labels === 0 ? null : right / labels;
}

function checkShare(where: string, share: number): void {
  if (!(share >= 0 && share <= 1)) {
    throw new AttuneError("usage", { where, expected: "a share in [0, 1]", got: String(share) });
  }
}
