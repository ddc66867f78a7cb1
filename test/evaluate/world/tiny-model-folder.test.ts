import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tinyCorpus } from "../../../recipes/build-tiny-model/corpus.js";
import {
  chatTemplate,
  specialTokens,
  tinyConfig,
  tinyGenerationConfig,
  tinyTokenizer,
  tinyTokenizerConfig,
} from "../../../recipes/build-tiny-model/model-folder.js";
import { ChatTemplate, loadTokenizer, type Tokenizer } from "../../../src/text/index.js";

const template = new ChatTemplate(chatTemplate);
const talk = [
  { role: "system", content: "You are a helpful assistant." },
  { role: "user", content: "What is the capital of France?" },
  { role: "assistant", content: "The capital of France is Paris." },
];

describe("the tiny model's chat template", () => {
  it("writes each turn between its role and the end of turn", () => {
    expect(template.render(talk)).toBe(
      "<|system|>You are a helpful assistant.<|end|><|user|>What is the capital of France?<|end|>" +
        "<|assistant|>The capital of France is Paris.<|end|>",
    );
    expect(template.render(talk.slice(0, 2), { addGenerationPrompt: true })).toBe(
      "<|system|>You are a helpful assistant.<|end|><|user|>What is the capital of France?<|end|><|assistant|>",
    );
  });

  it("marks the assistant's words with their end of turn as what is to be learnt", () => {
    const { text, spans } = template.renderMarked(talk);
    expect(spans.map(([start, end]) => text.slice(start, end))).toEqual([
      "The capital of France is Paris.<|end|>",
    ]);
    expect(text).toBe(template.render(talk));
  });

  it("writes tools, calls and their results", () => {
    const parameters = {
      type: "object",
      properties: { city: { type: "string" }, nights: { type: "number" } },
    };
    const tools = [{ type: "function", function: { name: "search", parameters } }];
    const calling = [
      { role: "user", content: "A room in Paris." },
      {
        role: "assistant",
        tool_calls: [
          { type: "function", function: { name: "search", arguments: { city: "Paris", nights: 2 } } },
        ],
      },
      { role: "tool", content: "r1 80" },
    ];
    expect(template.render(calling, { tools })).toBe(
      "<|system|>Tools: search(city, nights)<|end|><|user|>A room in Paris.<|end|>" +
        '<|assistant|><|call|>search {"city": "Paris", "nights": 2}<|end|><|tool|>r1 80<|end|>',
    );
  });

  it("refuses a role that it does not know, by name", () => {
    expect(() => template.render([{ role: "critic", content: "No." }])).toThrow(/not critic/);
  });
});

describe("the tiny model's vocabulary", () => {
  const folder = mkdtempSync(join(tmpdir(), "tiny-"));
  const documents = [...tinyCorpus({ characters: 1_000_000 })];
  const json = tinyTokenizer(documents.flatMap(({ content }) => content));
  let tokenizer: Tokenizer;
  beforeAll(async () => {
    writeFileSync(join(folder, "tokenizer.json"), JSON.stringify(json));
    writeFileSync(join(folder, "tokenizer_config.json"), JSON.stringify(tinyTokenizerConfig()));
    tokenizer = await loadTokenizer(folder);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it("is full, gives the special tokens the ids that the configs name, and knows each as one token", async () => {
    expect(Object.keys(json.model.vocab).length).toBe(1536);
    const config = tinyConfig(1536);
    expect(specialTokens[config["eos_token_id"] as number]).toBe("<|end|>");
    expect(specialTokens[config["pad_token_id"] as number]).toBe("<|endoftext|>");
    expect(tinyGenerationConfig()["eos_token_id"]).toEqual([1, 0]);
    for (const [id, token] of specialTokens.entries()) expect(await tokenizer.encode(token)).toEqual([id]);
  });

  it("keeps documents short and gives every one back", async () => {
    const lengths: number[] = [];
    for (const { text } of documents.slice(0, 500)) {
      const ids = await tokenizer.encode(text);
      lengths.push(ids.length);
      expect(tokenizer.decode(ids, { skipSpecialTokens: false })).toBe(text);
    }
    expect(Math.max(...lengths)).toBeLessThan(300);
    expect(lengths.reduce((a, b) => a + b) / lengths.length).toBeLessThan(60);
  });
});

describe("the tiny model's size", () => {
  it("is 1,304,192 parameters, so that bfloat16 weights take 2.6 MB", () => {
    const config = tinyConfig(1536) as Record<string, number>;
    const hidden = config["hidden_size"]!;
    const heads = config["num_attention_heads"]! * config["head_dim"]!;
    const keys = config["num_key_value_heads"]! * config["head_dim"]!;
    const layer =
      2 * hidden * heads + 2 * hidden * keys + 3 * hidden * config["intermediate_size"]! + 2 * hidden;
    expect(config["vocab_size"]! * hidden + config["num_hidden_layers"]! * layer + hidden).toBe(1_304_192);
  });
});
