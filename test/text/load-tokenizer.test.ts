import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AttuneError } from "../../src/errors.js";
import { loadTokenizer, stopTokenIds, trainByteLevelBpe } from "../../src/text/index.js";

const json = trainByteLevelBpe(["some words and some more words"], {
  vocabSize: 264,
  specialTokens: ["<s>", "</s>", "<pad>"],
});

describe("loadTokenizer", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "attune-text-"));
  });
  afterEach(() => rm(folder, { recursive: true }));
  const write = (name: string, value: unknown): Promise<void> =>
    writeFile(join(folder, name), typeof value === "string" ? value : JSON.stringify(value));

  it("reads named tokens as strings or as added tokens, the config before the map", async () => {
    await write("tokenizer.json", json);
    await write("tokenizer_config.json", { bos_token: "<s>", eos_token: { content: "</s>", lstrip: false } });
    await write("special_tokens_map.json", { eos_token: "<s>", pad_token: "<pad>" });
    const tokenizer = await loadTokenizer(folder);
    expect([tokenizer.bosToken, tokenizer.eosToken, tokenizer.padToken]).toEqual(["<s>", "</s>", "<pad>"]);
    expect([tokenizer.bosId, tokenizer.eosId, tokenizer.padId]).toEqual([0, 1, 2]);
    expect(tokenizer.templateVariables).toEqual({ bos_token: "<s>", eos_token: "</s>", pad_token: "<pad>" });
  });

  it("reads the eos ids of generation_config.json, one or many", async () => {
    await write("tokenizer.json", json);
    await write("tokenizer_config.json", { eos_token: "<pad>" });
    await write("generation_config.json", { eos_token_id: [1, 0] });
    const tokenizer = await loadTokenizer(folder);
    expect(tokenizer.eosIds).toEqual([1, 0]);
    expect(await stopTokenIds(tokenizer)).toEqual([0, 1, 2]);
  });

  it("finds chat templates in the config, as a list, and in files, which win", async () => {
    await write("tokenizer.json", json);
    await write("tokenizer_config.json", { chat_template: "config" });
    expect([...(await loadTokenizer(folder)).chatTemplates]).toEqual([["default", "config"]]);
    await write("tokenizer_config.json", {
      chat_template: [
        { name: "default", template: "a" },
        { name: "tool_use", template: "b" },
      ],
    });
    expect([...(await loadTokenizer(folder)).chatTemplates]).toEqual([
      ["default", "a"],
      ["tool_use", "b"],
    ]);
    await write("chat_template.jinja", "file");
    expect((await loadTokenizer(folder)).chatTemplates.get("default")).toBe("file");
    expect([...(await loadTokenizer(folder, { chatTemplate: "mine" })).chatTemplates]).toEqual([
      ["default", "mine"],
    ]);
  });

  it("saves what it read, so that it loads again with the same hash and template", async () => {
    await write("tokenizer.json", json);
    await write("tokenizer_config.json", { eos_token: "</s>", chat_template: "t", model_max_length: 512 });
    const first = await loadTokenizer(folder, { addedSpecialTokens: ["<|end|>"] });
    const copy = join(folder, "copy");
    await mkdir(copy);
    await first.save(copy);
    const second = await loadTokenizer(copy);
    expect(second.hash).toBe(first.hash);
    expect(second.tokenToId("<|end|>")).toBe(264);
    expect(second.chatTemplates.get("default")).toBe("t");
    expect(JSON.parse(await readFile(join(copy, "tokenizer_config.json"), "utf8"))).toEqual({
      eos_token: "</s>",
      model_max_length: 512,
    });
  });

  it("adds the tokens that only tokenizer_config.json lists", async () => {
    const decoder = { 264: { content: "<x>", special: true }, 1: { content: "</s>", special: true } };
    const tokenizer = await loadTokenizer({
      tokenizerJson: json,
      tokenizerConfig: { added_tokens_decoder: decoder },
    });
    expect(tokenizer.tokenToId("<x>")).toBe(264);
    expect(await tokenizer.encode("<x>")).toEqual([264]);
    expect(tokenizer.decode([264], { skipSpecialTokens: true })).toBe("");
  });

  it("keeps special tokens in a user's text from being special when asked to", async () => {
    const tokenizer = await loadTokenizer({ tokenizerJson: json });
    expect(await tokenizer.encode("</s>")).toEqual([1]);
    const literal = await tokenizer.encode("</s>", { specialTokensAsText: true });
    expect(literal).not.toContain(1);
    expect(tokenizer.decode(literal)).toBe("</s>");
  });

  it("says which model it does not fit, and fits one with rows to spare", async () => {
    const tokenizer = await loadTokenizer({ tokenizerJson: json });
    const { vocabSize } = tokenizer;
    expect(() => tokenizer.fits(vocabSize)).not.toThrow();
    expect(() => tokenizer.fits(512)).not.toThrow();
    expect(() => tokenizer.fits(vocabSize - 1)).toThrow(
      new RegExp(`vocab_size ${vocabSize - 1}, got ids up to ${vocabSize - 1}`),
    );
  });

  it("refuses what it cannot read, with the file and the mend", async () => {
    const refuses = async (message: RegExp): Promise<void> => {
      const error = await loadTokenizer(folder).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(AttuneError);
      expect(String(error)).toMatch(message);
    };
    await refuses(/expected a tokenizer.json, got an empty folder/);
    await write("tokenizer.model", "");
    await refuses(/SentencePiece[^]*fix: convert/);
    await write("tokenizer.json", "{");
    await refuses(/tokenizer/);
    await write("tokenizer.json", { version: "1.0" });
    await refuses(/a tokenizer.json of the Hugging Face/);
    await write("tokenizer.json", json);
    await write("tokenizer_config.json", "[1]");
    await refuses(/tokenizer_config.json: expected a JSON object, got an array/);
    await write("tokenizer_config.json", { eos_token: "<|nowhere|>" });
    await refuses(/eos_token: expected a token of the vocabulary, got "<\|nowhere\|>"/);
    await write("tokenizer_config.json", {});
    await write("generation_config.json", { eos_token_id: "2" });
    await refuses(/eos_token_id: expected a token id/);
    await expect(loadTokenizer(join(folder, "no"))).rejects.toThrow(/nothing there/);
  });
});
