/** ONNX Runtime keeps the contract, in float32. */
import { ortBackend } from "../../src/backends/index.js";
import { backendConformance } from "./backend.js";

backendConformance("ort", () => ortBackend({ threads: 1 }), { tolerance: 1e-5 });
