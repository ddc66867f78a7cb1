/** One number as an input of a graph, in the precision of the backend. */
import type { Backend, HostTensor } from "../tensor/index.js";

export const scalar = (x: number, { precision }: Pick<Backend, "precision">): HostTensor => ({
  shape: [],
  dtype: "float32",
  data: precision === "float64" ? Float64Array.of(x) : Float32Array.of(x),
});
