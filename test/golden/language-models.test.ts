/** Every model family against PyTorch in float64: logits, log-probabilities, loss and the gradient of every parameter. */
import { afterAll, describe, expect, it } from "vitest";
import { ortBackend, referenceBackend } from "../../src/backends/index.js";
import { openModelFolder, openSafetensors, readTensor64 } from "../../src/models/index.js";
import { golden, missing, readJson } from "../support/shared.js";
import { runLanguageModel } from "../support/models.js";

interface Case {
  name: string;
  inputs: { checkpoint: string; rows: number[][] };
  expected: {
    tensors: string;
    mean_nll: number;
    token_log_probs: number[][];
    gradients_of_mean_nll: Record<string, { norm: number; first8: number[]; projection: number }>;
  };
}

const file = golden("models", "language_models.json");
const absent = missing(file);
const cases = absent ? [] : readJson<{ cases: Case[] }>(file).cases;
const backends = { reference: referenceBackend(), ort: ortBackend({ threads: 1 }) };
afterAll(async () => {
  for (const backend of Object.values(backends)) await backend.close();
});

const projection = (g: ArrayLike<number>): number =>
  Array.from(g).reduce((total, v, i) => total + v * ((((i + 1) ** 2 * 0.6180339887498949) % 1) - 0.5), 0);
const norm = (g: ArrayLike<number>): number =>
  Math.sqrt(Array.from(g).reduce((total, v) => total + v * v, 0));

describe.skipIf(absent !== undefined)(
  `language models as in golden/models${absent ? ` (${absent})` : ""}`,
  () => {
    for (const [kind, backend] of Object.entries(backends)) {
      const exact = kind === "reference";
      for (const c of cases) {
        it(`${c.name} on ${kind}`, async () => {
          const folder = openModelFolder(golden("models", c.inputs.checkpoint));
          const trainable = Object.keys(c.expected.gradients_of_mean_nll);
          const run = await runLanguageModel(backend, folder, { rows: c.inputs.rows, trainable });
          const stored = readTensor64(
            openSafetensors(golden("models", c.expected.tensors)).tensors.get("logits")!,
          );
          const worst = Math.max(...run.logits.map((v, i) => Math.abs(v - stored[i]!)));
          expect(run.logits).toHaveLength(stored.length);
          expect(worst).toBeLessThan(exact ? 1e-10 : 3e-5);
          const logps = c.expected.token_log_probs.flat();
          run.tokenLogProbs.forEach((v, i) =>
            expect(Math.abs(v - logps[i]!)).toBeLessThan(
              (exact ? 1e-10 : 1e-5) * Math.max(1, Math.abs(logps[i]!)),
            ),
          );
          expect(Math.abs(run.meanNll / c.expected.mean_nll - 1)).toBeLessThan(exact ? 1e-12 : 1e-5);
          for (const [name, expected] of Object.entries(c.expected.gradients_of_mean_nll)) {
            const g = run.gradients.get(name)!;
            const tolerance = (exact ? 1e-9 : 1e-4) * expected.norm;
            expect(Math.abs(norm(g) - expected.norm), name).toBeLessThan(tolerance);
            expect(Math.abs(projection(g) - expected.projection), name).toBeLessThan(tolerance);
            expected.first8.forEach((v, i) =>
              expect(Math.abs(g[i]! - v), `${name}[${i}]`).toBeLessThan(tolerance),
            );
          }
        });
      }
    }
  },
);
