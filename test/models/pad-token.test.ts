/** What pads a saved classifier's batches in transformers, which reads the score at the last token that is not padding. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import {
  choosePadToken,
  openModel,
  openModelFolder,
  saveModelFolder,
  writeRandomModel,
} from "../../src/models/index.js";
import { loadTokenizer, type Tokenizer } from "../../src/text/index.js";
import { createPolicy, savePolicy } from "../../src/train/index.js";
import { readJson } from "../support/shared.js";

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "attune-pad-"));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const vocabulary = ["<unk>", "<s>", "</s>", "<pad>", "hello", "world"];
const json = (tokens: readonly string[] = vocabulary) => ({
  version: "1.0",
  added_tokens: tokens.flatMap((content, id) =>
    content.startsWith("<")
      ? [{ id, content, special: true, single_word: false, lstrip: false, rstrip: false, normalized: false }]
      : [],
  ),
  normalizer: null,
  pre_tokenizer: { type: "Whitespace" },
  post_processor: null,
  decoder: null,
  model: { type: "WordLevel", vocab: Object.fromEntries(tokens.map((t, i) => [t, i])), unk_token: "<unk>" },
});
const tokenizerOf = (
  tokenizerConfig: Record<string, unknown>,
  tokens?: readonly string[],
): Promise<Tokenizer> => loadTokenizer({ tokenizerJson: json(tokens), tokenizerConfig });
const sizes = { padTokenId: null, vocabSize: 8, eosTokenIds: [2] };

describe("the pad token", () => {
  test("is the tokenizer's own, whatever config.json says", async () => {
    const tokenizer = await tokenizerOf({ pad_token: "<pad>", eos_token: "</s>" });
    expect(choosePadToken(tokenizer, { ...sizes, padTokenId: 2 })).toEqual({
      id: 3,
      token: "<pad>",
      own: true,
      endsText: false,
    });
  });

  test("is found by its name where the tokenizer does not say, before the unknown token and never eos", async () => {
    const config = { eos_token: "</s>", bos_token: "<s>", unk_token: "<unk>" };
    const named = await tokenizerOf(config);
    expect(choosePadToken(named, sizes)).toMatchObject({ token: "<pad>", own: false });
    const without = vocabulary.map((token) => (token === "<pad>" ? "there" : token));
    expect(choosePadToken(await tokenizerOf(config, without), sizes)).toMatchObject({ token: "<unk>" });
    const { unk_token: _, ...rest } = config;
    expect(choosePadToken(await tokenizerOf(rest, without), sizes)).toMatchObject({ token: "<s>" });
  });

  test("that also ends texts is replaced, because transformers would read the score one token early", async () => {
    const tokenizer = await tokenizerOf({ pad_token: "</s>", eos_token: "</s>", unk_token: "<unk>" });
    expect(choosePadToken(tokenizer, sizes)).toMatchObject({ token: "<pad>", own: false, endsText: false });
  });

  test("is the end token where there is no other, and says so", async () => {
    const tokens = ["</s>", "hello"];
    const only = { ...json(tokens), model: { ...json(tokens).model, unk_token: "hello" } };
    const tokenizer = await loadTokenizer({ tokenizerJson: only, tokenizerConfig: { eos_token: "</s>" } });
    expect(choosePadToken(tokenizer, { ...sizes, eosTokenIds: [0] })).toEqual({
      id: 0,
      token: "</s>",
      own: false,
      endsText: true,
    });
  });

  test("is never one that the model has no row for, and may be missing altogether", async () => {
    const tokenizer = await tokenizerOf({ pad_token: "<pad>", unk_token: "<unk>" });
    expect(choosePadToken(tokenizer, { ...sizes, vocabSize: 3 })).toMatchObject({ token: "<unk>" });
    const bare = await loadTokenizer({ tokenizerJson: { ...json(["hello", "world"]) } });
    expect(choosePadToken(bare, sizes)).toBeUndefined();
  });
});

const llama = {
  model_type: "llama",
  architectures: ["LlamaForCausalLM"],
  vocab_size: 8,
  hidden_size: 8,
  intermediate_size: 8,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  tie_word_embeddings: true,
  eos_token_id: 2,
  pad_token_id: 2,
};

describe("a saved reward model", () => {
  const base = async (name: string, tokenizerConfig: Record<string, unknown>): Promise<string> => {
    const folder = join(scratch, name);
    await writeRandomModel(folder, llama);
    writeFileSync(join(folder, "tokenizer.json"), JSON.stringify(json()));
    writeFileSync(join(folder, "tokenizer_config.json"), JSON.stringify(tokenizerConfig));
    writeFileSync(join(folder, "special_tokens_map.json"), JSON.stringify({ eos_token: "</s>" }));
    return folder;
  };
  const saved = async (from: string, name: string, lora = false) => {
    const policy = createPolicy(await openModel(from, { head: "sequence" }), lora ? { lora: { r: 2 } } : {});
    const values = new Map(
      [...policy.trainable].map(([key, { shape }]) => [
        key,
        new Float32Array(shape.reduce((a, b) => a * b, 1)),
      ]),
    );
    const folder = join(scratch, name);
    await savePolicy(folder, policy, { values, merged: true });
    return {
      config: readJson<Record<string, unknown>>(join(folder, "config.json")),
      tokenizer: await loadTokenizer(folder),
    };
  };

  test("names the tokenizer's pad token in config.json, trained whole or merged", async () => {
    const from = await base("named", { eos_token: "</s>", pad_token: "<pad>" });
    for (const lora of [false, true]) {
      const { config, tokenizer } = await saved(from, `named-${lora}`, lora);
      expect(config).toMatchObject({ pad_token_id: 3, eos_token_id: 2 });
      expect(tokenizer.padId).toBe(3);
    }
  });

  test("gets one where there is none, in config.json and in the tokenizer's files alike", async () => {
    const { config, tokenizer } = await saved(await base("none", { eos_token: "</s>" }), "none-saved");
    expect(config["pad_token_id"]).toBe(3);
    expect(tokenizer.padToken).toBe("<pad>");
    const map = readFileSync(join(scratch, "none-saved", "special_tokens_map.json"), "utf8");
    expect(JSON.parse(map)).toEqual({ eos_token: "</s>", pad_token: "<pad>" });
  });

  test("keeps the one that the caller gives; a language model's config stays as it is", async () => {
    const from = await base("given", { eos_token: "</s>" });
    const score = new Map([["score.weight", new Float32Array(8)]]);
    const folder = join(scratch, "given-saved");
    await saveModelFolder(folder, openModelFolder(from, { head: "sequence" }), {
      parameters: score,
      configChanges: { pad_token_id: 1 },
    });
    expect(readJson(join(folder, "config.json"))).toMatchObject({ pad_token_id: 1 });
    await saveModelFolder(join(scratch, "lm"), openModelFolder(from));
    expect(readJson(join(scratch, "lm", "config.json"))).toMatchObject({ pad_token_id: 2 });
    expect(readJson(join(scratch, "lm", "tokenizer_config.json"))).toEqual({ eos_token: "</s>" });
  });
});
