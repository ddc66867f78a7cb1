/** Conformance cases of every op: one without a case is a type error. */
import type { ComputedOp } from "../../../src/tensor/index.js";
import type { Case } from "../case.js";
import { elementwise } from "./elementwise.js";
import { head } from "./head.js";
import { indexing } from "./indexing.js";
import { movement } from "./movement.js";
import { neural } from "./neural.js";
import { products } from "./products.js";
import { reduce } from "./reduce.js";

export const CASES: Readonly<Record<ComputedOp, readonly Case[]>> = {
  ...elementwise,
  ...movement,
  ...reduce,
  ...products,
  ...indexing,
  ...neural,
  ...head,
};
