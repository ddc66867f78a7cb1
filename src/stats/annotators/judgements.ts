/** Single labels of items by annotators: what models of annotators take. Knows places, no names. */
import { AttuneError } from "../../errors.js";

/** Three lists of equal length: judgement n is that `annotators[n]` put `items[n]` into category `labels[n]`. All from 0. */
export interface Judgements {
  items: ArrayLike<number>;
  annotators: ArrayLike<number>;
  labels: ArrayLike<number>;
}

export interface Sizes {
  items: number;
  annotators: number;
  categories: number;
}

/** Largest place + 1 of each, unless more categories are given; refuses what is no place, and an empty list. */
export function checkJudgements(
  where: string,
  judgements: Judgements,
  { categories: given }: { categories?: number | undefined } = {},
): Sizes {
  const { items, annotators, labels } = judgements;
  if (items.length === 0 || items.length !== annotators.length || items.length !== labels.length) {
    throw new AttuneError("usage", {
      where,
      expected: "three lists of equal length, at least one judgement",
      got: `${items.length}, ${annotators.length} and ${labels.length}`,
    });
  }
  const largest = (list: ArrayLike<number>, name: string): number => {
    let top = -1;
    for (let n = 0; n < list.length; n++) {
      const value = list[n]!;
      if (!Number.isSafeInteger(value) || value < 0) {
        throw new AttuneError("usage", {
          where: `${where}: ${name}[${n}]`,
          expected: "a whole number >= 0",
          got: String(value),
        });
      }
      if (value > top) top = value;
    }
    return top + 1;
  };
  const used = largest(labels, "labels");
  if (given !== undefined && used > given) {
    throw new AttuneError("usage", {
      where: `${where}: labels`,
      expected: `places below ${given}`,
      got: String(used - 1),
    });
  }
  return {
    items: largest(items, "items"),
    annotators: largest(annotators, "annotators"),
    categories: given ?? used,
  };
}

/** The most probable category of each item, the first of equals. */
export function mostLikely(posteriors: readonly (readonly number[])[]): number[] {
  return posteriors.map((row) => row.indexOf(Math.max(...row)));
}
