/** Rules: what they give, and where they do not apply. */
import { describe, expect, it } from "vitest";

import {
  endedReward,
  exactMatchReward,
  jsonSchemaReward,
  lastNumber,
  lengthReward,
  numericMatchReward,
  outcomeReward,
  overlongReward,
  patternReward,
  repetitionReward,
  type Reward,
  type RewardItem,
  scoreItems,
  stepCostReward,
  thinkFormatReward,
} from "../../src/rewards/index.js";

const item = (completion: RewardItem["completion"], more: Partial<RewardItem> = {}): RewardItem => ({
  id: "0",
  prompt: "?",
  completion,
  ...more,
});

/** Scores of answers; null where the reward does not apply. */
async function scoresOf(reward: Reward, items: readonly RewardItem[]): Promise<(number | null)[]> {
  const named = items.map((each, i) => ({ ...each, id: String(i) }));
  const { scores } = await scoreItems(reward, named);
  return [...scores].map((x) => (Number.isNaN(x) ? null : x));
}

const texts = (...list: string[]): RewardItem[] => list.map((text) => item(text));

describe("rules on length", () => {
  it("give 1 within the range and fall off outside", async () => {
    const reward = lengthReward({ min: 2, max: 3, slack: 2 });
    expect(await scoresOf(reward, texts("a", "a b", "a b c", "a b c d", "a b c d e f"))).toEqual([
      0.5, 1, 1, 0.5, 0,
    ]);
  });
  it("count characters as people see them, and tokens where they are known", async () => {
    expect(await scoresOf(lengthReward({ unit: "characters", max: 2 }), texts("äö", "👍👍", "abc"))).toEqual([
      1, 1, 0,
    ]);
    expect(
      await scoresOf(lengthReward({ unit: "tokens", max: 1 }), [item("a", { tokens: [1, 2] }), item("a")]),
    ).toEqual([0, null]);
  });
  it("count the assistant's messages of a conversation", async () => {
    const messages = [
      { role: "assistant", content: "one two" },
      { role: "tool", content: "a b c d e f" },
      { role: "assistant", content: null },
    ];
    expect(await scoresOf(lengthReward({ max: 2 }), [item(messages)])).toEqual([1]);
  });
  it("punish the last tokens before the limit softly", async () => {
    const reward = overlongReward({ maxTokens: 10, cacheTokens: 4 });
    const of = (n: number): RewardItem => item("", { tokens: Array.from({ length: n }, () => 1) });
    expect(await scoresOf(reward, [of(6), of(8), of(10), of(12)])).toEqual([0, -0.5, -1, -1]);
  });
  it("tell answers that ended from those that were cut off", async () => {
    const items = [item("a", { finishReason: "stop" }), item("a", { finishReason: "length" }), item("a")];
    expect(await scoresOf(endedReward(), items)).toEqual([1, 0, null]);
  });
  it("refuse ranges without numbers in them", () => {
    expect(() => lengthReward({ min: 3, max: 2 })).toThrow("0 <= min <= max");
    expect(() => overlongReward({ maxTokens: 2, cacheTokens: 3 })).toThrow("cacheTokens <= maxTokens");
  });
});

describe("rules on shape", () => {
  it("find a pattern, want it whole, or want it absent", async () => {
    const list = texts("yes", "yes, sir", "no");
    expect(await scoresOf(patternReward("yes"), list)).toEqual([1, 1, 0]);
    expect(await scoresOf(patternReward("yes|no", { mode: "whole" }), list)).toEqual([1, 0, 1]);
    expect(await scoresOf(patternReward(/YES/gi, { mode: "absent" }), list)).toEqual([0, 0, 1]);
  });
  it("give the same however often they are asked", async () => {
    const reward = patternReward(/a/g);
    expect(await scoresOf(reward, texts("a", "a", "a"))).toEqual([1, 1, 1]);
  });
  it("want one thought and then the rest", async () => {
    const reward = thinkFormatReward();
    const list = texts(
      "<think>a\nb</think>\nc",
      "<think>a",
      "<think>a<think>b</think>",
      "a <think>b</think>",
    );
    expect(await scoresOf(reward, list)).toEqual([1, 0, 0, 0]);
  });
  it("refuse what is no regular expression", () => {
    expect(() => patternReward("(")).toThrow("expected a regular expression");
  });
});

