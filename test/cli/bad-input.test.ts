import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { attune, model, noModel, pairs, temporaryFolder, twoPairs, writeRows } from "./support.js";

const folder = temporaryFolder();
const to = (name: string): string => join(folder, name);
const train = (data: string, output: string, ...more: string[]) =>
  attune(
    "train",
    "dpo",
    "--model",
    model,
    "--data",
    data,
    "--output",
    to(output),
    "--max-steps",
    "1",
    "--threads",
    "1",
    ...more,
  );

describe.skipIf(noModel !== undefined)("bad input gets an error that says where and how to mend it", () => {
  it("a missing column", async () => {
    const { code, err } = await train(writeRows(to("column.jsonl"), [{ prompt: "a", chosen: "b" }]), "r1");
    expect(code).toBe(1);
    expect(err).toContain("column.jsonl");
    expect(err).toContain("rejected");
    expect(existsSync(to("r1"))).toBe(false);
  });

  it("bad rows among good ones: they are set aside, named by line, and nothing of them is trained", async () => {
    const rows = [
      ...pairs(6),
      { prompt: "a", chosen: "b", rejected: "b" },
      { prompt: "a", chosen: 5, rejected: "b" },
      { prompt: "a", chosen: "", rejected: "b" },
    ];
    const { code, err } = await train(writeRows(to("mixed.jsonl"), rows), "r2");
    expect(code).toBe(0);
    expect(err).toContain("3 bad rows set aside");
    const quarantine = readFileSync(join(to("r2"), "quarantine.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { line: number });
    expect(quarantine.map(({ line }) => line)).toEqual([7, 8, 9]);
  });

  it("broken JSON in the middle of a gzip, and a file that is not there", async () => {
    writeFileSync(
      to("broken.jsonl.gz"),
      gzipSync(`${JSON.stringify(twoPairs[0])}\n{"prompt": \n${JSON.stringify(twoPairs[1])}\n`),
    );
    expect((await train(to("broken.jsonl.gz"), "r3")).err).toContain("1 bad rows set aside");
    expect((await train(to("nothing.jsonl"), "r4")).err).toContain("nothing of that name");
    expect(existsSync(to("r4"))).toBe(false);
  });

  it("a template that raises", async () => {
    writeFileSync(to("raises.jinja"), "{{ raise_exception('only system messages') }}");
    const rows = twoPairs.map(({ prompt, chosen, rejected }) => ({
      prompt: [{ role: "user", content: prompt }],
      chosen: [{ role: "assistant", content: chosen }],
      rejected: [{ role: "assistant", content: rejected }],
    }));
    const { code, err } = await train(
      writeRows(to("chat.jsonl"), rows),
      "r5",
      "--chat-template",
      to("raises.jinja"),
    );
    expect(code).toBe(1);
    expect(err).toContain("only system messages");
    expect(err).toContain("2 of 2 rows");
  });

  it("a tokenizer that does not fit, a truncated weight file, a pickle, a folder without a model", async () => {
    const data = writeRows(to("two.jsonl"), twoPairs);
    const broken = (name: string, change: (path: string) => void): string => {
      cpSync(model, to(name), { recursive: true });
      change(to(name));
      return to(name);
    };
    const attempt = (named: string) =>
      attune("train", "dpo", "--model", named, "--data", data, "--output", to("r6"));
    const big = broken("big-tokenizer", (path) => {
      const file = join(path, "tokenizer.json");
      const json = JSON.parse(readFileSync(file, "utf8")) as { added_tokens: object[] };
      json.added_tokens.push({
        id: 9000,
        content: "<extra>",
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
        special: true,
      });
      writeFileSync(file, JSON.stringify(json));
    });
    expect((await attempt(big)).err).toContain("use the tokenizer of the model's own folder");
    const cut = broken("cut", (path) => {
      const file = join(path, "model.safetensors");
      writeFileSync(file, readFileSync(file).subarray(0, 5000));
    });
    expect((await attempt(cut)).err).toContain("model.safetensors");
    mkdirSync(to("empty"));
    expect((await attempt(to("empty"))).code).toBe(1);
    expect((await attempt(to("not-there"))).err).toContain("Hub id");
    expect(existsSync(to("r6"))).toBe(false);
  });

  it("rows that are too long for --truncation-mode error, and a limit that leaves no row", async () => {
    const data = writeRows(to("long.jsonl"), pairs(4));
    const long = await train(data, "r7", "--max-length", "8", "--truncation-mode", "error");
    expect(long.err).toMatch(/4 of 4 examples longer, the longest \d+ tokens/);
    const none = await train(data, "r8", "--max-length", "8", "--truncation-mode", "drop");
    expect(none.err).toContain("4 too long");
  });

  it("a reward model where a language model is needed, and an adapter in the wrong command", async () => {
    const data = writeRows(to("two-again.jsonl"), twoPairs);
    await attune(
      "train",
      "reward",
      "--model",
      model,
      "--data",
      data,
      "--output",
      to("rm"),
      "--max-steps",
      "1",
    );
    const { err } = await attune(
      "train",
      "dpo",
      "--model",
      join(to("rm"), "model"),
      "--data",
      data,
      "--output",
      to("r9"),
    );
    expect(err).toContain("expected a language model");
    expect((await attune("score", "--model", model, "--data", data)).err).toContain("attune train reward");
    expect((await attune("generate", "--model", join(to("rm"), "model"), "--prompt", "a")).err).toContain(
      "a language model",
    );
    expect((await attune("merge", model, "--output", to("m"))).err).toContain("nothing to merge");
  });

  it("a loss that is no number: the step and the rows are named, no checkpoint is written", async () => {
    const data = writeRows(to("explode.jsonl"), pairs(16));
    const { code, err } = await train(
      data,
      "r10",
      "--learning-rate",
      "1e30",
      "--max-steps",
      "5",
      "--max-grad-norm",
      "0",
    );
    expect(code).toBe(1);
    expect(err).toMatch(/step \d, rows explode\.jsonl:\d/);
  });

  it.skipIf(process.getuid?.() === 0)("a read-only folder", async () => {
    mkdirSync(to("locked"));
    chmodSync(to("locked"), 0o500);
    const { err } = await train(writeRows(to("two-more.jsonl"), twoPairs), "locked/run");
    expect(err).toContain("permission denied");
  });

  it("a file where the output folder should be", async () => {
    writeFileSync(to("a-file"), "");
    const { code, err } = await train(writeRows(to("two-last.jsonl"), twoPairs), "a-file");
    expect(code).toBe(1);
    expect(err).toContain("a-file");
  });
});
