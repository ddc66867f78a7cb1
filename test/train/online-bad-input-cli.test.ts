/** What goes wrong in `attune train` with own answers, as its user sees it: where, what came, how to mend it, and what is kept. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { attune, writeRows } from "../cli/support.js";
import { readJson } from "../support/shared.js";
import { questions, scratch, writeModel } from "./online-setup.js";

const folder = scratch();
const at = (...names: string[]): string => join(folder, ...names);
const prompts = at("prompts.jsonl");
let model: string;
beforeAll(async () => {
  model = await writeModel(folder);
  const rows = questions.map(({ prompt }, i) => ({ prompt, answer: i }));
  writeRows(prompts, rows);
  writeRows(at("long.jsonl"), [...rows, { prompt: "why ".repeat(80) }]);
  writeRows(at("only-long.jsonl"), [{ prompt: "why ".repeat(80) }]);
});

const words = (text: string): string[] => text.split(" ");
const train = (method: string, name: string, ...more: string[]) =>
  attune(
    ...words(`train ${method} --model ${model} --data ${prompts} --output ${at(name)}`),
    ...words("--max-completion-length 6 --per-device-train-batch-size 4 --threads 1 --guard off"),
    ...more,
  );
const moduleOf = (name: string, source: string): string => {
  writeFileSync(at(`${name}.mjs`), source);
  return at(`${name}.mjs`);
};
/** Good for `calls` calls, then what `bad` says of the items. */
const failing = (name: string, bad: string, calls = 1): string =>
  moduleOf(
    name,
    `let calls = 0;
export const reward = (items) => calls++ < ${calls} ? items.map((_, i) => i) : (${bad});\n`,
  );
const checkpoints = (name: string): string[] =>
  readdirSync(at(name)).filter((file) => file.startsWith("checkpoint-"));

