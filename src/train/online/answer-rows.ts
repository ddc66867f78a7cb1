/**
 * Answers packed into rows: a prompt, answers to it, the next prompt, until the row is full. Rows have one length and as many
 * slots for answers, whatever a rollout gives, so that one graph serves the whole run. Knows lengths and prompts, no method.
 */
import { roundToBucket, samePrompt } from "../../data/index.js";
import type { OnlineItem, RowSize } from "./item.js";

const tokensOf = ({ completions }: OnlineItem): number =>
  completions.reduce((n, { length }) => n + length, 0);

export interface RowOptions {
  readonly maxPrompt: number;
  readonly maxCompletion: number;
  /** Items of a micro-batch as the settings have it: a row holds no more tokens than they could have. */
  readonly size: number;
  /** Sets that the items are used in; default 1. */
  readonly parts?: number;
}

/** Attention costs by the square of a row's length, and a short row leaves the processor idle: the best of those that were tried. */
const usualLength = 768;
/** Items that a row has slots for, in multiples of those of a micro-batch: short answers are many. */
const slotsPerItem = 4;

/**
 * Of the longest prompt and completion that can come, so that it is the same for every rollout; a half of it, or a quarter,
 * where that holds all that there is.
 */
export function rowSize(
  items: readonly OnlineItem[],
  { maxPrompt, maxCompletion, size, parts = 1 }: RowOptions,
): RowSize {
  const longest = (items[0]?.completions.length ?? 1) * maxCompletion;
  const least = roundToBucket(maxPrompt + longest);
  const most = roundToBucket(maxPrompt + size * longest);
  const all = items.reduce((n, item) => n + item.prompt.length + tokensOf(item), 0);
  let length = Math.min(most, Math.max(least, usualLength));
  while (length / 2 >= least && length / 2 >= all / parts) length = Math.ceil(length / 2);
  return {
    length,
    slots: roundToBucket(slotsPerItem * size, { stepsPerOctave: 1 }),
  };
}

/** Cuts a list whose answers to one prompt are neighbours: how many items each row takes, in order. */
export function fillRows(items: readonly OnlineItem[], { length, slots }: RowSize): number[] {
  const counts: number[] = [];
  let used = Infinity;
  items.forEach((item, i) => {
    const shares = i > 0 && samePrompt(items[i - 1]!.prompt, item.prompt);
    const own = tokensOf(item);
    const added = own + (shares ? 0 : item.prompt.length);
    if (counts.length > 0 && used + added <= length && counts.at(-1)! < slots) {
      used += added;
      counts[counts.length - 1]! += 1;
    } else {
      used = item.prompt.length + own;
      counts.push(1);
    }
  });
  return counts;
}
