/**
 * What the people said of two candidates of an item, counted; sides are gone since answers name candidates. Knows no data type
 * of training.
 */
import type { StoredAnswer } from "../category.js";
import type { ExportedItem } from "../reading.js";

export interface Votes {
  first: number;
  second: number;
  ties: number;
  /** Sum of degrees, 0 to 3 each, positive for the first candidate. */
  degrees: number;
}

/** The answers that count: a reviewer's decision alone, else everybody's that is no skip. */
export function answersInForce(item: ExportedItem): StoredAnswer[] {
  if (item.adjudicated !== null) return [item.adjudicated.answer];
  return item.answers.map(({ answer }) => answer).filter(({ outcome }) => outcome !== undefined);
}

/** What one answer says of two candidates: above 0 the first is better; undefined when it says nothing of them. */
function compare(answer: StoredAnswer, [first, second]: readonly [string, string]): number | undefined {
  const { outcome } = answer;
  if (outcome?.type === "pair") {
    const { chosen, rejected } = outcome;
    if (chosen === null) return 0;
    // Of more than two candidates it is about the two that it names.
    if (rejected !== null && rejected !== first && rejected !== second) return undefined;
    return chosen === first ? 1 : chosen === second ? -1 : undefined;
  }
  if (outcome?.type !== "rank") return undefined;
  const place = (id: string): number => outcome.order.findIndex((tied) => tied.includes(id));
  const [a, b] = [place(first), place(second)];
  return a < 0 || b < 0 ? undefined : Math.sign(b - a);
}

export function countVotes(answers: readonly StoredAnswer[], pair: readonly [string, string]): Votes {
  const votes: Votes = { first: 0, second: 0, ties: 0, degrees: 0 };
  for (const answer of answers) {
    const better = compare(answer, pair);
    if (better === undefined) continue;
    if (better === 0) votes.ties += 1;
    else votes[better > 0 ? "first" : "second"] += 1;
    votes.degrees += better * Math.abs(answer.strength ?? 0);
  }
  return votes;
}

/** All pairs of candidates, in the data's order. */
export function candidatePairs<T>(candidates: readonly T[]): [T, T][] {
  return candidates.flatMap((first, k) => candidates.slice(k + 1).map((second): [T, T] => [first, second]));
}
