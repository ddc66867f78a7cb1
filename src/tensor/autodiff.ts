/** Reverse-mode differentiation of symbolic graphs. Knows no op by name but the block. */
import { AttuneError } from "../errors.js";
import { tie } from "./block.js";
import { add } from "./functions.js";
import { type GradientContext, GRADIENTS } from "./gradients.js";
import { constant } from "./node.js";
import type { OpAttrs, OpName } from "./ops.js";
import { showShape } from "./shape.js";
import type { Node, Tensor, Tree } from "./types.js";

const key = (t: Tensor): string => `${t.node.id}:${t.index}`;

/**
 * Gradients of `sum(seeds * outputs)` for each of `wrt`; zeros where nothing depends on it.
 * The walk stops at `wrt`: what lies behind them is not visited.
 */
export function vjp(
  outputs: readonly Tensor[],
  seeds: readonly (Tensor | undefined)[],
  wrt: readonly Tensor[],
): Tensor[] {
  const stops = new Set(wrt.map(key));
  const nodes = dependents(outputs, stops);
  const gradients = new Map<string, Tensor>();
  const accumulate = (t: Tensor, g: Tensor): void => {
    const before = gradients.get(key(t));
    gradients.set(key(t), before ? add(before, g) : g);
  };
  outputs.forEach((t, i) => seeds[i] && accumulate(t, seeds[i]!));

  for (const node of nodes) {
    const outs = node.outputs.map((type, index): Tensor => ({ node, index, ...type }));
    const dys = outs.map((t) => (stops.has(key(t)) ? undefined : gradients.get(key(t))));
    if (dys.every((g) => g === undefined)) continue;
    const wants = node.inputs.map((t) => stops.has(key(t)) || nodes.has(t.node));
    const grads =
      node.op === "block"
        ? blockGradient(node as unknown as Node<"block">, dys, wants)
        : ruleGradient(node, { outs, dys, wants });
    node.inputs.forEach((t, i) => {
      const g = grads[i];
      if (g && wants[i]) accumulate(t, g);
    });
  }
  return wrt.map((t) => gradients.get(key(t)) ?? constant(0, t.shape));
}

/** Gradients of a scalar for each tensor of a list. */
export function grad(loss: Tensor, wrt: readonly Tensor[]): Tensor[] {
  if (loss.shape.length !== 0) {
    throw new AttuneError("backend", {
      where: "tensor.grad",
      expected: "a scalar",
      got: showShape(loss.shape),
      fix: "reduce it with sum or mean",
    });
  }
  return vjp([loss], [constant(1)], wrt);
}

/** Gradients of a scalar for each entry of a tree, by the same names. */
export function gradTree(loss: Tensor, tree: Tree): Tree {
  const names = Object.keys(tree);
  const grads = grad(loss, Object.values(tree));
  return Object.fromEntries(names.map((name, i) => [name, grads[i]!]));
}

/** Nodes between `outputs` and `stops`, users before inputs. A Set keeps insertion order. */
function dependents(outputs: readonly Tensor[], stops: ReadonlySet<string>): Set<Node> {
  const reaches = new Map<Node, boolean>();
  const order: Node[] = [];
  const stack: { node: Node; next: number }[] = outputs.map((t) => ({ node: t.node, next: 0 }));
  while (stack.length > 0) {
    const top = stack[stack.length - 1]!;
    if (top.next === 0 && reaches.has(top.node)) {
      stack.pop();
      continue;
    }
    const child = top.node.inputs[top.next++];
    if (child === undefined) {
      const hit = top.node.inputs.some((t) => stops.has(key(t)) || reaches.get(t.node) === true);
      reaches.set(top.node, hit);
      if (hit) order.push(top.node);
      stack.pop();
    } else if (!stops.has(key(child)) && !reaches.has(child.node)) {
      stack.push({ node: child.node, next: 0 });
    }
  }
  return new Set(order.reverse());
}

interface Local {
  outs: readonly Tensor[];
  dys: readonly (Tensor | undefined)[];
  wants: readonly boolean[];
}

function ruleGradient(node: Node, { outs, dys, wants }: Local): (Tensor | undefined)[] {
  const rule = GRADIENTS[node.op];
  if (rule === null) return [];
  const whole = typeof rule === "object";
  if (rule === "refused" || (!whole && dys.slice(1).some((g) => g !== undefined))) {
    throw new AttuneError("backend", {
      where: `tensor.grad: ${node.op}`,
      expected: "a result that is not differentiated (a metric)",
      got: "a gradient",
      fix: "wrap it in stopGradient, or build it from differentiable ops",
    });
  }
  const apply = (whole ? rule.whole : rule) as (c: GradientContext<OpName>) => (Tensor | undefined)[];
  const attrs = node.attrs as OpAttrs[OpName];
  return apply({ inputs: node.inputs, outputs: outs, attrs, dy: dys[0]!, dys, wants });
}

function blockGradient(
  node: Node<"block">,
  dys: readonly (Tensor | undefined)[],
  wants: readonly boolean[],
): (Tensor | undefined)[] {
  const { body, forward, recompute } = node.attrs;
  const incoming = dys.find((g) => g !== undefined)!;
  let inputs = node.inputs;
  let outputs = forward;
  if (recompute) {
    inputs = [tie(node.inputs[0]!, [incoming]), ...node.inputs.slice(1)];
    outputs = body(inputs);
  }
  // An input given twice gets its whole gradient once, at its first place.
  const first = (t: Tensor): number => inputs.findIndex((other) => key(other) === key(t));
  const wanted = inputs.flatMap((t, i) => (wants[i] && first(t) === i ? [{ t, i }] : []));
  const grads = vjp(
    outputs,
    dys,
    wanted.map(({ t }) => t),
  );
  const result: (Tensor | undefined)[] = inputs.map(() => undefined);
  wanted.forEach(({ i }, k) => (result[i] = grads[k]));
  if (result[0])
    result[0] = tie(
      result[0],
      result.slice(1).filter((g) => g !== undefined && g.node.op !== "constant") as Tensor[],
    );
  return result;
}
