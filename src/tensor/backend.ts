/**
 * The contract between symbolic graphs and what computes them. Every implementation passes one conformance suite
 * (`test/contracts/backend.ts`).
 */
import type { DType, Graph, Shape, TensorType, WeightSource } from "./types.js";

export type HostArray = Float32Array | Float64Array | Int32Array | Uint8Array;

/** Numbers in JavaScript. float32 values are Float32Array (the float64 reference also takes and gives Float64Array). */
export interface HostTensor {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly data: HostArray;
}

/** A value that lives in the backend between runs: a parameter, an optimiser state, a cache. */
export interface Resident extends TensorType {
  readonly id: number;
}

/**
 * Where an output [n, ..., steps, inner] goes in a resident [m, ..., capacity, inner] that has more room: for each j,
 * its first `count[j]` steps of row `from[j]` become the resident's steps `at[j]`, ... of row `to[j]`.
 */
export interface Placement {
  readonly resident: Resident;
  readonly from: Int32Array;
  readonly to: Int32Array;
  readonly at: Int32Array;
  readonly count: Int32Array;
}

export interface RunOptions {
  /**
   * Outputs to leave in the backend, each in the resident named; the others are returned. A resident that is both read and
   * written is written beside itself and swapped.
   */
  into?: Readonly<Record<string, Resident>>;
  /** Outputs that are written into parts of residents (new entries of a cache), and not returned. */
  place?: Readonly<Record<string, Placement>>;
}

export interface Program {
  readonly graph: Graph;
  /** Feeds must name every input that the outputs depend on. */
  run(
    feeds: Readonly<Record<string, HostTensor | Resident>>,
    options?: RunOptions,
  ): Promise<Record<string, HostTensor>>;
  release(): Promise<void>;
}

export interface CompileOptions {
  /**
   * Repack frozen weights for speed: slower to make, faster for one-row products (decoding). Default false.
   */
  prepack?: boolean;
}

export interface Backend {
  readonly name: string;
  /** Type of the numbers that come out for "float32" tensors. */
  readonly precision: "float32" | "float64";
  compile(graph: Graph, options?: CompileOptions): Promise<Program>;
  upload(value: HostTensor): Promise<Resident>;
  /** A resident read straight from a weight file, converted to the backend's precision. */
  load(source: WeightSource, shape: Shape): Promise<Resident>;
  /** A resident of zeros. */
  zeros(type: TensorType): Promise<Resident>;
  /** Makes residents zeros again. */
  clear(residents: readonly Resident[]): Promise<void>;
  /** Replaces a resident's value. */
  write(resident: Resident, value: HostTensor): Promise<void>;
  download(resident: Resident): Promise<HostTensor>;
  free(residents: readonly Resident[]): Promise<void>;
  /** Releases programs, residents and threads. */
  close(): Promise<void>;
}
