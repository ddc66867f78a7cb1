/** Rewards as the command line combines them: clipped parts, a centre, a judge that compares answers with each other. */
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { attune, writeRows } from "../cli/support.js";
import { questions, scratch, writeModel } from "./online-setup.js";

const folder = scratch();
const at = (...names: string[]): string => join(folder, ...names);
let model: string;
let big: string;
let small: string;
beforeAll(async () => {
  model = await writeModel(folder);
  writeRows(
    at("prompts.jsonl"),
    questions.map(({ prompt }) => ({ prompt })),
  );
  const moduleOf = (name: string, body: string): string => {
    writeFileSync(at(`${name}.mjs`), `export const reward = (items) => items.map((item, i) => ${body});\n`);
    return at(`${name}.mjs`);
  };
  big = moduleOf("big", "100 + item.completion.length");
  small = moduleOf("small", "i % 2");
});

const words = (text: string): string[] => text.split(" ");
const train = (method: string, name: string, ...more: string[]) =>
  attune(
    ...words(`train ${method} --model ${model} --data ${at("prompts.jsonl")} --output ${at(name)}`),
    ...words(
      "--max-completion-length 6 --per-device-train-batch-size 4 --threads 1 --guard off --logging-steps 1",
    ),
    ...more,
  );
const firstLine = (name: string): Record<string, number> =>
  JSON.parse(readFileSync(at(name, "log.jsonl"), "utf8").split("\n")[0]!) as Record<string, number>;

describe("a sum of rewards", () => {
  it("holds each part within its clip before its weight, and logs what each gave", async () => {
    const parts = ["--reward", big, "--reward", `0.5*${small}`, "--reward-part-clip", "2"];
    const { code } = await train("rloo", "clipped", ...parts, "--num-generations", "2");
    expect(code).toBe(0);
    const line = firstLine("clipped");
    expect(line["reward"]).toBeCloseTo(2 + 0.5 * 0.5, 6);
    expect(line["rewards/big/mean"]).toBeGreaterThan(100);
  });
});

describe("a reward that is centred", () => {
  it("scores demonstrations 0", async () => {
    const demonstrations = at("demonstrations.jsonl");
    writeRows(
      demonstrations,
      [1, 2, 3].map((n) => ({ prompt: `What ${n}?`, completion: "x".repeat(10) })),
    );
    const centre = ["--centre-reward-on", demonstrations];
    const { code } = await train("ppo", "centred", "--reward", big, ...centre);
    expect(code).toBe(0);
    // 100 and more for every answer, less 110 for the demonstrations.
    expect(Math.abs(firstLine("centred")["reward"]!)).toBeLessThan(40);
  });
});

describe("a judge that compares the answers to a prompt with each other", () => {
  it("is a reward between 0 and 1 that says how often it turned with the sides", async () => {
    const server = createServer((request, response) => {
      let body = "";
      request.on("data", (piece: Buffer) => (body += piece.toString()));
      request.on("end", () => {
        const { messages } = JSON.parse(body) as { messages: { content: string }[] };
        // The answers stand fenced, one behind the other.
        const fenced = messages.at(-1)!.content.matchAll(/<(answer-[AB])-\w+>\n(.*?)\n<\/\1/gs);
        const [first = "", second = ""] = [...fenced].map((match) => match[2]!);
        const digest = (text: string): number => [...text].reduce((n, c) => n + (c.codePointAt(0)! % 97), 0);
        const winner = digest(first) > digest(second) ? "A" : "B";
        const content = JSON.stringify({ reason: "why not", winner });
        response.end(JSON.stringify({ choices: [{ message: { role: "assistant", content } }] }));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const judge = `judge:http://127.0.0.1:${port}/v1?model=m&compare=pairs`;
    const { code, err } = await train("online-dpo", "judged", "--reward", judge);
    await new Promise((resolve) => server.close(resolve));
    expect(err).not.toContain("error");
    expect(code).toBe(0);
    const line = firstLine("judged");
    expect(line["rewards/judge/mean"]).toBeCloseTo(0.5, 6);
    expect(line["rewards/inconsistent/mean"]).toBeGreaterThanOrEqual(0);
  });

  it("is refused where it is to compare something else", async () => {
    const { code, err } = await train("rloo", "wrong", "--reward", "judge:http://h/v1?model=m&compare=both");
    expect(code).not.toBe(0);
    expect(err).toContain("compare: expected answers or pairs, got both");
  });
});
