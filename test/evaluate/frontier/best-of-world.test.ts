/** Best of n on the built-in world, drawn by the built-in model: its measured KL lies below log n - (n - 1) / n. */
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { ortBackend } from "../../../src/backends/index.js";
import {
  createWorld,
  drawQuestions,
  measuredBestOfKl,
  promptOf,
  utility,
} from "../../../src/evaluate/index.js";
import { TokenGenerator } from "../../../src/generate/index.js";
import { bestOfNKlBound } from "../../../src/losses/index.js";
import { bindWeights, openModel } from "../../../src/models/index.js";
import { chatTemplateOf, loadTokenizer, renderPrompt, stopTokenIds } from "../../../src/text/index.js";
import { repositoryRoot } from "../../support/shared.js";

const folder = join(repositoryRoot, "models", "tiny");
const backend = ortBackend();
afterAll(() => backend.close());

describe("the best of n answers of the built-in model", () => {
  it("lies nearer to the model than the bound, and further for larger n", async () => {
    const { model } = await openModel(folder);
    const tokenizer = await loadTokenizer(folder);
    const template = chatTemplateOf(tokenizer);
    const world = createWorld();
    const questions = drawQuestions(world, { count: 12, seed: 3 });
    const generator = new TokenGenerator(
      backend,
      {
        graph: { config: model.config, weights: bindWeights(model) },
        stopTokens: await stopTokenIds(tokenizer, template),
      },
      { maxRows: 128 },
    );
    const prompts = await Promise.all(
      questions.map((question) =>
        tokenizer.encode(renderPrompt(template, promptOf(question)), { addSpecialTokens: false }),
      ),
    );
    const completions = await generator.complete(prompts, { samples: 64, maxNewTokens: 40, seed: 7 });
    await generator.close();
    const measured = [1, 2, 4, 8, 16].map((n) => {
      const each = questions.map((question, p) => {
        const answers = completions
          .filter(({ prompt }) => prompt === p)
          .map(({ tokens, logProbs }) => {
            const text = tokenizer.decode(tokens, { skipSpecialTokens: true });
            return { text, reward: utility(question, text), logProb: logProbs.reduce((a, b) => a + b, 0) };
          });
        return measuredBestOfKl(answers, n);
      });
      return { n, kl: each.reduce((a, b) => a + b, 0) / each.length };
    });
    for (const { n, kl } of measured.slice(1)) {
      expect(kl).toBeLessThan(bestOfNKlBound(n));
      expect(kl).toBeGreaterThan(0);
    }
    expect(measured[0]!.kl).toBeCloseTo(0, 2);
    measured.slice(1).forEach(({ kl }, i) => expect(kl).toBeGreaterThan(measured[i]!.kl));
  });
});
