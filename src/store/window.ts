/**
 * Drawing one of many with a probability that is known, without looking at all of them. Items lie on a circle, each at its key;
 * a draw starts at a random point, takes the next `span` items that are eligible, and chooses one of these by weight. An item is
 * among these just when the start falls between the item `span` places before it and itself, so its probability is that arc,
 * times its share of the weights: exact given the keys, and never 0. (Two-phase sampling: Särndal et al. 1992, 9.3.) Knows no table.
 */

/** Items looked at in one draw. */
export const span = 32;

export interface Placed {
  /** In [0, 1). */
  key: number;
}

/**
 * Eligible items: the next `span` from a point on and the `span` before it; where there are fewer of the one, `lowest` (the first of
 * all) goes on from it, or `highest` (the last of all) from the other. Each nearest first.
 */
export interface Around<T extends Placed> {
  after: T[];
  before: T[];
  lowest: T[];
  highest: T[];
}

/** The item drawn and its probability; undefined when nothing is eligible. `uniform` is in [0, 1). */
export function drawFrom<T extends Placed>(
  around: Around<T>,
  { uniform, weightsOf }: { uniform: number; weightsOf: (window: readonly T[]) => number[] },
): { item: T; probability: number } | undefined {
  const { window, past } = circle(around);
  if (window.length === 0) return undefined;
  const weights = weightsOf(window);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let left = uniform * total;
  let place = 0;
  while (place < window.length - 1 && left >= weights[place]!) left -= weights[place++]!;
  const item = window[place]!;
  // `past` is undefined when the window holds every eligible item: each is in it for certain.
  const arc = past === undefined ? 1 : arcBetween(past[place]!, item);
  return { item, probability: (arc * weights[place]!) / total };
}

function arcBetween(from: Placed, to: Placed): number {
  const arc = to.key - from.key;
  return arc > 0 ? arc : arc + 1;
}

/** The window in the order of the circle, and for each of its places the item `span` places before. */
function circle<T extends Placed>({
  after,
  before,
  lowest,
  highest,
}: Around<T>): {
  window: T[];
  past: T[] | undefined;
} {
  const back = before.toReversed();
  if (after.length < span && before.length < span) {
    // All there are, from the point round to it again.
    const all = [...after, ...back];
    return { window: all.slice(0, span), past: all.length <= span ? undefined : all.slice(-span) };
  }
  return {
    window: [...after, ...lowest].slice(0, span),
    past: before.length < span ? [...highest.toReversed(), ...back].slice(-span) : back,
  };
}