describe("rules on being right", () => {
  const row = (completion: string, answer: unknown): RewardItem => item(completion, { columns: { answer } });

  it("match texts, but for case and space", async () => {
    const items = [
      row(" Paris\n", "paris"),
      row("Rome", "paris"),
      row("NYC", ["New York", "nyc"]),
      item("x"),
    ];
    expect(await scoresOf(exactMatchReward(), items)).toEqual([1, 0, 1, null]);
    expect(await scoresOf(exactMatchReward({ ignoreCase: false }), items)).toEqual([0, 0, 0, null]);
    expect(await scoresOf(exactMatchReward({ ignorePunctuation: true }), [row("Paris!", "paris")])).toEqual([
      1,
    ]);
  });
  it("look at what was extracted, the last of several", async () => {
    const reward = exactMatchReward({ extract: /answer: (\w+)/ });
    const items = [row("answer: b, no, answer: a", "a"), row("a", "a")];
    expect(await scoresOf(reward, items)).toEqual([1, 0]);
  });
  it("match numbers however they are written", async () => {
    const reward = numericMatchReward();
    const items = [
      row("It is 1,234.50.", 1234.5),
      row("so -3/4", "-0.75"),
      row("half, that is 50%", 0.5),
      row("\\boxed{7} and then 8", "7"),
      row("7", "some steps #### 7"),
      row("none", 7),
      row("about 7.1", 7),
    ];
    expect(await scoresOf(reward, items)).toEqual([1, 1, 1, 1, 1, 0, 0]);
    expect(await scoresOf(numericMatchReward({ absolute: 0.2 }), [row("about 7.1", 7)])).toEqual([1]);
  });
  it("say which row has a right answer that is no number", async () => {
    await expect(scoreItems(numericMatchReward(), [row("1", "one")])).rejects.toThrow(
      'rewards: numeric_match: row 0: answer: expected a number, got "one"',
    );
  });
  it.each([
    ["10", 10],
    ["1,234", 1234],
    ["12,34", 34],
    ["5-3", 3],
    ["x = -3", -3],
    ["$1,000.00", 1000],
    ["6e2", 600],
    [".5", 0.5],
    ["1 / 4", 0.25],
    ["end of 3.", 3],
  ])("read the last number of %s", (text, number) => expect(lastNumber(text)).toBe(number));
  it("read none where there is none", () => expect(lastNumber("no - number.")).toBeNull());
});

describe("rules on structure and repetition", () => {
  it("want JSON of a schema, fenced or not", async () => {
    const schema = { type: "object", properties: { n: { type: "integer", minimum: 1 } }, required: ["n"] };
    const list = texts('{"n": 2}', '{"n": 0}', "n = 2", 'Here:\n```json\n{"n": 3}\n```\n');
    expect(await scoresOf(jsonSchemaReward(schema, { partial: 0.2 }), list)).toEqual([1, 0.2, 0, 1]);
  });
  it("refuse a schema that the validator does not know", () => {
    const schema = JSON.parse('{"if": {"type": "string"}, "then": {"minLength": 2}}') as Record<
      string,
      unknown
    >;
    expect(() => jsonSchemaReward(schema)).toThrow("expected a JSON Schema");
  });
  it("count n-grams that stood there before", async () => {
    const list = texts("a b c d", "a a a a a", "a");
    expect(await scoresOf(repetitionReward({ n: 2, maxPenalty: 4 }), list)).toEqual([0, -3, 0]);
  });
});

describe("rules on runs of an agent", () => {
  const run = (reward: number | null, steps: number): RewardItem =>
    item("", {
      trajectory: {
        id: "t",
        task: "book",
        messages: Array.from({ length: steps }, () => ({ role: "assistant", content: "." })),
        reward,
      },
    });
  it("give the outcome, and a cost for every step", async () => {
    const items = [run(1, 3), run(null, 1), item("")];
    expect(await scoresOf(outcomeReward(), items)).toEqual([1, null, null]);
    expect(await scoresOf(stepCostReward({ perStep: 0.5, free: 1 }), items)).toEqual([-1, 0, null]);
  });
});
