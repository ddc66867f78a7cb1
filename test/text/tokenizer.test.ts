import { describe, expect, it } from "vitest";
import { loadTokenizer } from "../../src/text/index.js";
import { data, golden, missing, readJson } from "../support/shared.js";

interface Case {
  name: string;
  inputs: { text: string };
  expected: {
    ids: number[];
    ids_without_special_tokens: number[];
    ids_with_special_tokens_as_text?: number[];
    tokens: string[];
    offsets_utf16: [number, number][];
    decoded: string;
    decoded_skip_special: string;
  };
}
interface GoldenFile {
  tokenizer: string;
  vocab_size: number;
  special_tokens: Record<string, number>;
  cases: Case[];
}

for (const name of ["tokenizer_gpt_neox.json", "tokenizer_stories260k.json"]) {
  const path = golden("text", name);
  const why = missing(path) ?? missing(data("tokenizers"));
  describe.skipIf(why !== undefined)(`${name}${why === undefined ? "" : ` (skipped: ${why})`}`, async () => {
    if (why !== undefined) return;
    const file = readJson<GoldenFile>(path);
    const tokenizer = await loadTokenizer(data(...file.tokenizer.split("/")));

    it("has the vocabulary's size and special tokens", () => {
      expect(tokenizer.vocabSize).toBe(file.vocab_size);
      for (const [token, id] of Object.entries(file.special_tokens)) {
        expect(tokenizer.tokenToId(token)).toBe(id);
        expect(tokenizer.idToToken(id)).toBe(token);
        expect(tokenizer.isSpecial(id)).toBe(true);
      }
    });

    for (const { name: caseName, inputs, expected } of file.cases) {
      it(`${caseName}: ${JSON.stringify(inputs.text).slice(0, 40)}`, async () => {
        const { text } = inputs;
        expect(await tokenizer.encode(text)).toEqual(expected.ids);
        const bare = await tokenizer.encodeWithOffsets(text, { addSpecialTokens: false });
        expect(bare.ids).toEqual(expected.ids_without_special_tokens);
        expect(bare.tokens).toEqual(expected.tokens);
        expect(bare.offsets).toEqual(expected.offsets_utf16);
        expect(await tokenizer.encode(text, { addSpecialTokens: false, specialTokensAsText: true })).toEqual(
          expected.ids_with_special_tokens_as_text ?? expected.ids_without_special_tokens,
        );
        expect(tokenizer.decode(bare.ids)).toBe(expected.decoded);
        expect(tokenizer.decode(expected.ids, { skipSpecialTokens: true })).toBe(
          expected.decoded_skip_special,
        );
      });
    }

    it("encodes a batch as it encodes one by one", async () => {
      const texts = file.cases.map((each) => each.inputs.text);
      expect(await tokenizer.encodeBatch(texts)).toEqual(file.cases.map((each) => each.expected.ids));
    });
  });
}
