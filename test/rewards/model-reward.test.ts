/** A trained reward model as a reward: the score that the model gives, whatever the answer is batched with. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { referenceBackend } from "../../src/backends/index.js";
import { sequenceRewards } from "../../src/evaluate/index.js";
import type { GenerationModel } from "../../src/generate/index.js";
import { bindWeights, openModelFolder, writeRandomModel } from "../../src/models/index.js";
import { ensembleReward, modelReward, type RewardItem, scoreItems } from "../../src/rewards/index.js";
import { loadTokenizer, type Tokenizer, tokenizeCompletions } from "../../src/text/index.js";
import { repositoryRoot } from "../support/shared.js";

const config = {
  architectures: ["LlamaForSequenceClassification"],
  model_type: "llama",
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  vocab_size: 1536,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  num_labels: 1,
  id2label: { "0": "LABEL_0" },
  bos_token_id: 0,
  eos_token_id: 1,
  pad_token_id: 0,
};

const scratch = mkdtempSync(join(tmpdir(), "attune-reward-"));
const backend = referenceBackend();
let tokenizer: Tokenizer;
beforeAll(async () => {
  await writeRandomModel(join(scratch, "model"), config, { seed: 1, dtype: "F32", std: 0.3 });
  tokenizer = await loadTokenizer(join(repositoryRoot, "models", "tiny"));
});
afterAll(async () => {
  await backend.close();
  rmSync(scratch, { recursive: true });
});

function model(): GenerationModel {
  const folder = openModelFolder(join(scratch, "model"));
  return { graph: { config: folder.config, weights: bindWeights(folder) } };
}

const user = (content: string) => [{ role: "user", content }];
const items: RewardItem[] = [
  { id: "a", prompt: "What is it?", completion: " A stone." },
  { id: "b", prompt: user("What is it?"), completion: [{ role: "assistant", content: "It is a stone." }] },
  {
    id: "c",
    prompt: user("And that, over there?"),
    completion: "A much longer answer about a tree and a river.",
  },
  { id: "d", prompt: "?", completion: " No." },
];

describe("a reward model", () => {
  it("gives what evaluation gives, for text and for conversations", async () => {
    const reward = modelReward("rm", { backend, model: model(), tokenizer });
    const { scores } = await scoreItems(reward, items);
    const answer = (content: string) => [{ role: "assistant", content }];
    const rows = [
      { prompt: "What is it?", completions: [" A stone."] },
      { prompt: user("What is it?"), completions: [answer("It is a stone.")] },
      { prompt: user("And that, over there?"), completions: [answer(String(items[2]!.completion))] },
      { prompt: "?", completions: [" No."] },
    ];
    const examples = await Promise.all(
      rows.map(async (row, i) => {
        const { prompt, completions } = await tokenizeCompletions(tokenizer, row);
        return { id: String(i), prompt, completions };
      }),
    );
    const want = await sequenceRewards(examples, { backend, model: model() });
    want.forEach(([x], i) => expect(scores[i]).toBeCloseTo(x!, 10));
    expect(new Set(scores).size).toBe(4);
    await reward.close!();
  });
  it("does not mind batch mates, nor being asked twice at the same time", async () => {
    const reward = modelReward("rm", { backend, model: model(), tokenizer, batchTokens: 32 });
    const [together, again] = await Promise.all([scoreItems(reward, items), scoreItems(reward, items)]);
    expect(again.scores).toEqual(together.scores);
    for (const [i, item] of items.entries())
      expect((await scoreItems(reward, [item])).scores[0]).toBeCloseTo(together.scores[i]!, 12);
    await reward.close!();
  });
  it("names the rows that are longer than its context, or cuts their start", async () => {
    const long: RewardItem = { id: "long", prompt: "word ".repeat(200), completion: " end." };
    const strict = modelReward("rm", { backend, model: model(), tokenizer });
    await expect(scoreItems(strict, [...items, long])).rejects.toThrow(
      "rewards: rm: row long: expected at most 64 tokens, the reward model's context",
    );
    const cut = modelReward("rm", { backend, model: model(), tokenizer, tooLong: "cut-start" });
    expect(Number.isFinite((await scoreItems(cut, [long])).scores[0]!)).toBe(true);
    await cut.close!();
    await strict.close!();
  });
  it("makes ensembles with others, which say how far they differ", async () => {
    const members = ["one", "two"].map((name) => modelReward(name, { backend, model: model(), tokenizer }));
    const { components } = await scoreItems(ensembleReward("both", members), items);
    expect([...components["disagreement"]!]).toEqual([0, 0, 0, 0]);
    await Promise.all(members.map((member) => member.close!()));
  });
  it("must be one: a language model is refused", () => {
    const folder = openModelFolder(join(repositoryRoot, "models", "tiny"));
    const language = { graph: { config: folder.config, weights: bindWeights(folder) } };
    expect(() => modelReward("rm", { backend, model: language, tokenizer })).toThrow(
      "expected a reward model",
    );
  });
});
