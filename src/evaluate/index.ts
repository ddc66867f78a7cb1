/**
 * Measuring what was learned. The built-in world, whose true utility is known, is here too.
 */
export * from "./world/index.js";
