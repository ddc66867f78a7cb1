/** What computes graphs: ONNX Runtime, and a slow float64 reference for tests. */
export { ortBackend, type OrtOptions } from "./ort/index.js";
export { referenceBackend } from "./reference/index.js";
