import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ONLINE_METHOD_NAMES } from "../../src/train/index.js";
import { loadTokenizer } from "../../src/text/index.js";
import { METHOD_NAMES } from "../../src/train/job/index.js";
import { data, missing } from "../support/shared.js";
import { attune, attuneOn, model, noModel, pairs, temporaryFolder, twoPairs, writeRows } from "./support.js";

const folder = temporaryFolder();
const to = (name: string): string => join(folder, name);
const two = writeRows(to("two.jsonl"), twoPairs);

describe("attune inspect", () => {
  it("names the format, what was converted, what could not be used, and shows rows", async () => {
    const file = writeRows(to("some.jsonl"), [
      ...twoPairs,
      twoPairs[0],
      { prompt: "a", chosen: "b", rejected: "b" },
    ]);
    const { code, out } = await attune("inspect", file);
    expect(code).toBe(0);
    expect(out).toContain("TRL preference, explicit prompt");
    expect(out).toContain("1 x the two answers are equal");
    expect(out).toContain("1 duplicate");
    expect(out).toContain("What is the capital of France?");
  });

  it("says what a file is instead, when nothing can be learned from it", async () => {
    const { code, out } = await attune("inspect", writeRows(to("odd.jsonl"), [{ x: 1 }]));
    expect(code).toBe(0);
    expect(out).toContain("rows of no known format");
    expect(out).toContain("rename the columns");
  });

  it("gives the same as one JSON object", async () => {
    const { out } = await attune("inspect", two, "--json");
    expect(JSON.parse(out)).toMatchObject({ kind: "preference", rows: { rows: 2, records: 2, bad: 0 } });
  });

  it.skipIf(noModel !== undefined)(
    "shows tokens with what is trained, the audits and a histogram",
    async () => {
      const { out } = await attune("inspect", "--data", two, "--model", model);
      expect(out).toContain("⟦");
      expect(out).toContain("100.0% of 4 targets");
      expect(out).toContain("in every row");
      expect(out).toMatch(/█/);
    },
  );

  it.skipIf(noModel !== undefined)(
    "shows three rows with their masks in colour where the terminal has any, lengths and duplicates",
    async () => {
      const rows = [...pairs(9), pairs(1)[0]!];
      const file = writeRows(to("coloured.jsonl"), rows);
      const { out } = await attuneOn({ colour: true }, "inspect", file, "--model", model);
      const escape = String.fromCharCode(27);
      const plain = out.replaceAll(new RegExp(`${escape}\\[[0-9;]*m`, "g"), "");
      expect(out.length).toBeGreaterThan(plain.length);
      expect(plain).not.toContain("⟦");
      // Chosen and rejected of the first three rows, and of no fourth.
      for (const { chosen } of rows.slice(0, 3)) expect(plain).toContain(chosen.trim());
      expect(plain).not.toContain(rows[3]!.chosen.trim());
      expect(plain).toMatch(/1 (duplicate|repeat)/);
      expect(plain).toMatch(/median|longest|tokens/);
    },
  );

  const shared: Readonly<Record<string, string>> = {
    "hh-rlhf/harmless-base.test.jsonl.gz": "Anthropic HH-RLHF",
    "pandalm/testset-v1.json": "PandaLM",
    "tau-bench/gpt-4o-airline.json": "tau-bench",
    "gsm8k/example_model_solutions.jsonl": "GSM8K",
    "tinystories/tinystories_1000.json": "TinyStories",
    "llama-factory-demos/alpaca_en_demo.json": "Alpaca",
    "llama-factory-demos/dpo_en_demo.json": "ShareGPT preference",
    "llama-factory-demos/kto_en_demo.json": "ShareGPT with kto_tag",
    "llama-factory-demos/v1_dpo_demo.jsonl": "LLaMA-Factory v1 preference",
    "stories260K/model.safetensors": "model weights",
  };
  it.each(Object.entries(shared))("names %s rightly", async (file, title) => {
    if (missing(data(file)) !== undefined) {
      process.stderr.write(`skipped: ${data(file)} is not there
`);
      return;
    }
    const { code, out } = await attune("inspect", data(file), "--rows", "1", "--max-rows", "50");
    expect(code).toBe(0);
    expect(out).toContain(title);
  });
});