describe("a reward that, in the middle of a run,", () => {
  it.each([
    ["gives NaN", "items.map(() => NaN)", "expected finite numbers, got NaN"],
    ["gives infinity", "items.map(() => Infinity)", "expected finite numbers, got Infinity"],
    ["gives the wrong number", "[1]", "expected 4 scores, one an answer, got 1"],
    ["gives text", 'items.map(() => "good")', 'expected numbers, got the text "good"'],
    ["throws", '(() => { throw new Error("no key"); })()', "an exception: no key"],
    ["hangs", "new Promise(() => undefined)", "expected scores within 0.2 s, got no answer"],
  ])("%s: named with its rows, and what was learned is saved", async (what, bad, told) => {
    const name = what.replaceAll(" ", "-");
    const reward = failing(`module-${name}`, bad);
    const limits = ["--num-train-epochs", "3", "--reward-timeout", "0.2"];
    const { code, err } = await train("rloo", name, "--reward", reward, ...limits, "--num-generations", "2");
    expect(code).toBe(1);
    expect(err).toContain(told);
    expect(err).toMatch(/rows? \S+#0/);
    expect(checkpoints(name)).toEqual(["checkpoint-1"]);
  });
});

describe("a reward server that goes away", () => {
  let server: Server;
  let good = 2;
  beforeAll(async () => {
    server = createServer((request, response) => {
      let body = "";
      request.on("data", (piece: Buffer) => (body += piece.toString()));
      request.on("end", () => {
        if (good-- <= 0) return void response.writeHead(503).end();
        const { query } = JSON.parse(body) as { query: string[] };
        response.end(JSON.stringify({ rewards: query.map((text, i) => text.length + i) }));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  it("is waited for, then the run saves, stops, and goes on when it is back", async () => {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/score`;
    const flags = ["--reward", url, "--reward-retries", "1", "--num-train-epochs", "3"];
    const stopped = await train("ppo", "server", ...flags, "--num-iterations", "1");
    expect(stopped.code).toBe(1);
    expect(stopped.err).toContain(url);
    expect(stopped.err).toContain(`saved after step 2; to go on: attune train ppo --config`);
    expect(checkpoints("server")).toHaveLength(1);
    good = Infinity;
    const rest = await attune("train", "ppo", "--config", at("server", "config.json"), "--resume");
    expect(rest.err).toContain("going on after step 2");
    expect(rest.code).toBe(0);
    expect(rest.out).toContain("done: 3 steps");
  });
});

describe("prompts", () => {
  const reward = ["--reward", "rule:length?max=4"];
  it("without room for an answer are left out, and that is said", async () => {
    const { code, err } = await train("ppo", "long", ...reward, "--data", at("long.jsonl"));
    expect(code).toBe(0);
    expect(err).toContain("1 prompts too long, left out");
  });
  it("all without room are an error with the mend", async () => {
    const { code, err } = await train("ppo", "only", ...reward, "--data", at("only-long.jsonl"));
    expect(code).toBe(1);
    expect(err).toContain("shorten the prompts, or lower max_completion_length");
  });
});

describe("groups whose answers earn the same", () => {
  it("all of them end the run with advice", async () => {
    const same = moduleOf("same", "export const reward = (items) => items.map(() => 1);\n");
    const { code, err } = await train("grpo", "same", "--reward", same, "--num-generations", "2");
    expect(code).toBe(1);
    expect(err).toContain("10 rollouts in a row whose groups have equal rewards");
  });
});

describe("a policy that collapses", () => {
  const letters = (): string =>
    moduleOf(
      "letters",
      "export const reward = (items) => items.map(({ completion }) => completion.length);\n",
    );
  const much = words("--num-train-epochs 40 --num-generations 2 --beta 0 --learning-rate 0.01");
  it("stops behind its last good checkpoint, and the run's record says so", async () => {
    const often = words("--stop-kl 4 --logging-steps 7 --save-steps 2");
    const { code, err } = await train("rloo", "kl", "--reward", letters(), ...much, ...often);
    expect(code).toBe(1);
    expect(err).toContain("the policy collapsed: expected a KL of at most 4 nats an answer");
    const good = /begin a run with --model (\S+), with a lower learning rate/.exec(err)![1]!;
    const run = readJson<{ status: string; steps: number; error: { code: string } }>(at("kl", "run.json"));
    expect(run).toMatchObject({ status: "failed", error: { code: "invariant" } });
    const log = readFileSync(at("kl", "log.jsonl"), "utf8").trimEnd().split("\n");
    expect((JSON.parse(log.at(-1)!) as { step: number }).step).toBe(run.steps);
    const again = await train("rloo", "kl-again", "--reward", letters(), "--model", good);
    expect(again.code).toBe(0);
  });
});

describe("methods in iterations are commands", () => {
  it("iterative-dpo and best-of-n make whole iterations, ppo remembers texts", async () => {
    const reward = ["--reward", "rule:length?max=4"];
    const dpo = await train(
      "iterative-dpo",
      "idpo",
      ...reward,
      "--iterations",
      "2",
      "--num-generations",
      "4",
    );
    expect(dpo.code).toBe(0);
    expect(dpo.out).toMatch(/done: \d steps/);
    const best = await train("best-of-n", "best", ...reward, "--num-generations", "2");
    expect(best.code).toBe(0);
    const texts = at("texts.jsonl");
    writeRows(texts, [{ text: "Cats eat fish and birds." }, { text: "Dogs eat grass." }]);
    const ppo = await train("ppo", "ptx", ...reward, "--ptx-data", texts, "--logging-steps", "1");
    expect(ppo.err).toContain("2 texts beside the answers");
    expect(ppo.code).toBe(0);
  });
  it("spin goes through several iterations in one command", async () => {
    const answers = at("answers.jsonl");
    writeRows(
      answers,
      questions.map(({ prompt, id }) => ({
        prompt,
        completion: [{ role: "assistant", content: `${id} eat grass.` }],
      })),
    );
    const { code, out } = await train("spin", "spin", "--data", answers, "--iterations", "3");
    expect(code).toBe(0);
    expect(out).toContain("done: 3 steps");
  });
});
