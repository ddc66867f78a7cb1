/** A symbolic graph as an ONNX model: leaves bound by name, ops by the lowering table. */
import { AttuneError } from "../../errors.js";
import {
  type ComputedOp,
  type Graph,
  graphNodes,
  type LogProbAttrs,
  type Node,
  type OpAttrs,
  resolve,
  sameShape,
  showShape,
  type Tensor,
  type TensorType,
} from "../../tensor/index.js";
import { Emitter, toBytes } from "./emitter.js";
import { type FrozenHead, type FrozenHeads, frozenHeads } from "./lower-frozen-head.js";
import { LOWERINGS, type LoweringContext } from "./lowering.js";
import { encodeModel } from "./onnx-model.js";
import { relativeInitializers } from "./external-data.js";
import { FrozenWeights, type FrozenForm } from "./frozen-weights.js";
import type { WeightStore } from "./weight-store.js";

export interface LoweredGraph {
  model: Uint8Array;
  /** Folder that external weight locations are relative to; undefined without frozen weights. */
  folder: string | undefined;
  /** Inputs that the outputs really need. */
  inputs: string[];
}

const key = (t: Tensor): string => `${t.node.id}:${t.index}`;

export interface LowerOptions {
  /** Form of frozen weights in products. */
  frozen: FrozenForm;
  store: WeightStore;
}

export function lowerGraph(graph: Graph, { frozen, store }: LowerOptions): LoweredGraph {
  const nodes = graphNodes(graph);
  const e = new Emitter();
  const names = new Map<string, string>();
  const inputs: string[] = [];
  const weights = new FrozenWeights({ e, store, frozen });
  const heads = frozenHeads({ e, weights });
  for (const node of nodes) {
    if (node.op === "weight") continue;
    const outputs = lowerNode(node, { e, names, weights, heads, inputs, graph });
    outputs.forEach((name, index) => names.set(`${node.id}:${index}`, name));
  }
  heads.finish();
  const outputs = Object.entries(graph.outputs).map(([name, t]) => {
    // Identity gives every output a name of its own, also where two outputs are one value or an input.
    e.nodes.push({ op: "Identity", inputs: [nameOf(t, { names, weights })], outputs: [`out:${name}`] });
    return { name: `out:${name}`, type: t.dtype, shape: t.shape };
  });
  const declared = inputs.map((name) => ({
    name: `in:${name}`,
    type: graph.inputs[name]!.dtype,
    shape: graph.inputs[name]!.shape,
  }));
  const { initializers, folder } = relativeInitializers(e.initializers);
  return { model: encodeModel({ nodes: e.nodes, initializers, inputs: declared, outputs }), folder, inputs };
}

interface Walk {
  e: Emitter;
  names: Map<string, string>;
  weights: FrozenWeights;
  heads: FrozenHeads;
  inputs: string[];
  graph: Graph;
}

function nameOf(t: Tensor, { names, weights }: Pick<Walk, "names" | "weights">): string {
  const resolved = resolve(t);
  return resolved.node.op === "weight" ? weights.float32(resolved) : names.get(key(resolved))!;
}

function checkDeclared(name: string, used: TensorType, { inputs }: Graph): void {
  const declared = inputs[name];
  if (declared && declared.dtype === used.dtype && sameShape(declared.shape, used.shape)) return;
  throw new AttuneError("backend", {
    where: `graph input "${name}"`,
    expected: `${used.dtype}${showShape(used.shape)} among the graph's inputs, as the outputs use it`,
    got: declared
      ? `${declared.dtype}${showShape(declared.shape)}`
      : `only ${Object.keys(inputs).join(", ") || "no inputs"}`,
    fix: "list every input that the outputs depend on in graph.inputs, under its own name",
  });
}

const HEAD_OPS: ReadonlySet<string> = new Set(["logProbs", "logProbsGradHidden", "vocabularyStats"]);

const headOf = (
  { inputs, attrs }: Node,
  { heads, operands }: { heads: FrozenHeads; operands: readonly string[] },
): FrozenHead =>
  heads.of({
    weight: resolve(inputs[1]!),
    hidden: operands[0]!,
    labels: operands[2]!,
    rows: inputs[0]!.shape[0]!,
    attrs: attrs as LogProbAttrs,
  });

function lowerNode(node: Node, { e, names, weights, heads, inputs, graph }: Walk): string[] {
  const type = node.outputs[0]!;
  switch (node.op) {
    case "input": {
      const { name } = node.attrs as OpAttrs["input"];
      checkDeclared(name, type, graph);
      inputs.push(name);
      return [`in:${name}`];
    }
    case "constant": {
      const { value } = node.attrs as OpAttrs["constant"];
      if (typeof value !== "number")
        return [e.initializer({ type: type.dtype, shape: type.shape, data: toBytes(type.dtype, value) })];
      const scalar = e.literal(type.dtype === "bool" ? "int32" : type.dtype, [], [value]);
      const typed =
        type.dtype === "bool" ? e.emit("Cast", [scalar], { attributes: { to: { int: 9 } } }) : scalar;
      return [type.shape.length === 0 ? typed : e.emit("Expand", [typed, e.int64s(type.shape)])];
    }
    default: {
      const second = node.inputs[1] && resolve(node.inputs[1]);
      if (node.op === "gather" && resolve(node.inputs[0]!).node.op === "weight")
        return [weights.pick(resolve(node.inputs[0]!), nameOf(second!, { names, weights }))];
      const bytes = weights.bytes(node);
      // In float32 every head is worked alike, by rows: a policy whose head is trained equals its frozen reference to the last bit.
      const frozen = weights.inBytes && HEAD_OPS.has(node.op) && second!.node.op === "weight";
      // A product in bytes has no use for the float32 matrix, and a frozen head takes it in parts.
      const read = (i: number): boolean => i !== 1 || (bytes === undefined && !frozen);
      const operands = node.inputs.map((t, i) => (read(i) ? nameOf(t, { names, weights }) : ""));
      const context: LoweringContext = {
        e,
        in: operands,
        bytes,
        head: frozen ? headOf(node, { heads, operands }) : undefined,
        node,
        attrs: node.attrs as OpAttrs[ComputedOp],
        shapes: node.inputs.map((t) => t.shape),
      };
      const lower = LOWERINGS[node.op as ComputedOp] as (c: LoweringContext) => string | string[];
      const result = lower(context);
      return typeof result === "string" ? [result] : result;
    }
  }
}
