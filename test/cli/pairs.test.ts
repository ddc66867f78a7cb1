/** Pairs from endpoints that are slow, refuse and break, and from the built-in model. */
import { appendFileSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openJudged } from "../../src/data/index.js";
import { attune, temporaryFolder, writeRows } from "./support.js";

const folder = temporaryFolder();
const to = (name: string): string => join(folder, name);
const readRows = (path: string) =>
  readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
const prompts = writeRows(
  to("prompts.jsonl"),
  [0, 1, 2, 3].map((k) => ({ prompt: `Question ${k}?` })),
);

interface Asked {
  model: string;
  prompt: string;
  seed: number;
  key: string | undefined;
}

describe("attune pairs on endpoints", () => {
  let server: Server;
  let base = "";
  const asked: Asked[] = [];
  /** What to answer instead; by default the model's name, prompt and seed. */
  let reply: (asked: Asked) => { status?: number; body?: unknown } = () => ({});

  beforeAll(async () => {
    server = createServer((request, response) => {
      let text = "";
      request.on("data", (piece) => (text += piece));
      request.on("end", () => {
        const { model, messages, seed } = JSON.parse(text);
        const one = { model, prompt: messages[0].content, seed, key: request.headers.authorization };
        asked.push(one);
        const { status = 200, body } = reply(one);
        const content = `${model} says ${seed}: ${one.prompt}`;
        response.writeHead(status, { "content-type": "application/json" });
        response.end(JSON.stringify(body ?? { choices: [{ message: { content } }] }));
      });
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  });
  afterAll(() => new Promise((done) => server.close(done)));
  beforeEach(() => {
    asked.length = 0;
    reply = () => ({});
  });
  const pairs = (output: string, ...args: string[]) =>
    attune("pairs", prompts, "--output", to(output), "--retries", "0", "--concurrency", "2", ...args);

  it("compares two models, and every answer says where it is from", async () => {
    const { code, out } = await pairs(
      "two.jsonl",
      "--model",
      `${base}#x`,
      "--model",
      `${base}#y`,
      "--seed",
      "3",
    );
    expect(code).toBe(0);
    expect(out).toContain("4 pairs made of 4 prompts");
    const params = { temperature: 0.8, topP: 0.95, maxNewTokens: 256, seed: 3, sample: 0 };
    expect(readRows(to("two.jsonl"))[0]).toMatchObject({
      prompt: [{ role: "user", content: "Question 0?" }],
      candidates: [
        { id: "a", source: { model: "x", params }, messages: [{ content: "x says 3: Question 0?" }] },
        { id: "b", source: { model: "y", params }, messages: [{ content: "y says 3: Question 0?" }] },
      ],
    });
  });

  it("asks one model twice, with other seeds", async () => {
    await pairs("one.jsonl", "--model", `${base}#x`, "--samples", "2");
    const rows = readRows(to("one.jsonl"));
    expect(rows).toHaveLength(8);
    expect(
      rows
        .slice(0, 2)
        .map(({ candidates }) =>
          candidates.map((each: { source: { params: { sample: number } } }) => each.source.params.sample),
        ),
    ).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(new Set(rows.map(({ id }) => id)).size).toBe(8);
  });

  it("names the prompt that failed, keeps the others, and asks only for what is missing the next time", async () => {
    reply = ({ prompt }) => (prompt === "Question 1?" ? { status: 400, body: { error: "no" } } : {});
    const first = await pairs("again.jsonl", "--model", `${base}#x`);
    expect(first.code).toBe(1);
    expect(first.err).toMatch(/prompts\.jsonl:2: .*status 400/);
    expect(readRows(to("again.jsonl"))).toHaveLength(3);
    appendFileSync(to("again.jsonl"), '{"id": "cut o');
    asked.length = 0;
    reply = () => ({});
    const second = await pairs("again.jsonl", "--model", `${base}#x`);
    expect(second.code).toBe(0);
    expect(asked.map(({ prompt }) => prompt)).toEqual(["Question 1?", "Question 1?"]);
    expect(readRows(to("again.jsonl"))).toHaveLength(4);
  });

  it("stops asking a server that is broken, and says what came instead of an answer", async () => {
    reply = () => ({ body: { choices: [] } });
    const { code, err } = await pairs("broken.jsonl", "--model", `${base}#x`);
    expect(code).toBe(1);
    expect(err).toContain("expected a chat completion");
    expect(err).toContain('{"choices":[]}');
  });

  it("leaves out pairs of equal answers", async () => {
    reply = () => ({ body: { choices: [{ message: { content: "Same." } }] } });
    const { out } = await pairs("equal.jsonl", "--model", `${base}#x`, "--json");
    expect(JSON.parse(out)).toMatchObject({ made: 0, equal: 4 });
  });

  it("sends the key of the named variable, and writes it nowhere", async () => {
    process.env["ATTUNE_TEST_KEY"] = "secret-of-the-test";
    const { out, err } = await pairs("key.jsonl", "--model", `${base}#x`, "--api-key-env", "ATTUNE_TEST_KEY");
    delete process.env["ATTUNE_TEST_KEY"];
    expect(asked[0]!.key).toBe("Bearer secret-of-the-test");
    expect(readFileSync(to("key.jsonl"), "utf8") + out + err).not.toContain("secret-of-the-test");
  });

  it.each([
    [["pairs"], "expected PROMPTS"],
    [["pairs", "p.jsonl"], "--model once or twice"],
    [["pairs", "p.jsonl", "--model", "m", "--temperature", "0"], "above 0"],
  ])("refuses %j", async (args, expected) => {
    const { code, err } = await attune(...args);
    expect(code).toBe(2);
    expect(err).toContain(expected);
  });

  it("refuses an endpoint without the name of a model", async () => {
    const { code, err } = await pairs("none.jsonl", "--model", base);
    expect(code).toBe(2);
    expect(err).toContain("http://host/v1#name");
  });

  it("gives a file that attune import reads", async () => {
    const { rows } = await openJudged(to("two.jsonl"));
    const items = [];
    for await (const { item } of rows()) items.push(item!.candidates.map(({ source }) => source?.model));
    expect(items).toEqual(Array.from({ length: 4 }, () => ["x", "y"]));
  });
});

describe("attune pairs on this machine", () => {
  it("draws two answers of the built-in model, the same ones each time", async () => {
    const run = (output: string) =>
      attune(
        "pairs",
        prompts,
        "--model",
        "models/tiny",
        "--max-new-tokens",
        "6",
        "--max-rows",
        "2",
        "--output",
        to(output),
      );
    expect((await run("tiny.jsonl")).code).toBe(0);
    await run("tiny-again.jsonl");
    const rows = readRows(to("tiny.jsonl"));
    expect(rows).toHaveLength(2);
    expect(rows[0].candidates[0].source).toMatchObject({ model: "models/tiny", params: { seed: 0 } });
    expect(readRows(to("tiny-again.jsonl"))).toEqual(rows);
  }, 120_000);
});
