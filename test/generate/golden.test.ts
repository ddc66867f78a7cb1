/** Greedy decoding against PyTorch in float64: every family of the golden models, and a trained model. */
import { afterAll, describe, expect, it } from "vitest";
import { ortBackend, referenceBackend } from "../../src/backends/index.js";
import { TokenGenerator } from "../../src/generate/index.js";
import { bindWeights, openModelFolder } from "../../src/models/index.js";
import type { Backend } from "../../src/tensor/index.js";
import { data, golden, missing, readJson } from "../support/shared.js";

const backends = { reference: referenceBackend(), ort: ortBackend({ threads: 1 }) };
afterAll(async () => {
  for (const backend of Object.values(backends)) await backend.close();
});

function generator(backend: Backend, path: string): TokenGenerator {
  const folder = openModelFolder(path);
  return new TokenGenerator(backend, { graph: { config: folder.config, weights: bindWeights(folder) } });
}

interface Case {
  name: string;
  inputs: { checkpoint: string; rows: number[][] };
  options: { max_new_tokens: number };
  expected: {
    greedy_tokens: number[][];
    greedy_log_probs: number[][];
    greedy_tokens_with_eos: { eos_token_id: number; pad_token_id: number; tokens: number[][] };
  };
}

const file = golden("models", "language_models.json");
const absent = missing(file);
const cases = absent ? [] : readJson<{ cases: Case[] }>(file).cases;

describe.skipIf(absent !== undefined)(
  `greedy decoding as in golden/models${absent ? ` (${absent})` : ""}`,
  () => {
    for (const [kind, backend] of Object.entries(backends)) {
      const tolerance = kind === "reference" ? 1e-9 : 3e-5;
      for (const { name, inputs, options, expected } of cases) {
        it(`${name} on ${kind}`, async () => {
          const engine = generator(backend, golden("models", inputs.checkpoint));
          const greedy = { temperature: 0, maxNewTokens: options.max_new_tokens };
          const rows = await engine.complete(inputs.rows, { ...greedy, stopTokens: [] });
          expect(rows.map(({ tokens }) => tokens)).toEqual(expected.greedy_tokens);
          expect(rows.every(({ finishReason }) => finishReason === "length")).toBe(true);
          rows.forEach(({ logProbs }, r) =>
            logProbs.forEach((v, t) =>
              expect(Math.abs(v - expected.greedy_log_probs[r]![t]!)).toBeLessThan(tolerance),
            ),
          );
          const { eos_token_id: eos, tokens: padded } = expected.greedy_tokens_with_eos;
          const stopped = await engine.complete(inputs.rows, { ...greedy, stopTokens: [eos] });
          stopped.forEach(({ tokens, finishReason }, r) => {
            const end = padded[r]!.indexOf(eos);
            expect(tokens).toEqual(end < 0 ? padded[r] : padded[r]!.slice(0, end + 1));
            expect(finishReason).toBe(end < 0 ? "length" : "stop");
          });
          await engine.close();
        });
      }
    }
  },
);

const stories = data("stories260K");
const noStories = missing(stories);

describe.skipIf(noStories !== undefined)(`a trained model${noStories ? ` (${noStories})` : ""}`, () => {
  for (const [kind, backend] of Object.entries(backends)) {
    it(`says the 200 tokens of its reference on ${kind}`, async () => {
      const reference = readJson<{
        prompt_ids: number[];
        greedy_ids: number[];
        greedy_token_logprobs: number[];
      }>(data("stories260K", "reference_greedy.json"));
      const engine = generator(backend, stories);
      const [row] = await engine.complete([reference.prompt_ids], {
        temperature: 0,
        maxNewTokens: 200,
        stopTokens: [],
      });
      // The reference begins with its prompt.
      expect([...reference.prompt_ids, ...row!.tokens]).toEqual(reference.greedy_ids);
      row!.logProbs.forEach((v, t) =>
        expect(Math.abs(v - reference.greedy_token_logprobs[t]!)).toBeLessThan(1e-4),
      );
      await engine.close();
    });
  }
});
