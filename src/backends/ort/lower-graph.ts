/** A symbolic graph as an ONNX model: leaves bound by name, ops by the lowering table. */
import { dirname, relative } from "node:path";
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
import { Emitter, toBytes } from "./emitter.js";
import { LOWERINGS, type LoweringContext } from "./lowering.js";
import { encodeModel, type OnnxType } from "./onnx-model.js";

export interface LoweredGraph {
  model: Uint8Array;
  /** Folder that external weight locations are relative to; undefined without frozen weights. */
  folder: string | undefined;
  /** Inputs that the outputs really need. */
  inputs: string[];
}

const STORAGE: Record<string, OnnxType> = { F32: "float32", BF16: "bfloat16", F16: "float16" };

const key = (t: Tensor): string => `${t.node.id}:${t.index}`;

export function lowerGraph(graph: Graph): LoweredGraph {
  const nodes = graphNodes(graph);
  const folder = commonFolder(nodes);
  const e = new Emitter();
  const names = new Map<string, string>();
  const inputs: string[] = [];
  for (const node of nodes) {
    const outputs = lowerNode(node, { e, names, folder, inputs, graph });
    outputs.forEach((name, index) => names.set(`${node.id}:${index}`, name));
  }
  const outputs = Object.entries(graph.outputs).map(([name, t]) => {
    // Identity gives every output a name of its own, also where two outputs are one value or an input.
    e.nodes.push({ op: "Identity", inputs: [names.get(key(resolve(t)))!], outputs: [`out:${name}`] });
    return { name: `out:${name}`, type: t.dtype, shape: t.shape };
  });
  const declared = inputs.map((name) => ({
    name: `in:${name}`,
    type: graph.inputs[name]!.dtype,
    shape: graph.inputs[name]!.shape,
  }));
  return {
    model: encodeModel({ nodes: e.nodes, initializers: e.initializers, inputs: declared, outputs }),
    folder,
    inputs,
  };
}

interface Walk {
  e: Emitter;
  names: Map<string, string>;
  folder: string | undefined;
  inputs: string[];
  graph: Graph;
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

function lowerNode(node: Node, { e, names, folder, inputs, graph }: Walk): string[] {
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
    case "weight": {
      const { source } = node.attrs as OpAttrs["weight"];
      const data = { location: relative(folder!, source.file), offset: source.offset, length: source.bytes };
      // One weight used by two models (a policy and its reference) is mapped once.
      const raw = e.external({ type: STORAGE[source.storage]!, shape: type.shape, data });
      return [source.storage === "F32" ? raw : e.emit("Cast", [raw], { attributes: { to: { int: 1 } } })];
    }
    default: {
      const context: LoweringContext = {
        e,
        in: node.inputs.map((t) => names.get(key(resolve(t)))!),
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

function commonFolder(nodes: readonly Node[]): string | undefined {
  const files = new Set(
    nodes.flatMap((n) => (n.op === "weight" ? [(n.attrs as OpAttrs["weight"]).source.file] : [])),
  );
  let folder: string | undefined;
  for (const file of files) {
    folder ??= dirname(file);
    while (relative(folder, file).startsWith("..")) {
      const up = dirname(folder);
      if (up === folder)
        throw new AttuneError("backend", {
          where: file,
          expected: "weight files on one volume",
          got: [...files].join(", "),
        });
      folder = up;
    }
  }
  return folder;
}
