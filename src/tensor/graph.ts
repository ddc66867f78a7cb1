/** Walking graphs: the nodes that outputs need, in an order in which they can be computed. */
import { resolve } from "./block.js";
import type { Graph, Node, Tensor } from "./types.js";

/** Nodes needed for `outputs`, inputs before users. Depth first, so that consecutive nodes belong together. */
export function topological(outputs: readonly Tensor[]): Node[] {
  const done = new Set<number>();
  const order: Node[] = [];
  const stack: { node: Node; next: number }[] = [];
  for (const output of outputs) {
    const root = resolve(output).node;
    if (done.has(root.id)) continue;
    done.add(root.id);
    stack.push({ node: root, next: 0 });
    while (stack.length > 0) {
      const top = stack[stack.length - 1]!;
      const child = top.node.inputs[top.next++];
      if (child === undefined) {
        order.push(top.node);
        stack.pop();
        continue;
      }
      const node = resolve(child).node;
      if (!done.has(node.id)) {
        done.add(node.id);
        stack.push({ node, next: 0 });
      }
    }
  }
  return order;
}

/** The nodes of a graph, and the inputs that it really uses. */
export function graphNodes(graph: Graph): Node[] {
  return topological(Object.values(graph.outputs));
}
