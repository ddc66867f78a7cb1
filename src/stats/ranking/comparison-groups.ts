/** Who can be ranked against whom: groups of players that results tie together. Knows who beat whom, no strengths. */
import { checkPairs, type PairCount } from "./pairs.js";

export interface ComparisonGroups {
  /**
   * Strongly connected groups of "beat or tied with", strongest first where one beats another: within a group strengths are finite,
   * and no player of a later group ever won against an earlier one. One group: everyone can be ranked (Ford 1957).
   */
  groups: number[][];
  /** Players linked by comparisons in any direction; more than one island can never be put on one scale. */
  islands: number[][];
}

/** Tarjan's algorithm (1972) on the graph winner -> loser; a tie counts both ways. `players` default: as many as are named. */
export function comparisonGroups(
  pairs: readonly PairCount[],
  options: { players?: number } = {},
): ComparisonGroups {
  const { players } = checkPairs("comparisonGroups", pairs, options);
  const beats = Array.from({ length: players }, () => new Set<number>());
  const met = Array.from({ length: players }, () => new Set<number>());
  for (const { first, second, firstWins, secondWins, ties = 0 } of pairs) {
    if (firstWins + ties > 0) beats[first]!.add(second);
    if (secondWins + ties > 0) beats[second]!.add(first);
    if (firstWins + secondWins + ties > 0) {
      met[first]!.add(second);
      met[second]!.add(first);
    }
  }
  // Tarjan closes the groups that beat nobody else first.
  return { groups: strongGroups(beats).reverse(), islands: strongGroups(met) };
}

/** Strongly connected components, each sorted, in reverse topological order; without recursion, so long chains are fine. */
export function strongGroups(edges: readonly ReadonlySet<number>[]): number[][] {
  const order = new Array<number>(edges.length).fill(-1);
  const lowest = new Array<number>(edges.length).fill(-1);
  const open: number[] = [];
  const isOpen = new Array<boolean>(edges.length).fill(false);
  const groups: number[][] = [];
  let visited = 0;
  for (const start of edges.keys()) {
    if (order[start] !== -1) continue;
    const path: { node: number; rest: Iterator<number> }[] = [];
    const enter = (node: number) => {
      order[node] = lowest[node] = visited++;
      open.push(node);
      isOpen[node] = true;
      path.push({ node, rest: edges[node]!.values() });
    };
    enter(start);
    while (path.length > 0) {
      const { node, rest } = path.at(-1)!;
      const next = rest.next();
      if (!next.done) {
        if (order[next.value] === -1) enter(next.value);
        else if (isOpen[next.value]) lowest[node] = Math.min(lowest[node]!, order[next.value]!);
        continue;
      }
      path.pop();
      const parent = path.at(-1);
      if (parent) lowest[parent.node] = Math.min(lowest[parent.node]!, lowest[node]!);
      if (lowest[node] !== order[node]) continue;
      const group: number[] = [];
      for (let member = -1; member !== node;) {
        member = open.pop()!;
        isOpen[member] = false;
        group.push(member);
      }
      groups.push(group.sort((a, b) => a - b));
    }
  }
  return groups;
}
