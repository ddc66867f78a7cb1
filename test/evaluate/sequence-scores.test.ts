/** Scores of existing answers agree with what wrote them, whatever they are batched with. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ortBackend, referenceBackend } from "../../src/backends/index.js";
import type { Example } from "../../src/data/index.js";
import { sequenceLogProbs, sequenceRewards } from "../../src/evaluate/index.js";
import { type GenerationModel, TokenGenerator } from "../../src/generate/index.js";
import { bindWeights, openModelFolder, parameterInputs, writeRandomModel } from "../../src/models/index.js";
import type { Backend } from "../../src/tensor/index.js";

const config = {
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  vocab_size: 29,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  tie_word_embeddings: true,
  bos_token_id: 0,
  eos_token_id: 1,
};

const scratch = mkdtempSync(join(tmpdir(), "attune-scores-"));
const path = join(scratch, "model");
const backend = ortBackend({ threads: 1 });
beforeAll(() => writeRandomModel(path, config, { seed: 1, dtype: "F32", std: 0.3 }));
afterAll(async () => {
  await backend.close();
  rmSync(scratch, { recursive: true });
});

function languageModel(): GenerationModel {
  const folder = openModelFolder(path);
  return { graph: { config: folder.config, weights: bindWeights(folder) } };
}

const prompts = [[3, 4, 5], [6], [7, 8, 9, 10, 11, 12]];

describe("log-probabilities of answers", () => {
  it("are those with which the model wrote them", async () => {
    const model = languageModel();
    const generator = new TokenGenerator(backend, model, { maxRows: 8 });
    const written = await generator.complete(prompts, { maxNewTokens: 9, seed: 5, samples: 3 });
    await generator.close();
    const examples: Example[] = written.map(({ prompt, tokens }, i) => ({
      id: String(i),
      prompt: prompts[prompt]!,
      completions: [{ tokens }],
    }));
    const scores = await sequenceLogProbs(examples, { backend, model, batchSize: 4 });
    written.forEach(({ logProbs }, i) => {
      const sum = logProbs.reduce((a, b) => a + b, 0);
      expect(scores[i]![0]).toBeCloseTo(sum, 4);
    });
  });

  it("do not depend on what is in the same batch, nor on the backend", async () => {
    const examples: Example[] = prompts.map((prompt, i) => ({
      id: String(i),
      prompt,
      completions: [{ tokens: [2, 3 + i, 1] }, { tokens: [5, 1] }],
    }));
    const score = (of: Backend, batchSize: number) =>
      sequenceLogProbs(examples, { backend: of, model: languageModel(), batchSize });
    const [together, alone] = [await score(backend, 64), await score(backend, 1)];
    const reference = referenceBackend();
    const exact = await score(reference, 2);
    await reference.close();
    together.forEach((pair, i) =>
      pair.forEach((value, k) => {
        expect(value).toBeCloseTo(alone[i]![k]!, 4);
        expect(value).toBeCloseTo(exact[i]![k]!, 4);
      }),
    );
  });

  it("leave out tokens that a mask leaves out", async () => {
    const score = async (completion: Example["completions"][number]): Promise<number> =>
      (
        await sequenceLogProbs([{ id: "0", prompt: [3, 4], completions: [completion] }], {
          backend,
          model: languageModel(),
        })
      )[0]![0]!;
    const whole = await score({ tokens: [7, 8] });
    const first = await score({ tokens: [7, 8], mask: [1, 0] });
    const second = await score({ tokens: [7, 8], mask: [0, 1] });
    expect(first + second).toBeCloseTo(whole, 4);
    expect(second).toBeLessThan(0);
  });

  it("of no examples are none", async () => {
    expect(await sequenceLogProbs([], { backend, model: languageModel() })).toEqual([]);
  });
});

describe("rewards of answers", () => {
  it("are read at each answer's own last token, with a head that lies in the backend", async () => {
    const folder = openModelFolder(path, { head: "sequence" });
    const head = folder.newParameters[0]!;
    const parameters = {
      [head.name]: await backend.upload({
        shape: head.shape,
        dtype: "float32",
        data: Float32Array.from({ length: 16 }, (_, i) => Math.cos(i)),
      }),
    };
    const weights = bindWeights(folder, parameterInputs({ [head.name]: head.shape }));
    const model: GenerationModel = { graph: { config: folder.config, weights }, parameters };
    const example = (id: string, completions: readonly number[][]): Example => ({
      id,
      prompt: [3, 4],
      completions: completions.map((tokens) => ({ tokens })),
    });
    const options = { backend, model };
    const pair = await sequenceRewards(
      [
        example("0", [
          [5, 6, 1],
          [7, 1],
        ]),
      ],
      options,
    );
    const single = await sequenceRewards([example("0", [[5, 6, 1]]), example("1", [[7, 1]])], options);
    expect(pair[0]![0]).toBeCloseTo(single[0]![0]!, 5);
    expect(pair[0]![1]).toBeCloseTo(single[1]![0]!, 5);
    expect(pair[0]![0]).not.toBeCloseTo(pair[0]![1]!, 3);
    await backend.free(Object.values(parameters));
  });
});
