/** What changes a row's logits: penalties, bias, fewest tokens, choices; and what ends a row by its text. */
import { describe, expect, it } from "vitest";

import { choiceTree } from "../../src/generate/choice-tree.js";
import { cutAtStop, samplingSchema, type SamplingOptions } from "../../src/generate/index.js";
import { stopText } from "../../src/generate/stop-text.js";
import { readBias, tokenRules, type TokenRules } from "../../src/generate/token-rules.js";

const vocabSize = 6;
const LOGITS = [2, -2, 0.5, -0.5, 1, 0];

interface Given extends SamplingOptions {
  prompt?: readonly number[];
  stop?: readonly number[];
  bias?: Readonly<Record<number, number>>;
  choices?: readonly (readonly number[])[];
}

function rulesOf({ prompt = [], stop = [], bias = {}, choices, ...sampling }: Given): TokenRules | undefined {
  const ends = new Set(stop);
  return tokenRules({
    sampling: samplingSchema.parse(sampling),
    prompt,
    stop: ends,
    bias: readBias(bias, vocabSize),
    choices: choices && choiceTree(choices, { vocabSize, stop: ends }),
  });
}

/** The logits after a row has said `said`. */
function applied(given: Given, said: readonly number[] = []): number[] {
  const rules = rulesOf(given)!;
  for (const token of said) rules.take(token);
  const logits = Float64Array.from(LOGITS);
  rules.apply(logits);
  return [...logits];
}

const never = -Infinity;

describe("rules", () => {
  it("are none where nothing is asked for", () =>
    expect(rulesOf({ temperature: 0.3, topK: 4 })).toBeUndefined());
  it("of repetition divide what is above 0 and multiply what is below, in prompt and answer, once", () => {
    expect(applied({ repetitionPenalty: 2, prompt: [0, 1, 1] }, [1, 3])).toEqual([1, -4, 0.5, -1, 1, 0]);
  });
  it("of presence and frequency look at the answer alone, and count", () => {
    expect(applied({ presencePenalty: 0.5, prompt: [0, 1] }, [4, 4])).toEqual([2, -2, 0.5, -0.5, 0.5, 0]);
    expect(applied({ frequencyPenalty: 0.25, presencePenalty: 0.5 }, [4, 4, 0])).toEqual([
      1.25, -2, 0.5, -0.5, 0, 0,
    ]);
  });
  it("of bias come before penalties", () => {
    expect(applied({ bias: { 1: 3, 5: -100 }, repetitionPenalty: 2, prompt: [1] })).toEqual([
      2, 0.5, 0.5, -0.5, 1, -100,
    ]);
  });
  it("of the fewest tokens keep stop tokens away until there are so many", () => {
    const given = { minNewTokens: 2, stop: [0, 4] };
    expect(applied(given, [2])).toEqual([never, -2, 0.5, -0.5, never, 0]);
    expect(applied(given, [2, 2])).toEqual(LOGITS);
  });
  it("of choice leave what may follow, and end with the choice", () => {
    const given = { choices: [[1, 2], [1, 3, 3], [5]], stop: [0] };
    expect(applied(given)).toEqual([never, -2, never, never, never, 0]);
    expect(applied(given, [1])).toEqual([never, never, 0.5, -0.5, never, never]);
    const rules = rulesOf(given)!;
    expect([rules.take(1), rules.take(3), rules.take(3)]).toEqual([false, false, true]);
  });
  it("of choice let a stop token tell a choice from a longer one", () => {
    const given = { choices: [[1], [1, 2]], stop: [0] };
    expect(applied(given, [1])).toEqual([2, never, 0.5, never, never, never]);
    const rules = rulesOf(given)!;
    expect([rules.take(1), rules.take(0)]).toEqual([false, true]);
  });
  it.each([
    [{ choices: [] }, "generate: choices: expected at least one choice"],
    [{ choices: [[1], []] }, "generate: choices: 1: expected at least one token"],
    [{ choices: [[6]] }, "expected token ids from 0 to 5, got 6"],
    [
      { choices: [[1], [1, 2]] },
      "generate: choices: 0: expected a stop token, because it begins another choice",
    ],
    [{ bias: { 9: 1 } }, "generate: logitBias: expected token ids from 0 to 5, got 9"],
    [{ bias: { 1: Number.NaN } }, "generate: logitBias: 1: expected a finite number"],
  ])("refuse %j", (given, message) => expect(() => rulesOf(given)).toThrow(message));
});

describe("stop strings", () => {
  /** Each id says a piece. */
  const pieces = ["a", "ab", "c\n", "\nb", "é", "", "abc"];
  const decode = (ids: readonly number[]): string => ids.map((id) => pieces[id]).join("");
  const run = (strings: string[], ids: number[]): (string | undefined)[] => {
    const watch = stopText(strings, decode);
    return ids.map((id) => watch.take(id));
  };

  it("are found inside a token and across the borders of tokens", () => {
    expect(run(["bc"], [6])).toEqual(["bc"]);
    expect(run(["bc\n\nb"], [0, 1, 2, 3])).toEqual([undefined, undefined, undefined, "bc\n\nb"]);
  });
  it("end the row by the one that stands first", () => {
    expect(run(["c", "b"], [0, 6])).toEqual([undefined, "b"]);
  });
  it("are found however long the row has grown, and however long they are", () => {
    const long = "ab".repeat(40);
    const ids = [...Array.from({ length: 500 }, () => 4), ...Array.from({ length: 40 }, () => 1)];
    expect(run([long], ids).findIndex((found) => found !== undefined)).toBe(539);
  });
  it("are found where every byte of a character is a token of its own", () => {
    const bytes = new TextEncoder().encode("x→→");
    const text = (ids: readonly number[]): string => new TextDecoder().decode(Uint8Array.from(ids));
    const watch = stopText(["→→"], text);
    expect([...bytes].map((id) => watch.take(id)).at(-1)).toBe("→→");
  });
  it("are cut off the text", () => {
    expect(cutAtStop("yes\n\n\nno", "\n")).toBe("yes");
    expect(cutAtStop("yes", undefined)).toBe("yes");
  });
});
