/** Data larger than the memory that is allowed: tokens are read from the disk, and a resumed run reads those that are there. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";
import { loadTokenizer } from "../../src/text/index.js";
import { estimateTraining } from "../../src/train/index.js";
import { prepareData } from "../../src/train/job/index.js";
import { createRandom } from "../../src/util/random.js";

const folder = mkdtempSync(join(tmpdir(), "attune-large-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const model = at("../../models/tiny");

const words = "the quick brown fox jumps over a lazy dog while rain falls on quiet streets".split(" ");
function write(name: string, rows: number): string {
  const random = createRandom(5);
  const text = (count: number): string =>
    Array.from({ length: count }, () => words[random.integer(words.length)]).join(" ");
  const lines = Array.from({ length: rows }, (_, i) =>
    JSON.stringify({ prompt: `row ${i} ${text(40)}`, completion: ` ${text(150)}` }),
  );
  writeFileSync(join(folder, name), `${lines.join("\n")}\n`);
  return join(folder, name);
}

it("trains on two million tokens in a heap of 24 MB, where arrays of them alone would take 30", () => {
  const data = write("large.jsonl", 4000);
  const said = execFileSync(
    process.execPath,
    ["--max-old-space-size=24", at("large-data.mjs"), model, data, join(folder, "large")],
    { encoding: "utf8" },
  );
  expect(Number(/tokens (\d+)/.exec(said)![1])).toBeGreaterThan(1_900_000);
  expect(said).toContain("rows 4000");
  expect(said.match(/loss \d/g)).toHaveLength(2);
});

it("reads the tokens of an earlier run on the same data, and makes them anew for other data or another cut", async () => {
  const data = write("small.jsonl", 5);
  const tokenizer = await loadTokenizer(model);
  const prepare = async (maxLength: number) => {
    const prepared = await prepareData({
      source: data,
      kind: "demonstration",
      tokenizer,
      completionOnly: true,
      assistantOnly: false,
      maxLength,
      truncation: "keep_start",
      prefixBreaks: "move",
      margins: false,
      examplesFolder: join(folder, "examples"),
    });
    const { examples, summary, sample } = prepared;
    const read = Array.from({ length: examples.length }, (_, i) => examples.at(i));
    examples.close();
    return { read, summary, made: sample.length > 0 };
  };
  const first = await prepare(400);
  const again = await prepare(400);
  expect([first.made, again.made]).toEqual([true, false]);
  expect(again.read).toEqual(first.read);
  expect(again.summary).toEqual(first.summary);
  expect((await prepare(390)).made).toBe(true);
  write("small.jsonl", 6);
  const other = await prepare(400);
  expect([other.made, other.read.length]).toEqual([true, 6]);
});

it("leaves no file of tokens behind an estimate", async () => {
  const data = write("estimated.jsonl", 3);
  const mine = (): string[] =>
    readdirSync(tmpdir()).filter((name) => name.startsWith(`attune-${process.pid}-`));
  const before = mine();
  await estimateTraining({ method: "sft", model, data, eval_split: 0 });
  expect(mine()).toEqual(before);
});
