/** Whether results can tell what being first is worth from who is better. Knows no model of outcomes. */
import type { PairCount } from "./pairs.js";

/**
 * False when players could be given heights such that the first of every pair stands one above the second: then a gift to whoever
 * is first and a ladder of strengths are one and the same (two models of which one is always shown left).
 */
export function orderIsTold(pairs: readonly PairCount[], { players }: { players: number }): boolean {
  const steps: { to: number; by: number }[][] = Array.from({ length: players }, () => []);
  for (const { first, second } of pairs) {
    steps[first]!.push({ to: second, by: -1 });
    steps[second]!.push({ to: first, by: 1 });
  }
  const heights: (number | undefined)[] = Array.from({ length: players });
  for (let start = 0; start < players; start += 1) {
    if (heights[start] !== undefined) continue;
    heights[start] = 0;
    const open = [start];
    for (let player = open.pop(); player !== undefined; player = open.pop()) {
      for (const { to, by } of steps[player]!) {
        const height = heights[player]! + by;
        if (heights[to] === undefined) {
          heights[to] = height;
          open.push(to);
        } else if (heights[to] !== height) return true;
      }
    }
  }
  return false;
}
