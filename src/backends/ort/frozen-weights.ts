/**
 * Frozen weights of a graph as initializers that are mapped from files, in the form that each use asks for. One weight used by two
 * models (a policy and its reference) is mapped once. Knows forms, not how they are made.
 */
import type { Node, OpAttrs, Tensor } from "../../tensor/index.js";
import { resolve, weight as frozen } from "../../tensor/index.js";
import type { Emitter } from "./emitter.js";
import { type ByteMatrix, worthBytes } from "./lower-frozen.js";
import type { OnnxType } from "./onnx-model.js";
import { type FormPart, formParts, type WeightForm } from "./weight-forms.js";
import type { WeightStore } from "./weight-store.js";

export type FrozenForm = "float32" | "int8";

const STORAGE: Record<string, OnnxType> = { F32: "float32", BF16: "bfloat16", F16: "float16" };
/** Numbers from which a weight is widened once for all programs, not once in each. */
const large = 1 << 18;

const sourceOf = ({ node }: Tensor) => (node.attrs as OpAttrs["weight"]).source;

export class FrozenWeights {
  readonly #e: Emitter;
  readonly #store: WeightStore;
  readonly #frozen: FrozenForm;

  constructor({ e, store, frozen }: { e: Emitter; store: WeightStore; frozen: FrozenForm }) {
    this.#e = e;
    this.#store = store;
    this.#frozen = frozen;
  }

  /** Whether products with frozen matrices are made of bytes where that is worth it. */
  get inBytes(): boolean {
    return this.#frozen === "int8";
  }

  /** As it lies in its file. */
  #stored(weight: Tensor): string {
    const { file, offset, bytes, storage } = sourceOf(weight);
    const data = { location: file, offset, length: bytes };
    return this.#e.external({ type: STORAGE[storage]!, shape: weight.shape, data });
  }

  /** Rows of a weight, by indices; of one that is stored in 16 bits they are picked first and widened then. */
  pick(weight: Tensor, indices: string): string {
    const rows = this.#e.emit("Gather", [this.#stored(weight), indices], {
      attributes: { axis: { int: 0 } },
    });
    return sourceOf(weight).storage === "F32"
      ? rows
      : this.#e.emit("Cast", [rows], { attributes: { to: { int: 1 } } });
  }

  float32(weight: Tensor): string {
    if (sourceOf(weight).storage === "F32") return this.#stored(weight);
    if (weight.shape.reduce((a, b) => a * b, 1) < large)
      return this.#e.emit("Cast", [this.#stored(weight)], { attributes: { to: { int: 1 } } });
    return this.#part(weight, "float32").values;
  }

  /** The matrix of `frozenMatmul` as bytes, where bytes are wanted and worth it. */
  bytes({ op, inputs, attrs }: Node): ByteMatrix | undefined {
    if (op !== "frozenMatmul") return undefined;
    return this.#bytes(resolve(inputs[1]!), { transB: (attrs as OpAttrs["frozenMatmul"]).transB });
  }

  /** Consecutive rows of a matrix, by themselves: in float32, and the transpose as bytes. */
  rows(
    weight: Tensor,
    { start, end }: { start: number; end: number },
  ): { floats: string; bytes: ByteMatrix | undefined } {
    const [rows, width] = weight.shape as readonly [number, number];
    const source = sourceOf(weight);
    const row = source.bytes / rows;
    const part = { ...source, offset: source.offset + start * row, bytes: (end - start) * row };
    const cut = frozen("rows", [end - start, width], part);
    return { floats: this.float32(cut), bytes: this.#bytes(cut, { transB: true }) };
  }

  #bytes(weight: Tensor, { transB }: { transB: boolean }): ByteMatrix | undefined {
    if (this.#frozen !== "int8" || weight.node.op !== "weight" || !worthBytes(weight.shape)) return undefined;
    const { values, scales } = this.#part(weight, transB ? "int8-transposed" : "int8");
    return { values, scales: scales! };
  }

  #part(weight: Tensor, form: WeightForm): { values: string; scales?: string } {
    const location = this.#store.file(sourceOf(weight), { shape: weight.shape, form });
    const { values, scales } = formParts(weight.shape, form);
    const mapped = (type: OnnxType, { offset, length, shape }: FormPart): string =>
      this.#e.external({ type, shape, data: { location, offset, length } });
    const numbers = mapped(form === "float32" ? "float32" : "int8", values);
    return scales === undefined
      ? { values: numbers }
      : { values: numbers, scales: mapped("float32", scales) };
  }
}
