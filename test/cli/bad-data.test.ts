/** Rows that cannot be learned from: they are set aside with file, line and reason, or the run says why it cannot begin. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { attune, model, noModel, pairs, temporaryFolder, twoPairs, writeRows } from "./support.js";

const folder = temporaryFolder();
const to = (name: string): string => join(folder, name);
let tried = 0;

interface Tried {
  code: number;
  err: string;
  output: string;
  /** Lines of both quarantine files. */
  quarantine: { line: number; reason: string }[];
}
async function train(method: string, data: string, ...more: string[]): Promise<Tried> {
  const output = to(`out-${++tried}`);
  const flags = ["--model", model, "--data", data, "--output", output, "--max-steps", "1", "--threads", "1"];
  const { code, err } = await attune("train", method, ...flags, ...more);
  const quarantine = ["quarantine.jsonl", "quarantine-tokens.jsonl"].flatMap((name) => {
    const path = join(output, name);
    if (!existsSync(path)) return [];
    const lines = readFileSync(path, "utf8").trim().split("\n");
    return lines.map((line) => JSON.parse(line) as { line: number; reason: string });
  });
  expect(err).not.toContain("this is a bug");
  return { code, err, output, quarantine };
}

describe.skipIf(noModel !== undefined)("rows", () => {
  it("that are not UTF-8 are set aside by line", async () => {
    const good = twoPairs.map((row) => `${JSON.stringify(row)}\n`);
    const bad = Buffer.concat([
      Buffer.from('{"prompt": "a", "chosen": "'),
      Buffer.from([0xff, 0xfe]),
      Buffer.from('"}\n'),
    ]);
    writeFileSync(to("latin.jsonl"), Buffer.concat([Buffer.from(good[0]!), bad, Buffer.from(good[1]!)]));
    const { code, err, quarantine } = await train("dpo", to("latin.jsonl"));
    expect(code).toBe(0);
    expect(err).toContain("1 bad rows set aside");
    expect(quarantine).toMatchObject([{ line: 2, reason: expect.stringContaining("UTF-8") as string }]);
  });

  it("behind a gzip that is cut off are not trained without the rest", async () => {
    const whole = gzipSync(
      pairs(200)
        .map((row) => `${JSON.stringify(row)}\n`)
        .join(""),
    );
    writeFileSync(to("cut.jsonl.gz"), whole.subarray(0, whole.length - 50));
    const { code, err, output } = await train("dpo", to("cut.jsonl.gz"));
    expect(code).toBe(1);
    expect(err).toContain("cut.jsonl.gz");
    expect(existsSync(join(output, "checkpoint-1"))).toBe(false);
  });

  it("whose prompt changes its tokens when the answer follows are set aside, or trained from where they part", async () => {
    // The space at the end belongs to the answer's first word.
    const rows = [...pairs(4), { prompt: "The cat sat ", chosen: "on the mat.", rejected: "down." }];
    const data = writeRows(to("prefix.jsonl"), rows);
    const { code, err, quarantine } = await train("dpo", data);
    expect(code).toBe(0);
    expect(err).toMatch(/\? +prompts that keep their tokens|1 bad rows set aside/);
    expect(quarantine).toMatchObject([
      { line: 5, reason: expect.stringContaining("a prompt whose tokens stay the same") as string },
    ]);
    const moved = await train("dpo", data, "--prefix-breaks", "move");
    expect(moved.code).toBe(0);
    expect(moved.quarantine).toEqual([]);
    expect(moved.err).toMatch(/\? +prompts that keep their tokens +all +all but/);
  });

  it("that are all refused end the run with the reason and the mend, and leave no model", async () => {
    const rows = pairs(3).map((row) => ({ ...row, prompt: `${row.prompt} `, chosen: row.chosen.trim() }));
    const { code, err, output } = await train("dpo", writeRows(to("prefixes.jsonl"), rows));
    expect(code).toBe(1);
    expect(err).toContain("3 of 3 rows are refused");
    expect(err).toContain("prefix_breaks: move");
    expect(existsSync(join(output, "model"))).toBe(false);
  });

  it("without a token to train are refused: no answer, no assistant, an empty completion", async () => {
    const silent = [
      { messages: [{ role: "user", content: "Hello?" }] },
      { messages: [{ role: "user", content: "Hm" }] },
    ];
    const none = await train("sft", writeRows(to("silent.jsonl"), silent));
    expect(none.code).toBe(1);
    expect(none.err).toContain("no assistant message to learn from");
    const empty = [{ prompt: "a", completion: "" }];
    const blank = await train("sft", writeRows(to("blank.jsonl"), empty));
    expect(blank.code).toBe(1);
    expect(blank.err).toContain("the completion is empty");
    // Cutting the ends of answers that are longer than the limit leaves their prompts only.
    const long = await train(
      "sft",
      writeRows(to("long.jsonl"), [{ prompt: "word ".repeat(40).trim(), completion: " x" }]),
      "--max-length",
      "8",
    );
    expect(long.code).toBe(1);
    expect(long.err).toMatch(/long\.jsonl: expected at least 1 rows to learn from, got 0; left out: 1/);
  });

  it("of the wrong kind for the method are told apart from the right ones", async () => {
    const { code, err } = await train("dpo", writeRows(to("texts.jsonl"), [{ text: "Once upon a time." }]));
    expect(code).toBe(1);
    expect(err).toMatch(/texts\.jsonl/);
    expect(err).toMatch(/preference|pairs|chosen/);
  });

  it("with a broken value in a table, a Parquet file that is none, an empty file", async () => {
    writeFileSync(to("none.parquet"), "PAR1 but not really");
    expect((await train("dpo", to("none.parquet"))).err).toContain("none.parquet");
    writeFileSync(to("empty.jsonl"), "");
    const empty = await train("dpo", to("empty.jsonl"));
    expect(empty.code).toBe(1);
    expect(empty.err).toContain("empty.jsonl");
    writeFileSync(to("table.csv"), "prompt,chosen,rejected\na, b,\nc, d, e\n");
    const table = await train("dpo", to("table.csv"));
    expect(table.quarantine).toMatchObject([{ line: 2, reason: expect.stringContaining("empty") as string }]);
  });
});

describe.skipIf(noModel !== undefined)("a template", () => {
  const chat = twoPairs.map(({ prompt, chosen, rejected }) => ({
    prompt: [{ role: "user", content: prompt }],
    chosen: [{ role: "assistant", content: chosen }],
    rejected: [{ role: "assistant", content: rejected }],
  }));

  it("that is not Jinja, or not there, is named", async () => {
    const data = writeRows(to("chat.jsonl"), chat);
    writeFileSync(to("broken.jinja"), "{% for message in %}");
    const broken = await train("dpo", data, "--chat-template", to("broken.jinja"));
    expect(broken.code).toBe(1);
    expect(broken.err).toContain("broken.jinja");
    const missing = await train("dpo", data, "--chat-template", to("no.jinja"));
    expect(missing.err).toContain("no.jinja");
    expect(missing.err).toContain("no such file");
  });

  it("that drops the assistant's text leaves nothing to train, and says so", async () => {
    const data = writeRows(to("drops.jsonl"), chat);
    writeFileSync(
      to("drops.jinja"),
      "{% for message in messages %}{% if message.role == 'user' %}{{ message.content }}{% endif %}{% endfor %}",
    );
    const { code, err } = await train("dpo", data, "--chat-template", to("drops.jinja"));
    expect(code).toBe(1);
    expect(err).toMatch(/2 of 2 rows/);
  });
});
