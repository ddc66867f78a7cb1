/**
 * Writes ONNX models: nodes, initializers (inline or in external files) and graph inputs and outputs, in the protobuf
 * wire format. Field numbers are those of onnx.proto (ONNX IR version 10). Knows nothing of Attune's ops.
 */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

export const ONNX_TYPES = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  bfloat16: 16,
} as const;
export type OnnxType = keyof typeof ONNX_TYPES;

export type Attribute =
  | number
  | { int: number }
  | { ints: readonly number[] }
  | { float: number }
  | { text: string };

export interface OnnxNode {
  op: string;
  inputs: readonly string[];
  outputs: readonly string[];
  attributes?: Readonly<Record<string, Attribute>>;
  /** "" is ONNX's own; "com.microsoft" the runtime's contributed ops. */
  domain?: string;
}

export interface OnnxValue {
  name: string;
  type: OnnxType;
  shape: readonly number[];
}

export interface OnnxInitializer extends OnnxValue {
  /** Little-endian bytes, or where they lie in a file (location relative to the model's folder). */
  data: Uint8Array | { location: string; offset: number; length: number };
}

export interface OnnxGraph {
  nodes: readonly OnnxNode[];
  initializers: readonly OnnxInitializer[];
  inputs: readonly OnnxValue[];
  outputs: readonly OnnxValue[];
}

const IR_VERSION = 10;
const OPSET = 20;
const EXTERNAL = 1;

type Body = (w: BinaryWriter) => void;

function message(w: BinaryWriter, field: number, body: Body): void {
  w.tag(field, WireType.LengthDelimited).fork();
  body(w);
  w.join();
}

const text = (w: BinaryWriter, field: number, value: string): unknown =>
  w.tag(field, WireType.LengthDelimited).string(value);
const integer = (w: BinaryWriter, field: number, value: number): unknown =>
  w.tag(field, WireType.Varint).int64(value);

function attribute(w: BinaryWriter, name: string, value: Attribute): void {
  text(w, 1, name);
  const kind = typeof value === "number" ? { float: value } : value;
  if ("float" in kind) {
    w.tag(2, WireType.Bit32).float(kind.float);
    integer(w, 20, 1);
  } else if ("int" in kind) {
    integer(w, 3, kind.int);
    integer(w, 20, 2);
  } else if ("text" in kind) {
    w.tag(4, WireType.LengthDelimited).bytes(new TextEncoder().encode(kind.text));
    integer(w, 20, 3);
  } else {
    for (const n of kind.ints) integer(w, 8, n);
    integer(w, 20, 7);
  }
}

function node(w: BinaryWriter, n: OnnxNode): void {
  for (const name of n.inputs) text(w, 1, name);
  for (const name of n.outputs) text(w, 2, name);
  text(w, 4, n.op);
  for (const [name, value] of Object.entries(n.attributes ?? {}))
    message(w, 5, (a) => attribute(a, name, value));
  if (n.domain) text(w, 7, n.domain);
}

function initializer(w: BinaryWriter, t: OnnxInitializer): void {
  for (const n of t.shape) integer(w, 1, n);
  integer(w, 2, ONNX_TYPES[t.type]);
  text(w, 8, t.name);
  const { data } = t;
  if (data instanceof Uint8Array) {
    w.tag(9, WireType.LengthDelimited).bytes(data);
    return;
  }
  for (const [key, value] of Object.entries(data)) {
    message(w, 13, (e) => {
      text(e, 1, key);
      text(e, 2, String(value));
    });
  }
  integer(w, 14, EXTERNAL);
}

function valueInfo(w: BinaryWriter, v: OnnxValue): void {
  text(w, 1, v.name);
  message(w, 2, (type) =>
    message(type, 1, (tensor) => {
      integer(tensor, 1, ONNX_TYPES[v.type]);
      message(tensor, 2, (shape) => {
        for (const n of v.shape) message(shape, 1, (dim) => integer(dim, 1, n));
      });
    }),
  );
}

/** The bytes of an ONNX model. */
export function encodeModel(graph: OnnxGraph): Uint8Array {
  const w = new BinaryWriter();
  integer(w, 1, IR_VERSION);
  text(w, 2, "attune");
  message(w, 7, (g) => {
    for (const n of graph.nodes) message(g, 1, (m) => node(m, n));
    text(g, 2, "attune");
    for (const t of graph.initializers) message(g, 5, (m) => initializer(m, t));
    for (const v of graph.inputs) message(g, 11, (m) => valueInfo(m, v));
    for (const v of graph.outputs) message(g, 12, (m) => valueInfo(m, v));
  });
  for (const [domain, version] of [
    ["", OPSET],
    ["com.microsoft", 1],
  ] as const) {
    message(w, 8, (m) => {
      text(m, 1, domain);
      integer(m, 2, version);
    });
  }
  return w.finish();
}
