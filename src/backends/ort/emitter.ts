/** Collects ONNX nodes while a graph is lowered: fresh names, shared constants. Knows no Attune op. */
import type { Attribute, OnnxInitializer, OnnxNode, OnnxType } from "./onnx-model.js";

export interface EmitOptions {
  attributes?: Readonly<Record<string, Attribute>>;
  domain?: "com.microsoft";
  /** Number of outputs. Default 1. */
  outputs?: number;
}

export class Emitter {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: OnnxInitializer[] = [];
  readonly #memo = new Map<string, string[]>();
  #count = 0;

  /** Adds a node; gives the names of its outputs. Equal nodes are shared. */
  emitAll(op: string, inputs: readonly string[], options: EmitOptions = {}): string[] {
    const { attributes, domain, outputs = 1 } = options;
    const key = JSON.stringify([op, domain, inputs, attributes, outputs]);
    const known = this.#memo.get(key);
    if (known) return known;
    const names = Array.from({ length: outputs }, () => this.name());
    this.nodes.push({
      op,
      inputs,
      outputs: names,
      ...(attributes && { attributes }),
      ...(domain && { domain }),
    });
    this.#memo.set(key, names);
    return names;
  }

  /** A name for a value that is made later. */
  name(): string {
    return `v${this.#count++}`;
  }

  emit(op: string, inputs: readonly string[], options: EmitOptions = {}): string {
    return this.emitAll(op, inputs, options)[0]!;
  }

  /** A small literal, shared by value. */
  literal(
    type: "float32" | "int32" | "int64" | "uint8",
    shape: readonly number[],
    values: readonly number[],
  ): string {
    const key = JSON.stringify([type, shape, values.map(String)]);
    const known = this.#memo.get(key);
    if (known) return known[0]!;
    const name = this.initializer({ type, shape, data: toBytes(type, values) });
    this.#memo.set(key, [name]);
    return name;
  }

  int64s(values: readonly number[]): string {
    return this.literal("int64", [values.length], values);
  }

  /** A weight that lies in a file, shared by place. */
  external(value: Omit<OnnxInitializer, "name">): string {
    const key = JSON.stringify(value);
    const known = this.#memo.get(key)?.[0];
    if (known !== undefined) return known;
    const name = this.initializer(value);
    this.#memo.set(key, [name]);
    return name;
  }

  initializer(value: Omit<OnnxInitializer, "name">): string {
    const name = `c${this.#count++}`;
    this.initializers.push({ name, ...value });
    return name;
  }
}

export function toBytes(type: OnnxType, values: ArrayLike<number>): Uint8Array {
  const view =
    type === "float32"
      ? Float32Array.from(values)
      : type === "int32"
        ? Int32Array.from(values)
        : type === "bool" || type === "uint8"
          ? Uint8Array.from(values)
          : BigInt64Array.from(Array.from(values, (n) => BigInt(n)));
  return new Uint8Array(view.buffer);
}
