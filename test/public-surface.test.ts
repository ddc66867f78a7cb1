/** The public surface is a decision, not an accident: names are added here on purpose. */
import { expect, it } from "vitest";
import * as attune from "../src/index.js";

it("exports exactly these names", () => {
  expect(Object.keys(attune).sort()).toEqual([
    "AttuneError",
    "TokenGenerator",
    "adamw",
    "chain",
    "clipByGlobalNorm",
    "createPolicy",
    "dpo",
    "exampleSource",
    "fit",
    "fitToEnd",
    "kto",
    "ktoSource",
    "layoutBatch",
    "loadExamples",
    "loadModel",
    "loadTokenizer",
    "openDataset",
    "openModel",
    "orpo",
    "ortBackend",
    "pairTrainer",
    "preference",
    "referenceBackend",
    "reward",
    "runTraining",
    "saveModelFolder",
    "savePolicy",
    "schedule",
    "sft",
    "simpo",
  ]);
});
