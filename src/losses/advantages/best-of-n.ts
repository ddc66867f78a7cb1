/**
 * Best of n: the answer with the highest reward of each prompt, and how far that can lie from the policy that wrote them.
 *
 *   KL(best of n || policy) <= log n - (n - 1) / n
 *
 * Stiennon et al. 2020 (2009.01325), appendix G.3, as an estimate; that it is a bound: Beirami et al. 2024 (2401.01879),
 * theorem 3.1. It is reached where no two answers are equally good and none is likely.
 */
import { AttuneError } from "../../errors.js";
import { groupsOf } from "./groups.js";

/** In nats. Throws `usage` where n is no whole number of at least 1. */
export function bestOfNKlBound(n: number): number {
  if (!Number.isInteger(n) || n < 1) {
    const where = "advantages.bestOfNKlBound";
    throw new AttuneError("usage", { where, expected: "a whole number of at least 1", got: String(n) });
  }
  return Math.log(n) - (n - 1) / n;
}

/** For each prompt the row of its best answer, the first of equals; undefined where none has a reward. */
export function chooseBest(
  rewards: ArrayLike<number>,
  { numGenerations }: { numGenerations: number },
): (number | undefined)[] {
  return groupsOf("advantages.chooseBest", rewards.length, numGenerations).map(({ start, end }) => {
    let best: number | undefined;
    for (let row = start; row < end; row++) {
      if (Number.isNaN(rewards[row]!)) continue;
      if (best === undefined || rewards[row]! > rewards[best]!) best = row;
    }
    return best;
  });
}
