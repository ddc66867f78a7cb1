/** Online methods at the command line: flags, rewards by name, progress, Ctrl-C and resume. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { ONLINE_METHOD_NAMES } from "../../src/train/index.js";
import { readRewardSpec } from "../../src/train/online/job/index.js";
import { attune, writeRows } from "../cli/support.js";
import { readJson } from "../support/shared.js";
import { demonstrations, questions, scratch, writeModel } from "./online-setup.js";

const folder = scratch();
const at = (name: string): string => join(folder, name);
let model: string;
const prompts = at("prompts.jsonl");
const answers = at("answers.jsonl");
const mine = at("mine.mjs");
const letters = `[...completion].reduce((sum, letter) => sum + (letter.codePointAt(0) % 7) / 10, 0)`;
beforeAll(async () => {
  model = await writeModel(folder);
  writeRows(
    prompts,
    questions.map(({ prompt }, i) => ({ prompt, answer: i })),
  );
  writeRows(
    answers,
    demonstrations.map(({ prompt, answer }) => ({ prompt, completion: answer })),
  );
  writeFileSync(mine, `export const reward = (items) => items.map(({ completion }) => ${letters});\n`);
});

const train = (method: string, name: string, ...more: string[]) =>
  attune(
    "train",
    method,
    "--model",
    model,
    "--data",
    method === "spin" ? answers : prompts,
    "--output",
    at(name),
    "--max-completion-length",
    "6",
    "--per-device-train-batch-size",
    "4",
    "--threads",
    "1",
    "--logging-steps",
    "1",
    ...more,
  );

describe("attune train", () => {
  it("ppo trains on a reward of one's own, and says where the time went", async () => {
    const { code, out, err } = await train("ppo", "ppo", "--reward", mine, "--num-iterations", "2");
    expect(err).toContain("rollout 0: reward ");
    expect(err).toMatch(/time: .*generation \d+%, reward \d+%, scoring \d+%, update \d+%/);
    expect(out).toContain(`done: 2 steps; model in ${at("ppo")}/model`);
    expect(code).toBe(0);
    expect(readdirSync(at("ppo")).sort()).toEqual([
      "checkpoint-2",
      "config.json",
      "guard.jsonl",
      "log.jsonl",
      "model",
      "report.html",
      "run.json",
    ]);
    expect(existsSync(join(at("ppo"), "model", "tokenizer.json"))).toBe(true);
    const line = JSON.parse(readFileSync(join(at("ppo"), "log.jsonl"), "utf8").split("\n")[0]!) as object;
    expect(Object.keys(line)).toEqual(
      expect.arrayContaining(["objective/kl", "objective/scores", "time/generation", "time/update"]),
    );
  });

  it("the log has the means over the steps since its last line, of what rollouts are like too", async () => {
    const flags = ["--num-train-epochs", "4", "--logging-steps", "3", "--log-completions", "--guard", "off"];
    const { code } = await train("reinforce", "means", "--reward", mine, ...flags);
    expect(code).toBe(0);
    const lines = readFileSync(join(at("means"), "log.jsonl"), "utf8")
      .trimEnd()
      .split("\n");
    const [first] = lines.map((line) => JSON.parse(line) as Record<string, number>);
    const rewards = [0, 1, 2].flatMap((rollout) =>
      readFileSync(join(at("means"), "answers", `rollout-0000${rollout}.jsonl`), "utf8")
        .trimEnd()
        .split("\n")
        .map((line) => (JSON.parse(line) as { reward: number }).reward),
    );
    expect(first!["reward"]).toBeCloseTo(rewards.reduce((a, b) => a + b, 0) / rewards.length, 9);
    expect(first!["rollout"]).toBe(2);
    expect(first!["episode"]).toBe(12);
  });

  it("spin learns from demonstrations and needs no reward", async () => {
    const { code, err } = await train("spin", "spin");
    expect(err).toContain("4 prompts");
    expect(code).toBe(0);
    // Nothing is there that could judge a look.
    expect(err).not.toContain("look at step");
    const watched = await train("spin", "spin-watched", "--reward", mine);
    expect(watched.err).toContain("look at step 0: proxy ");
  });

  it("grpo takes several weighed rewards, logs each, and keeps the answers where asked", async () => {
    const rewards = ["--reward", mine, "--reward", "0.5*rule:length?unit=tokens&max=4&slack=2"];
    const { code } = await train(
      "grpo",
      "grpo",
      ...rewards,
      "--num-generations",
      "2",
      "--log-completions",
      "--normalize-reward",
    );
    expect(code).toBe(0);
    const log = readFileSync(join(at("grpo"), "log.jsonl"), "utf8");
    expect(log).toContain("rewards/sum/mine/mean");
    expect(log).toContain("rewards/sum/length/mean");
    const [first] = readFileSync(join(at("grpo"), "answers", "rollout-00000.jsonl"), "utf8").split("\n");
    expect(Object.keys(JSON.parse(first!) as object)).toEqual(
      expect.arrayContaining([
        "prompt",
        "answer",
        "reward",
        "sum/mine",
        "sum/length",
        "kl",
        "tokens",
        "ended",
      ]),
    );
  });

  it("is stopped by Ctrl-C in the middle of a rollout and goes on to the same end", async () => {
    const epochs = ["--num-train-epochs", "5", "--num-generations", "2"];
    const stopping = at("stopping.mjs");
    writeFileSync(
      stopping,
      `let calls = 0;
export const reward = (items) => {
  if (++calls === 4) process.emit("SIGINT");
  return items.map(({ completion }) => ${letters});
};\n`,
    );
    const stopped = await train("rloo", "stopped", "--reward", stopping, ...epochs);
    expect(stopped.code).toBe(130);
    expect(stopped.err).toContain("giving up this rollout");
    expect(stopped.out).toContain(`--config ${at("stopped")}/config.json --resume`);
    expect(readJson<{ status: string }>(join(at("stopped"), "run.json")).status).toBe("interrupted");

    const resume = ["train", "rloo", "--config", join(at("stopped"), "config.json"), "--resume"];
    const other = await attune(...resume, "--reward", mine);
    expect(other.code).not.toBe(0);
    expect(other.err).toContain("reward");

    const rest = await attune(...resume);
    expect(rest.code).toBe(0);
    const alone = await train("rloo", "alone", "--reward", mine, ...epochs);
    expect(alone.code).toBe(0);
    const weights = (run: string): Buffer => readFileSync(join(at(run), "model", "model.safetensors"));
    expect(weights("stopped").equals(weights("alone"))).toBe(true);
  });
});

describe("mistakes", () => {
  it.each([
    ["no reward", ["train", "ppo", "--model", "m", "--data", "d"], "ppo: reward: expected what judges"],
    [
      "an unknown rule",
      ["--reward", "rule:exact-mach"],
      "reward rule:exact-mach: expected a rule: exact-match",
    ],
    ["an option that the rule has not", ["--reward", "rule:ended?n=3"], "expected options of ended: none"],
    ["a weight that is none", ["--reward", "much*rule:ended"], "expected a number before the *"],
    ["no such module", ["--reward", "./nowhere.mjs"], "got no such file"],
    ["no such model", ["--reward", "./nowhere/model"], "nowhere/model"],
    ["a flag of another method", ["--reward", "rule:ended", "--kl-coef", "1"], "unknown"],
    ["a prompt file that is none", ["--reward", "rule:ended", "--data", "nowhere.jsonl"], "nowhere.jsonl"],
  ])("%s", async (_, args, words) => {
    const { code, err } =
      args[0] === "train" ? await attune(...args) : await train("rloo", "wrong", ...(args as string[]));
    expect(code).not.toBe(0);
    expect(err).toContain(words);
    expect(existsSync(at("wrong"))).toBe(false);
  });

  it("a model without a scalar head is no reward model", async () => {
    const { err } = await train("rloo", "wrong", "--reward", model);
    expect(err).toContain("expected a reward model (a sequence classifier)");
  });
});

describe("what the command line tells", () => {
  it("every online method has its help, from the settings themselves", async () => {
    for (const method of ONLINE_METHOD_NAMES) {
      const { code, out } = await attune("train", method, "--help");
      expect(code).toBe(0);
      expect(out).toContain("--num-generations N");
      expect(out).toContain("--reward TEXT");
      expect(out).not.toContain("undefined");
    }
  });
  it("attune methods lists them", async () => {
    const { out } = await attune("methods");
    for (const method of ONLINE_METHOD_NAMES) expect(out).toContain(`\n${method}: `);
    const { out: json } = await attune("methods", "--json");
    const rows = JSON.parse(json) as { name: string }[];
    expect(rows.map(({ name }) => name)).toEqual(expect.arrayContaining([...ONLINE_METHOD_NAMES]));
  });
});

describe("a reward's name", () => {
  it.each([
    ["runs/reward/model", "model", 1, "runs/reward/model"],
    ["http://host:5000/a?b=1", "server", 1, "http://host:5000/a?b=1"],
    ["-0.5 * ./mine.mjs", "module", -0.5, "./mine.mjs"],
    ["2*rule:pattern?pattern=a*b+", "rule", 2, "pattern"],
    ["judge:http://host/v1?model=m", "judge", 1, "http://host/v1"],
    ["C:\\models\\reward", "model", 1, "C:\\models\\reward"],
  ])("%s", (text, kind, weight, target) => {
    expect(readRewardSpec(text)).toMatchObject({ kind, weight, target });
  });
  it("a plus in a rule's option is a plus", () => {
    expect(readRewardSpec("rule:pattern?pattern=\\d+").options.get("pattern")).toBe("\\d+");
  });
});
