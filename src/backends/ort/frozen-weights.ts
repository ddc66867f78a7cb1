/**
 * Frozen weights of a graph as initializers that are mapped from files, in the form that each use asks for. One weight used by two
 * models (a policy and its reference) is mapped once. Knows forms, not how they are made.
 */
import type { Node, OpAttrs, Tensor } from "../../tensor/index.js";
import { resolve } from "../../tensor/index.js";
import type { Emitter } from "./emitter.js";
import { type ByteMatrix, worthBytes } from "./lower-frozen.js";
import type { OnnxType } from "./onnx-model.js";
import { type FormPart, formParts, type WeightForm } from "./weight-forms.js";
import type { WeightStore } from "./weight-store.js";

export type FrozenForm = "float32" | "int8";

const STORAGE: Record<string, OnnxType> = { F32: "float32", BF16: "bfloat16", F16: "float16" };
/** Ops whose second input is the matrix of a product; those of the head multiply with its transpose. */
const BYTE_PRODUCTS: ReadonlySet<string> = new Set([
  "frozenMatmul",
  "logProbs",
  "logProbsGradHidden",
  "vocabularyStats",
]);
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

  /** As it lies in its file. */
  stored(weight: Tensor): string {
    const { file, offset, bytes, storage } = sourceOf(weight);
    const data = { location: file, offset, length: bytes };
    return this.#e.external({ type: STORAGE[storage]!, shape: weight.shape, data });
  }

  float32(weight: Tensor): string {
    if (sourceOf(weight).storage === "F32") return this.stored(weight);
    if (weight.shape.reduce((a, b) => a * b, 1) < large)
      return this.#e.emit("Cast", [this.stored(weight)], { attributes: { to: { int: 1 } } });
    return this.#part(weight, "float32").values;
  }

  /** The matrix of a product as bytes, where it is frozen and bytes are wanted and worth it. */
  bytes(node: Node): ByteMatrix | undefined {
    if (this.#frozen !== "int8" || !BYTE_PRODUCTS.has(node.op)) return undefined;
    const weight = resolve(node.inputs[1]!);
    if (weight.node.op !== "weight" || !worthBytes(weight.shape)) return undefined;
    const transB = node.op === "frozenMatmul" ? (node.attrs as OpAttrs["frozenMatmul"]).transB : true;
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
