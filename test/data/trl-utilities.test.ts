import { describe, expect, test } from "vitest";

import {
  extractPrompt,
  extractPromptLikeTrl,
  maybeExtractPromptLikeTrl,
  packRows,
  unpairPreferences,
} from "../../src/data/index.js";
import { golden, missing, readJson } from "../support/shared.js";

interface Case {
  name: string;
  inputs: Record<string, unknown>;
  options: { function: string; seq_length?: number; strategy?: "bfd" | "bfd_split" | "wrapped" };
  expected: { output?: unknown; error_kind?: string };
}

const path = golden("text", "data_utils.json");
const reason = missing(path);
if (reason !== undefined) process.stderr.write(`skipped: ${reason}\n`);
const cases = reason === undefined ? readJson<{ cases: Case[] }>(path).cases : [];

/** Chat templates are the text folder's; its tests run these cases. */
const handledElsewhere = new Set(
  cases.filter((each) => each.options.function === "apply_chat_template").map((each) => each.name),
);

const run: Readonly<Record<string, (each: Case) => unknown>> = {
  extract_prompt: ({ inputs }) =>
    extractPromptLikeTrl(inputs["chosen"] as string, inputs["rejected"] as string),
  maybe_extract_prompt: ({ inputs }) => maybeExtractPromptLikeTrl(inputs),
  unpair_preference_dataset: ({ inputs }) =>
    unpairPreferences(inputs["rows"] as { chosen: string; rejected: string }[]),
  pack_dataset: ({ inputs, options }) =>
    packRows(inputs["rows"] as Record<string, number[]>[], {
      length: options.seq_length!,
      strategy: options.strategy!,
    }).map(({ columns, sequenceLengths }) =>
      sequenceLengths === undefined ? columns : { ...columns, seq_lengths: sequenceLengths },
    ),
};

describe.skipIf(reason !== undefined)("TRL's data utilities", () => {
  test.each(
    cases.filter((each) => !handledElsewhere.has(each.name)).map((each) => [each.name, each] as const),
  )("%s", (_, each) => {
    const act = run[each.options.function];
    expect(act, `no function ${each.options.function}`).toBeDefined();
    if (each.expected.error_kind !== undefined) expect(() => act!(each)).toThrow();
    else expect(act!(each)).toEqual(each.expected.output);
  });

  test("leave to the text folder only the chat template cases", () => {
    expect([...handledElsewhere].every((name) => name.startsWith("apply_chat_template_"))).toBe(true);
  });
});

describe("our own prompt extraction", () => {
  test("never splits a word, and refuses where an answer would be empty", () => {
    expect(extractPrompt("Say it: maybe", "Say it: mostly")).toEqual({
      prompt: "Say it:",
      chosen: " maybe",
      rejected: " mostly",
    });
    expect(extractPrompt("Q?\nyes", "Q?\nyet")).toEqual({ prompt: "Q?\n", chosen: "yes", rejected: "yet" });
    expect(extractPrompt("go  left", "go  right")).toEqual({
      prompt: "go  ",
      chosen: "left",
      rejected: "right",
    });
    expect(extractPrompt("👍🏽", "👍🏿")).toEqual({ prompt: "", chosen: "👍🏽", rejected: "👍🏿" });
    expect(extractPrompt("same", "same")).toBeUndefined();
    expect(extractPrompt("abc", "abc def")).toBeUndefined();
    expect(extractPrompt("", "x")).toBeUndefined();
    const turn = (role: string, content: string) => ({ role, content });
    const ask = turn("user", "?");
    expect(extractPrompt([ask, turn("assistant", "a")], [ask, turn("assistant", "b")])).toEqual({
      prompt: [ask],
      chosen: [turn("assistant", "a")],
      rejected: [turn("assistant", "b")],
    });
    expect(extractPrompt([ask, turn("assistant", "a")], [ask])).toBeUndefined();
  });
});
