import { describe, expect, test } from "vitest";

import {
  Demonstration,
  Item,
  Judgement,
  Message,
  Preference,
  Run,
  Stepwise,
  Trajectory,
  Unpaired,
} from "../../src/records/index.js";

const reason = (result: { success: boolean; error?: { issues: { message: string }[] } }) =>
  result.error?.issues.map((issue) => issue.message).join("; ");

describe("a preference", () => {
  const good = { id: "a", prompt: "Hi", chosen: "yes", rejected: "no" };

  test("is two different, non-empty answers in one form", () => {
    expect(Preference.parse(good)).toEqual(good);
    expect(reason(Preference.safeParse({ ...good, rejected: "yes" }))).toBe("the two answers are equal");
    expect(reason(Preference.safeParse({ ...good, chosen: "" }))).toContain("the chosen answer is empty");
    expect(reason(Preference.safeParse({ ...good, prompt: [{ role: "user", content: "x" }] }))).toContain(
      "all be messages",
    );
    expect(Preference.safeParse({ ...good, typo: 1 }).success).toBe(false);
  });

  test("may differ only in a tool call", () => {
    const call = (city: string) => [
      {
        role: "assistant",
        tool_calls: [{ type: "function", function: { name: "weather", arguments: { city } } }],
      },
    ];
    const prompt = [{ role: "user", content: "?" }];
    expect(
      Preference.safeParse({ id: "a", prompt, chosen: call("Bonn"), rejected: call("Rome") }).success,
    ).toBe(true);
    expect(
      Preference.safeParse({ id: "a", prompt, chosen: call("Bonn"), rejected: call("Bonn") }).success,
    ).toBe(false);
  });
});

describe("the other records", () => {
  test("keep what a template may read, and refuse what cannot be trained", () => {
    expect(Message.parse({ role: "assistant", content: "x", reasoning_content: "y" })).toHaveProperty(
      "reasoning_content",
    );
    expect(Demonstration.safeParse({ id: "a", messages: [{ role: "user", content: "x" }] }).success).toBe(
      false,
    );
    expect(Demonstration.safeParse({ id: "a", text: "" }).success).toBe(false);
    expect(Demonstration.safeParse({ id: "a", prompt: "", completion: "x" }).success).toBe(true);
    expect(Unpaired.safeParse({ id: "a", prompt: "p", completion: "c", label: 1 }).success).toBe(false);
    expect(Stepwise.safeParse({ id: "a", prompt: "p", completions: ["x"], labels: [] }).success).toBe(false);
    expect(Trajectory.safeParse({ id: "a", task: "1", messages: [] }).success).toBe(false);
  });

  test("hold items, judgements and runs", () => {
    const item = Item.parse({ id: "i", prompt: [], candidates: [{ id: "x", messages: [] }] });
    expect(item.project).toBe("default");
    const judgement = Judgement.parse({
      id: "j",
      item: "i",
      annotator: { kind: "human", id: "ann" },
      outcome: { type: "pair", chosen: "x", rejected: "y" },
      shown_order: ["y", "x"],
      strength: 2,
    });
    expect(judgement.status).toBe("submitted");
    expect(
      Run.safeParse({
        id: "r",
        method: "dpo",
        status: "finished",
        started_at: "",
        seed: 1,
        config: {},
        versions: {},
        data: [{ path: "x", sha256: "no" }],
      }).success,
    ).toBe(false);
  });
});
