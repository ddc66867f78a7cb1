import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import {
  createDuplicateCounter,
  createTruncator,
  detectFile,
  openDataset,
  openQuarantine,
  promptKey,
  readRows,
  splitOfPrompt,
  summariseLengths,
  takeSplit,
  writeJsonLines,
  writeParquet,
  type Dataset,
  type DatasetOptions,
  type Example,
} from "../../src/data/index.js";
import { Preference } from "../../src/records/index.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "attune-data-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function put(name: string, content: string | object[]): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(
    path,
    typeof content === "string" ? content : content.map((row) => JSON.stringify(row)).join("\n"),
  );
  return path;
}
async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}
const records = async (
  source: string,
  options: DatasetOptions = {},
): Promise<{ dataset: Dataset; list: unknown[] }> => {
  const dataset = await openDataset(source, options);
  return { dataset, list: await all(dataset.records()) };
};
const pair = (n: number) => ({ prompt: `p${n}`, chosen: `a${n}`, rejected: `b${n}` });

describe("openDataset", () => {
  test("converts good rows, and quarantines each bad one with file, line, reason and the row itself", async () => {
    const equal = { prompt: "p", chosen: "same", rejected: "same" };
    const path = put(
      "d.jsonl",
      [pair(1), equal, pair(3)].map((row) => JSON.stringify(row)).join("\n") +
        '\n{"prompt"\n' +
        JSON.stringify({ prompt: "x", chosen: "y" }),
    );
    const quarantine = join(folder, "q", "bad.jsonl");
    const { dataset, list } = await records(path, { quarantine, maxBadShare: 1 });
    expect(list).toEqual([1, 3].map((n) => ({ ...pair(n), id: `d.jsonl:${n}`, source: `${path}:${n}` })));
    expect(dataset.report).toMatchObject({ rows: 5, records: 2, bad: 3, setAside: 0 });
    const lines = readFileSync(quarantine, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { line: number; row: unknown; reason: string });
    expect(lines.map((each) => [each.line, each.row])).toEqual([
      [2, equal],
      [4, '{"prompt"'],
      [5, { prompt: "x", chosen: "y" }],
    ]);
    expect(lines[0]!.reason).toBe("the two answers are equal");
    expect(lines[2]!.reason).toBe("column `rejected` is missing; the row has prompt, chosen");
  });

  test("writes no quarantine file when every row is good, and can be read twice", async () => {
    const quarantine = join(folder, "bad.jsonl");
    const dataset = await openDataset(put("d.jsonl", [pair(1), pair(2)]), { quarantine });
    expect(await all(dataset.records())).toEqual(await all(dataset.records()));
    expect(dataset.report.rows).toBe(2);
    expect(existsSync(quarantine)).toBe(false);
  });

  test("is an error when no row, or too few, can be used", async () => {
    const equal = { prompt: "p", chosen: "x", rejected: "x" };
    await expect(records(put("a.jsonl", [equal, equal]))).rejects.toThrow(
      /a\.jsonl: expected at least one row to learn from, got 2 bad and 0 set aside of 2 rows; first .*a\.jsonl:1: the two answers are equal/,
    );
    await expect(records(put("b.jsonl", [pair(1), equal, equal]))).rejects.toThrow(/at most 50% bad rows/);
    await expect(records(put("c.jsonl", ""))).rejects.toThrow(/an empty file/);
  });

  test("says what is missing in a file of no known format", async () => {
    await expect(records(put("a.jsonl", [{ prompt: "p", chosen: "c", declined: "r" }]))).rejects.toThrow(
      /got rows of no known format \(columns prompt, chosen, declined\)\n {2}fix: for a preference pair, `rejected` is missing/,
    );
    await expect(records(put("b.jsonl", [{ prompt: 1, chosen: 2, rejected: 3 }]))).rejects.toThrow(
      /not as texts or lists .*prompt: a number \(1\)/,
    );
    await expect(
      records(put("few.jsonl", [{ prompt: "p", chosen: "c" }, pair(1), { prompt: "q", chosen: "d" }])),
    ).rejects.toThrow(
      /only 1 of 3 rows look like TRL preference.*row 1 does not \(prompt: a text, chosen: a text\).*--data-format trl-preference/,
    );
    await expect(
      records(put("c.jsonl", [{ id: "1", traceId: "2", name: "n", value: 1, dataType: "NUMERIC" }])),
    ).rejects.toThrow(/Langfuse/);
  });

  test("converts to the kind asked for, or says what the data can serve as", async () => {
    const path = put("d.jsonl", [pair(1)]);
    const unpaired = await records(path, { kind: "unpaired" });
    expect(unpaired.list).toMatchObject([
      { id: "d.jsonl:1#chosen", completion: "a1", label: true },
      { id: "d.jsonl:1#rejected", completion: "b1", label: false },
    ]);
    expect(unpaired.dataset.conversions).toContain("each pair becomes a liked and a disliked answer");
    expect((await records(path, { kind: "demonstration" })).list).toMatchObject([
      { prompt: "p1", completion: "a1" },
    ]);
    expect((await records(path, { kind: "prompt" })).list).toMatchObject([{ prompt: "p1" }]);
    await expect(openDataset(put("t.jsonl", [{ text: "t" }]), { kind: "preference" })).rejects.toThrow(
      /expected preference pairs, got demonstrations \(TRL language modelling.*\n.*can serve as demonstrations, or prompts/,
    );
  });

  test("reads back the records that we wrote as they were, ids included", async () => {
    const path = put("d.jsonl", [{ ...pair(1), note: "x" }, pair(2)]);
    const { list } = await records(path);
    const copy = join(folder, "copy", "e.jsonl");
    await writeJsonLines(copy, list as object[]);
    const again = (await records(copy)).list as { id: string; source: string }[];
    expect(again).toEqual(
      (list as object[]).map((each, index) => ({ ...each, source: `${copy}:${index + 1}` })),
    );
  });

  test("names records of a folder by their path in it, and stops at the limit", async () => {
    put("x/train.jsonl", [pair(1), pair(2)]);
    put("y/train.jsonl", [pair(3)]);
    const { dataset, list } = await records(folder);
    expect((list as { id: string }[]).map((each) => each.id)).toEqual([
      "x/train.jsonl:1",
      "x/train.jsonl:2",
      "y/train.jsonl:1",
    ]);
    expect(dataset.files.map((each) => each.format)).toEqual(["trl-preference", "trl-preference"]);
    expect((await records(folder, { limit: 2 })).list).toHaveLength(2);
  });

  test("takes column names from LLaMA-Factory's dataset_info.json", async () => {
    put(
      "dataset_info.json",
      JSON.stringify({
        mine: {
          file_name: "a.json",
          ranking: true,
          columns: { prompt: "frage", chosen: "gut", rejected: "schlecht" },
        },
        turns: {
          file_name: "b.json",
          formatting: "sharegpt",
          columns: { messages: "dialog" },
          tags: { role_tag: "who", content_tag: "what", user_tag: "U", assistant_tag: "A" },
        },
      }),
    );
    const a = await records(put("a.json", JSON.stringify([{ frage: "q", gut: "a", schlecht: "b" }])));
    expect(a.dataset.files[0]).toMatchObject({ format: "alpaca-preference", info: "mine" });
    expect(a.list).toMatchObject([
      { prompt: [{ role: "user", content: "q" }], chosen: [{ role: "assistant", content: "a" }] },
    ]);
    const b = await records(
      put(
        "b.json",
        JSON.stringify([
          {
            dialog: [
              { who: "U", what: "q" },
              { who: "A", what: "a" },
            ],
          },
        ]),
      ),
    );
    expect(b.list).toMatchObject([
      {
        messages: [
          { role: "user", content: "q" },
          { role: "assistant", content: "a" },
        ],
      },
    ]);
  });

  test("keeps to one format a file: a row of another is bad", async () => {
    const { dataset } = await records(put("d.jsonl", [pair(1), pair(2), { text: "t" }]));
    expect(dataset.report).toMatchObject({
      records: 2,
      bad: 1,
      reasons: { "column `prompt` is missing; the row has text": 1 },
    });
    expect(await detectFile(join(folder, "d.jsonl"))).toMatchObject({
      format: "trl-preference",
      form: "standard",
      sampled: 3,
      matching: 2,
    });
  });
});

describe("the report", () => {
  test("tells fifty reasons apart, so that broken rows that it quotes cannot fill the memory", () => {
    const quarantine = openQuarantine(undefined);
    const words = Array.from({ length: 120 }, (_, n) => "x".repeat(n + 1));
    for (const word of words) quarantine.add({ file: "a", line: 1, reason: `broken JSON: ${word}` });
    expect(Object.keys(quarantine.report.reasons)).toHaveLength(51);
    expect(quarantine.report.reasons["other reasons"]).toBe(70);
    expect(quarantine.report.bad).toBe(120);
  });
});

describe("splits", () => {
  test("keep a prompt on one side, whatever its form, and depend on the seed only", async () => {
    const list = Array.from({ length: 4000 }, (_, n) => Preference.parse({ id: String(n), ...pair(n >> 1) }));
    const train = await all(takeSplit(list, { name: "train", seed: 1 }));
    const test_ = await all(takeSplit(list, { name: "test", seed: 1 }));
    expect(train.length + test_.length).toBe(4000);
    expect(Math.abs(test_.length - 400)).toBeLessThan(80);
    const prompts = new Set(train.map((each) => each.prompt));
    expect(test_.some((each) => prompts.has(each.prompt))).toBe(false);
    expect(await all(takeSplit(list.toReversed(), { name: "test", seed: 1 }))).toHaveLength(test_.length);
    expect((await all(takeSplit(list, { name: "test", seed: 2 }))).map((each) => each.id)).not.toEqual(
      test_.map((each) => each.id),
    );
    const user = { role: "user", content: "p1" };
    expect(promptKey({ id: "a", prompt: [user] })).toBe(promptKey({ id: "b", prompt: "p1" }));
    expect(promptKey({ id: "a", messages: [user, { role: "assistant", content: "x" }] })).toBe("p1");
    expect(() => splitOfPrompt("x", { shares: { train: 0.5 } })).toThrow(/add up to 1/);
  });
});

describe("summaries", () => {
  test("count duplicates, repeated prompts and pairs that contradict each other", () => {
    const counter = createDuplicateCounter();
    const rows = [pair(1), pair(1), { prompt: "p1", chosen: "b1", rejected: "a1" }, pair(2)];
    rows.forEach((row, index) => counter.add({ id: `r${index}`, ...row }));
    expect(counter.report).toEqual({
      records: 4,
      duplicates: 1,
      repeatedPrompts: 2,
      swapped: 1,
      examples: [{ id: "r1", of: "r0" }],
    });
    expect(summariseLengths([5, 1, 3, 2, 4])).toEqual({
      count: 5,
      mean: 3,
      min: 1,
      p50: 3,
      p90: 5,
      p99: 5,
      max: 5,
    });
  });
});

describe("truncation", () => {
  const long: Example = {
    id: "a:1",
    prompt: [1, 2, 3],
    completions: [{ tokens: [4, 5, 6] }, { tokens: [4, 5, 7, 8], mask: [0, 1, 1, 1] }],
  };

  test("refuses with the numbers, or drops, as told", () => {
    const refusing = createTruncator({ maxLength: 6, policy: "error" });
    expect(refusing.apply(long)).toBeUndefined();
    expect(() => refusing.finish()).toThrow(
      /a:1: expected at most 6 tokens .* got 1 of 1 examples longer, the longest 7 tokens/,
    );
    const dropping = createTruncator({ maxLength: 6, policy: "drop" });
    expect(dropping.apply(long)).toBeUndefined();
    expect(dropping.finish()).toBeUndefined();
    expect(dropping.report.dropped["too long"]).toBe(1);
    expect(createTruncator({ maxLength: 7, policy: "error" }).apply(long)).toBe(long);
  });

  test("cuts ends or the prompt, counts both sides, and never makes a pair equal", () => {
    const ends = createTruncator({ maxLength: 6, policy: "keep_start" });
    expect(ends.apply(long)!.completions).toEqual([
      { tokens: [4, 5, 6] },
      { tokens: [4, 5, 7], mask: [0, 1, 1] },
    ]);
    expect(ends.report).toMatchObject({ cutCompletions: [0, 1], tokensCut: 1, tooLong: 1 });
    const equal = createTruncator({ maxLength: 5, policy: "keep_start" });
    expect(equal.apply(long)).toBeUndefined();
    expect(equal.report.dropped["answers would become equal"]).toBe(1);
    const untrained = createTruncator({ maxLength: 4, policy: "keep_start" });
    untrained.apply({ id: "b", prompt: [1, 2, 3], completions: [{ tokens: [4, 5], mask: [0, 1] }] });
    expect(untrained.report.dropped["no trained token left"]).toBe(1);
    const prompt = createTruncator({ maxLength: 6, policy: "keep_end" });
    expect(prompt.apply(long)).toEqual({ ...long, prompt: [2, 3] });
    expect(prompt.report).toMatchObject({ cutPrompts: 1, tokensCut: 1, cutCompletions: [0, 0] });
    const full = createTruncator({ maxLength: 4, policy: "keep_end" });
    expect(full.apply(long)).toBeUndefined();
    expect(full.report.dropped["no room for an answer"]).toBe(1);
  });
});

describe("writers", () => {
  const rows = [
    { id: "1", prompt: [{ role: "user", content: "é" }], margin: 0.5, label: true, extra: { a: [1] } },
    { id: "2", prompt: [{ role: "user", content: "b" }], margin: null, label: false, extra: null },
  ];

  test("write JSON Lines and Parquet that read back as they were", async () => {
    expect(await writeJsonLines(join(folder, "a.jsonl"), rows)).toBe(2);
    expect(await writeParquet(join(folder, "a.parquet"), rows)).toBe(2);
    for (const name of ["a.jsonl", "a.parquet"]) {
      const back = (await all(readRows(join(folder, name)))).map((each) => each.row);
      expect(back).toEqual(rows);
    }
  });

  test("leave nothing when the rows end in an error", async () => {
    const failing = async function* () {
      yield { a: 1 };
      throw new Error("broken");
    };
    await expect(writeJsonLines(join(folder, "a.jsonl"), failing())).rejects.toThrow("broken");
    await expect(writeParquet(join(folder, "a.parquet"), [{ a: 1 }, { a: "x" }])).rejects.toThrow(
      /values of one type/,
    );
    expect(readdirSync(folder)).toEqual([]);
  });
});