describe.skipIf(noModel !== undefined)("attune score, merge and generate", () => {
  it("scores pairs with an interval, and the merged model gives the adapter's scores", async () => {
    const rows = writeRows(to("rows.jsonl"), pairs(12));
    await attune(
      "train",
      "reward",
      "--model",
      model,
      "--data",
      rows,
      "--output",
      to("rm"),
      "--max-steps",
      "3",
      "--learning-rate",
      "1e-2",
      "--lora-r",
      "4",
    );
    const adapter = await attune("score", "--model", join(to("rm"), "model"), "--data", rows, "--json");
    expect((await attune("merge", join(to("rm"), "model"), "--output", to("merged"))).out).toContain(
      "merged 35 modules",
    );
    const merged = await attune(
      "score",
      "--model",
      to("merged"),
      "--data",
      rows,
      "--json",
      "--output",
      to("scores.jsonl"),
    );
    type Scores = {
      accuracy: Record<string, number>;
      rows: { id: string; chosen: number; margin: number }[];
    };
    const one = JSON.parse(adapter.out) as Scores;
    const saved = readFileSync(to("scores.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Scores["rows"][number]);
    expect(one.rows).toHaveLength(12);
    one.rows.forEach((row, i) => {
      expect(saved[i]!.id).toBe(row.id);
      expect(saved[i]!.chosen).toBeCloseTo(row.chosen, 4);
    });
    expect((JSON.parse(merged.out) as Scores).accuracy).toMatchObject({ rows: 12 });
    expect(one.accuracy["low"]).toBeLessThan(one.accuracy["high"]!);
    expect((await attune("merge", join(to("rm"), "model"), "--output", to("merged"))).code).toBe(2);
  });

  it("scores and generates with the weights in 8 bits, close to the whole weights' numbers", async () => {
    const rows = writeRows(to("eight.jsonl"), pairs(6));
    const trained = to("eight");
    await attune(
      "train",
      "reward",
      "--model",
      model,
      "--data",
      rows,
      "--output",
      trained,
      "--max-steps",
      "1",
    );
    const scores = async (...more: string[]): Promise<number[]> => {
      const args = ["score", "--model", join(trained, "model"), "--data", rows, "--json", ...more];
      const { rows: scored } = JSON.parse((await attune(...args)).out) as { rows: { chosen: number }[] };
      return scored.map(({ chosen }) => chosen);
    };
    const [whole, eight] = [await scores(), await scores("--load-in-8bit")];
    expect(eight).not.toEqual(whole);
    const scale = Math.max(...whole.map(Math.abs));
    eight.forEach((score, i) => expect(Math.abs(score - whole[i]!)).toBeLessThan(0.15 * scale));
    const asked = ["generate", "--model", model, "Once", "--max-new-tokens", "3", "--load-in-8bit"];
    expect(await attune(...asked)).toMatchObject({ code: 0 });
  });

  it("generates the same text for the same seed, and prompts of a file as JSON", async () => {
    const run = () =>
      attune("generate", "--model", model, "Once upon a time", "--max-new-tokens", "12", "--seed", "3");
    const first = await run();
    expect(first.code).toBe(0);
    expect((await run()).out).toBe(first.out);
    const { out } = await attune(
      "generate",
      "--model",
      model,
      "--data",
      two,
      "--max-new-tokens",
      "5",
      "--samples",
      "2",
      "--json",
    );
    const lines = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toHaveLength(4);
    expect(lines[0]).toMatchObject({ sample: 0, tokens: 5, finish_reason: "length" });
    expect((await attune("generate", "--model", model)).code).toBe(2);
    expect((await attune("generate", "--model", model, "a", "--top-p", "3")).err).toContain("--top-p");
    expect(existsSync(to("nothing"))).toBe(false);
  });
});

describe.skipIf(noModel !== undefined)("attune generate", () => {
  const asked = ["generate", "--model", model, "Once upon a time", "--temperature", "0"];
  const ask = (...more: string[]) => attune(...asked, ...more);
  const json = async (...more: string[]) =>
    JSON.parse((await ask("--json", ...more)).out) as { completion: string; finish_reason: string };

  it("prints a single answer piece by piece, to the text that it has at once", async () => {
    const pieces: string[] = [];
    const long = ["--max-new-tokens", "30"];
    const streamed = await attuneOn({ piece: (text) => void pieces.push(text) }, ...asked, ...long);
    const { completion } = await json(...long);
    expect(pieces.filter((piece) => piece !== "").length).toBeGreaterThan(10);
    expect(pieces.join("")).toBe(completion.trim());
    expect(streamed.out).toBe(" [...]\n");
  });

  it("ends at a stop text, of which nothing is printed", async () => {
    const free = (await json("--max-new-tokens", "30")).completion;
    const stop = free.trim().split(" ").slice(4, 6).join(" ");
    const pieces: string[] = [];
    const io = { piece: (text: string) => void pieces.push(text) };
    await attuneOn(io, ...asked, "--max-new-tokens", "30", "--stop", stop);
    expect(pieces.join("")).toBe(free.slice(0, free.indexOf(stop)).trim());
    expect(await json("--max-new-tokens", "30", "--stop", stop)).toMatchObject({ finish_reason: "stop" });
  });

  it("says one of the choices, or what a bias makes of it", async () => {
    const { out } = await ask("--choice", "a dog", "--choice", "an old cat");
    expect(["a dog", "an old cat"]).toContain(out.trim());
    const plain = await ask("--max-new-tokens", "1");
    const tokenizer = await loadTokenizer(model);
    const ids = Array.from({ length: 512 }, (_, id) => id);
    const said = ids.filter((id) => tokenizer.decodeContinuation([id]).trim() === plain.out.split(" [")[0]);
    expect(said.length).toBeGreaterThan(0);
    const bias = JSON.stringify(Object.fromEntries(said.map((id) => [id, -100])));
    const biased = await ask("--max-new-tokens", "1", "--logit-bias", bias);
    expect(biased.out).not.toBe(plain.out);
    expect((await ask("--logit-bias", '{"x": 1}')).err).toContain("logitBias");
  });

  it("refuses to use less memory than one row needs", async () => {
    const { code, err } = await ask("--cache-megabytes", "0.001");
    expect(code).toBe(1);
    expect(err).toContain("maxCacheBytes");
  });
});

describe("attune methods", () => {
  it("says of every method what it needs and when to choose it", async () => {
    const { out } = await attune("methods");
    const names = [...METHOD_NAMES, ...ONLINE_METHOD_NAMES];
    for (const name of names) expect(out).toContain(`${name}: `);
    expect(out).toContain("sigmoid_norm");
    const rows = JSON.parse((await attune("methods", "--json")).out) as { name: string; needs: string }[];
    expect(rows.map(({ name }) => name)).toEqual(names);
    expect(rows.every(({ needs }) => needs.length > 0)).toBe(true);
  });
});
