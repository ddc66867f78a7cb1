/** Runs a graph node by node; a value is dropped after its last use. Knows no op but the leaves. */
import { AttuneError } from "../../errors.js";
import {
  type ComputedOp,
  type Graph,
  graphNodes,
  type Node,
  type OpAttrs,
  resolve,
  sameShape,
  showShape,
  type Tensor,
  type TensorType,
} from "../../tensor/index.js";
import { KERNELS } from "./kernels.js";
import { allocate, type Data, type Kernel, type Value } from "./value.js";
import { readWeight } from "./weights.js";

export interface Plan {
  /** Inputs that the outputs depend on. */
  readonly inputs: ReadonlyMap<string, TensorType>;
  /** Values of the outputs from values of the inputs. */
  execute(feeds: ReadonlyMap<string, Value>): Map<string, Value>;
}

const key = (t: Tensor): string => `${t.node.id}:${t.index}`;

export const showType = ({ dtype, shape }: TensorType): string => `${dtype}${showShape(shape)}`;

export function plan(graph: Graph): Plan {
  const nodes = graphNodes(graph);
  const outputs = Object.entries(graph.outputs).map(([name, t]) => [name, key(resolve(t))] as const);
  const kept = new Set(outputs.map(([, id]) => id));
  const inputs = new Map<string, TensorType>();
  const leaves = new Map<Node, Data>();
  const lastUse = new Map<string, Node>();
  for (const node of nodes) {
    if (node.op === "input") declare(node, graph, inputs);
    const data = literal(node);
    if (data) leaves.set(node, data);
    for (const t of node.inputs) lastUse.set(key(resolve(t)), node);
  }

  function compute(node: Node, values: Map<string, Value>, feeds: ReadonlyMap<string, Value>): Data[] {
    if (node.op === "input") return [feeds.get((node.attrs as OpAttrs["input"]).name)!.data];
    const leaf = leaves.get(node);
    if (leaf) return [leaf];
    const kernel = KERNELS[node.op as ComputedOp] as Kernel<ComputedOp>;
    const operands = node.inputs.map((t) => values.get(key(resolve(t)))!);
    return kernel(operands, node.attrs as OpAttrs[ComputedOp], node.outputs);
  }

  return {
    inputs,
    execute(feeds) {
      const values = new Map<string, Value>();
      for (const node of nodes) {
        const results = compute(node, values, feeds);
        node.outputs.forEach((type, i) => values.set(`${node.id}:${i}`, { ...type, data: results[i]! }));
        for (const t of node.inputs) {
          const id = key(resolve(t));
          if (lastUse.get(id) === node && !kept.has(id)) values.delete(id);
        }
      }
      return new Map(outputs.map(([name, id]) => [name, values.get(id)!]));
    },
  };
}

/** Notes an input that is used; it must be declared by the graph under its name. */
function declare(node: Node, graph: Graph, inputs: Map<string, TensorType>): void {
  const { name } = node.attrs as OpAttrs["input"];
  const used = node.outputs[0]!;
  const declared = graph.inputs[name];
  if (!declared || declared.dtype !== used.dtype || !sameShape(declared.shape, used.shape)) {
    throw new AttuneError("backend", {
      where: `graph input "${name}"`,
      expected: `${showType(used)} among the graph's inputs, as the outputs use it`,
      got: declared ? showType(declared) : `only ${Object.keys(graph.inputs).join(", ") || "no inputs"}`,
      fix: "list every input that the outputs depend on in graph.inputs, under its own name",
    });
  }
  inputs.set(name, declared);
}

function literal(node: Node): Data | undefined {
  const type = node.outputs[0]!;
  if (node.op === "weight") return readWeight((node.attrs as OpAttrs["weight"]).source, type.shape);
  if (node.op !== "constant") return undefined;
  const { value } = node.attrs as OpAttrs["constant"];
  const data = allocate(type);
  if (typeof value === "number") return data.fill(value);
  data.set(value);
  return data;
}
