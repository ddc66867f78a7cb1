/** The table of all kernels: an op without one is a type error. */
import { ELEMENTWISE } from "./elementwise.js";
import { INDEXING } from "./indexing.js";
import { LOG_PROBS } from "./log-probs.js";
import { MOVEMENT } from "./movement.js";
import { NEURAL } from "./neural.js";
import { PRODUCTS } from "./products.js";
import { REDUCE } from "./reduce.js";
import type { KernelTable } from "./value.js";

export const KERNELS: KernelTable = {
  ...ELEMENTWISE,
  ...MOVEMENT,
  ...REDUCE,
  ...PRODUCTS,
  ...INDEXING,
  ...NEURAL,
  ...LOG_PROBS,
};
