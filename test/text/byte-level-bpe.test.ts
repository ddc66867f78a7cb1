import { describe, expect, it } from "vitest";
import { AttuneError } from "../../src/errors.js";
import { loadTokenizer, trainByteLevelBpe } from "../../src/text/index.js";

const corpus = [
  "The lighthouse keeper counts the ships, and the ships count the lighthouses.",
  "naïve café, 中文 and 😀: every byte has a token.\n\n  Two spaces; three   spaces.",
  "<|user|>How many ships?<|end|>\n<|assistant|>Seven ships, I'd say. They're far.<|end|>",
];
const specialTokens = ["<|pad|>", "<|user|>", "<|assistant|>", "<|end|>"];

describe("trainByteLevelBpe", () => {
  it("gives a tokenizer.json that the library loads, with special tokens first", async () => {
    const tokenizer = await loadTokenizer({
      tokenizerJson: trainByteLevelBpe(corpus, { vocabSize: 290, specialTokens }),
    });
    expect(tokenizer.vocabSize).toBe(290);
    expect(specialTokens.map((token) => tokenizer.tokenToId(token))).toEqual([0, 1, 2, 3]);
    expect(await tokenizer.encode("<|end|>")).toEqual([3]);
  });

  it("reads back any text, also bytes it never saw", async () => {
    const tokenizer = await loadTokenizer({ tokenizerJson: trainByteLevelBpe(corpus, { vocabSize: 280 }) });
    for (const text of [...corpus, "Ωμέγα \u0000\u{1F468}\u200d\u{1F469}  end "]) {
      expect(tokenizer.decode(await tokenizer.encode(text))).toBe(text);
    }
  });

  it("merges the most frequent pair first, and of equals the one with the lower ids", () => {
    const { model } = trainByteLevelBpe(["ab ab ab cd cd cd"], { vocabSize: 260 });
    // " ab" and " cd" occur twice each after the first word: "a b" and "c d" three times, "a b" has the lower ids.
    expect(model.merges).toEqual([
      ["a", "b"],
      ["c", "d"],
      ["Ġ", "cd"],
      ["Ġ", "ab"],
    ]);
  });

  it("counts overlapping pairs as the merge will take them", () => {
    const { model } = trainByteLevelBpe(["aaaa aaaa"], { vocabSize: 259 });
    expect(model.merges.slice(0, 2)).toEqual([
      ["a", "a"],
      ["aa", "aa"],
    ]);
  });

  it("never merges across a special token", () => {
    const { model } = trainByteLevelBpe(
      Array.from({ length: 9 }, () => "x<|end|>y"),
      { vocabSize: 300, specialTokens },
    );
    expect(model.merges).toEqual([]);
  });

  it("gives the same file for the same text", () => {
    const make = (): string => JSON.stringify(trainByteLevelBpe(corpus, { vocabSize: 300, specialTokens }));
    expect(make()).toBe(make());
  });

  it("stops at pairs seen only once, unless told otherwise", () => {
    expect(trainByteLevelBpe(["abcd"], { vocabSize: 300 }).model.merges).toEqual([]);
    expect(trainByteLevelBpe(["abcd"], { vocabSize: 300, minFrequency: 1 }).model.merges).toHaveLength(3);
  });

  it("refuses a vocabulary too small for the bytes, and special tokens given twice", () => {
    expect(() => trainByteLevelBpe(corpus, { vocabSize: 256, specialTokens })).toThrow(AttuneError);
    expect(() => trainByteLevelBpe(corpus, { vocabSize: 300, specialTokens: ["a", "a"] })).toThrow(
      /distinct/,
    );
  });
});
