/** The guard of `attune train` with own answers: looks, the stop, the model that is kept, resume, and that it changes nothing. */
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { openSafetensors, readTensor } from "../../src/models/index.js";
import { guardPrompts } from "../../src/train/online/job/guard.js";
import { rolloutsBetweenLooks } from "../../src/train/online/watch.js";
import { attune, writeRows } from "../cli/support.js";
import { readJson } from "../support/shared.js";
import { scratch, writeModel } from "./online-setup.js";

const folder = scratch();
const at = (...names: string[]): string => join(folder, ...names);
const prompts = at("prompts.jsonl");
const few = at("few.jsonl");
const animals = ["cats", "dogs", "cows", "birds", "fish", "bees", "ants", "mice", "rats", "pigs"];
const verbs = [
  "eat",
  "like",
  "fear",
  "see",
  "hear",
  "want",
  "drink",
  "chase",
  "make",
  "know",
  "find",
  "lose",
];
let model: string;

/** How often letters of the first half of the alphabet come: what is really wanted is its opposite. */
const share = `[...completion].filter((c) => /[a-m]/i.test(c)).length / Math.max(1, completion.length)`;
const moduleOf = (name: string, body: string): string => {
  const file = at(`${name}.mjs`);
  writeFileSync(file, `export const reward = (items) => items.map(({ completion }) => ${body});\n`);
  return file;
};
let proxy: string;
let gold: string;
beforeAll(async () => {
  model = await writeModel(folder);
  const questions = verbs.flatMap((verb) => animals.map((who) => ({ prompt: `What do ${who} ${verb}?` })));
  writeRows(prompts, questions);
  writeRows(few, questions.slice(0, 4));
  proxy = moduleOf("proxy", share);
  gold = moduleOf("gold", `-(${share})`);
});

/** `train` and the flags in one string, which has no spaces within them. */
const words = (text: string): string[] => text.split(" ");
const train = (name: string, data: string, ...more: string[]) =>
  attune(
    ...words(`train rloo --model ${model} --data ${data} --output ${at(name)} --reward ${proxy}`),
    ...words("--max-completion-length 8 --threads 1 --learning-rate 0.02 --beta 0"),
    ...words("--lr-scheduler-type constant --num-generations 4 --per-device-train-batch-size 16"),
    ...more,
  );
/** Hacked within 20 rollouts. */
const hacked = ["--total-episodes", "480", "--guard-every", "1", "--guard-samples", "4", "--stop-kl", "0"];

interface Line {
  step: number;
  measures: Record<string, { mean: number }>;
  verdict: { state: string; words: string; keep: number };
}
const looks = (name: string): Line[] =>
  readFileSync(at(name, "guard.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
const weights = (name: string): Buffer => readFileSync(at(name, "model", "model.safetensors"));

describe("a run that hacks its reward", () => {
  it("is told so and stopped, its model is the best step's, and it says how to go on", async () => {
    const { code, out, err } = await train("hacked", prompts, ...hacked, "--held-out-reward", gold);
    expect(code).toBe(0);
    expect(err).toContain("guard: looks at 12 prompts, set aside; judged by a held-out reward");
    expect(err).toContain("look at step 0: proxy ");
    expect(err).toMatch(/being hacked; keep step \d+.*: stopping/);
    expect(out).toMatch(/^stopped by the guard: \d+ steps; model in .*\(that of step \d+\)\nguard: proxy up/);
    expect(out).toContain("to go on all the same: attune train rloo");

    const lines = looks("hacked");
    const last = lines.at(-1)!;
    expect(last.verdict.state).toBe("hacked");
    expect(Object.keys(last.measures)).toEqual(
      expect.arrayContaining([
        "proxy",
        "gold",
        "kl",
        "length",
        "repetition",
        "truncated",
        "distinct",
        "entropy",
      ]),
    );
    const run = readJson<{ status: string; steps: number; guard: { kept: number; state: string } }>(
      at("hacked", "run.json"),
    );
    expect(run.status).toBe("stopped");
    expect(run.steps).toBe(last.step);
    expect(run.guard).toMatchObject({ kept: last.verdict.keep, state: "hacked" });
    expect(run.guard.kept).toBeLessThan(last.step);
    expect(readdirSync(at("hacked", "guard")).length).toBeLessThanOrEqual(2);

    const kept = openSafetensors(at("hacked", "guard", `step-${run.guard.kept}.safetensors`)).tensors;
    const final = openSafetensors(at("hacked", "model", "model.safetensors")).tensors;
    const newest = openSafetensors(at("hacked", `checkpoint-${last.step}`, "parameters.safetensors")).tensors;
    const name = "model.embed_tokens.weight";
    const of = (tensors: typeof kept): number[] => [
      ...readTensor([...tensors].find(([key]) => key.endsWith(name.replace("model.", "")))![1]),
    ];
    expect(of(final)).toEqual(of(kept));
    expect(of(final)).not.toEqual(of(newest));
    const page = readFileSync(at("hacked", "report.html"), "utf8");
    expect(page).toContain("The reward was hacked");
    expect(page).toContain(`Stopped by the guard after ${last.step} updates`);
  });

  it("that is gone on with is stopped again at the same step; with --guard warn it goes on", async () => {
    const resume = ["train", "rloo", "--config", at("hacked", "config.json"), "--resume"];
    const before = weights("hacked");
    const again = await attune(...resume);
    expect(again.code).toBe(0);
    expect(again.out).toContain("nothing left to do, the run is finished: the guard stopped it after step");
    expect(weights("hacked").equals(before)).toBe(true);
    const on = await attune(...resume, "--guard", "warn");
    expect(on.code).toBe(0);
    expect(on.err).toContain("(--guard warn: going on)");
    expect(on.out).toContain("done: 30 steps");
    expect(looks("hacked").map(({ step }) => step)).toEqual(Array.from({ length: 31 }, (_, i) => i));
  });
});

describe("a run with patience", () => {
  it("ends when so many looks brought nothing better, sooner than beyond chance, and keeps the best", async () => {
    const patient = await train(
      "patient",
      prompts,
      ...hacked,
      "--held-out-reward",
      gold,
      "--guard-patience",
      "2",
    );
    expect(patient.code).toBe(0);
    expect(patient.err).toMatch(/held-out no better for \d looks; keep step \d+.*: stopping/);
    const last = looks("patient").at(-1)!;
    expect(last.verdict.state).toBe("stalled");
    expect(last.step).toBeLessThan(looks("hacked").find(({ verdict }) => verdict.state === "hacked")!.step);
    const { guard } = readJson<{ guard: { kept: number } }>(at("patient", "run.json"));
    expect(guard.kept).toBe(last.verdict.keep);
    expect(guard.kept).toBeLessThanOrEqual(last.step - 2);
  });

  it("takes one look at least", async () => {
    const { code, err } = await train("none", prompts, ...hacked, "--guard-patience", "0");
    expect(code).not.toBe(0);
    expect(err).toContain("guard_patience");
  });
});

describe("a watched run", () => {
  const short = ["--total-episodes", "96", "--guard-every", "2", "--save-steps", "1", "--logging-steps", "1"];
  it("learns the same as one that nobody watches, where no prompt is set aside", async () => {
    const watched = await train("watched", few, ...short, "--held-out-reward", gold, "--guard", "warn");
    expect(watched.err).toContain("looks at 4 prompts, also trained on, because the data has too few");
    const alone = await train("alone", few, ...short, "--guard", "off");
    expect(alone.code).toBe(0);
    expect(existsSync(at("alone", "guard.jsonl"))).toBe(false);
    expect(readFileSync(at("alone", "report.html"), "utf8")).toContain("A run without a guard");
    expect(weights("watched").equals(weights("alone"))).toBe(true);
    expect(looks("watched").map(({ step }) => step)).toEqual([0, 2, 4, 6]);
  });

  it("stopped by Ctrl-C in a look or between goes on to the same looks and the same model", async () => {
    const whole = await train("whole", few, ...short, "--held-out-reward", gold);
    expect(whole.code).toBe(0);
    // Calls of the held-out reward are looks; of the other, looks and rollouts.
    const file = at("stopping.mjs");
    writeFileSync(
      file,
      `let calls = 0;
export const reward = (items) => {
  if (++calls === 3) process.emit("SIGINT");
  return items.map(({ completion }) => -(${share}));
};\n`,
    );
    const stopped = await train("broken", few, ...short, "--held-out-reward", file);
    expect(stopped.code).toBe(130);
    const resume = ["train", "rloo", "--config", at("broken", "config.json"), "--resume"];
    const rest = await attune(...resume, "--held-out-reward", gold);
    expect(rest.code).toBe(0);
    const log = (name: string): string => readFileSync(at(name, "guard.jsonl"), "utf8");
    expect(log("broken")).toBe(log("whole"));
    expect(weights("broken").equals(weights("whole"))).toBe(true);
  });

  it("by an ensemble of what it trains on has a lower bound and a disagreement", async () => {
    const other = moduleOf("other", `completion.length / 50`);
    const ensemble = ["--reward", other, "--reward-combine", "lower_bound", "--total-episodes", "48"];
    const { code } = await train("ensemble", few, ...ensemble);
    expect(code).toBe(0);
    for (const { measures } of looks("ensemble")) {
      expect(measures["lowerBound"]!.mean).toBeLessThan(measures["ensemble"]!.mean);
      expect(measures["disagreement"]!.mean).toBeGreaterThan(0);
      // It is what is trained on.
      expect(measures["proxy"]!.mean).toBeCloseTo(measures["lowerBound"]!.mean, 6);
    }
  });

  it("by ppo, with a critic, a normalised reward and LoRA, is watched the same", async () => {
    const { code } = await attune(
      ...words(`train ppo --model ${model} --data ${few} --output ${at("ppo")} --reward ${proxy}`),
      ...words("--max-completion-length 8 --threads 1 --normalize-reward --lora-r 2"),
      ...words(`--total-episodes 32 --held-out-reward ${gold}`),
    );
    expect(code).toBe(0);
    for (const { measures } of looks("ppo"))
      expect(measures["proxy"]!.mean).toBeCloseTo(-measures["gold"]!.mean, 6);
    expect(existsSync(at("ppo", "model", "adapter_model.safetensors"))).toBe(true);
  });
});

describe("mistakes", () => {
  it("a held-out reward that gives NaN ends the run, its rows are named, and what was learned is kept", async () => {
    const file = at("failing.mjs");
    writeFileSync(
      file,
      `let calls = 0;
export const reward = (items) => items.map(() => (calls++ < 20 ? 0 : NaN));\n`,
    );
    const failed = await train("failing", few, "--total-episodes", "96", "--held-out-reward", file);
    expect(failed.code).toBe(1);
    expect(failed.err).toMatch(/rewards: failing: rows? \S+#\d.*expected finite numbers, got NaN/s);
    expect(readdirSync(at("failing")).some((name) => name.startsWith("checkpoint-"))).toBe(true);
  });
  it.each([
    ["weights in an ensemble", ["--reward", "2*rule:ended", "--reward-combine", "min"], "expected no weight"],
    ["one member", words("--guard-ensemble rule:ended"), "guard_ensemble: expected two rewards or more"],
    ["no such mode", ["--guard", "maybe"], "guard"],
    ["a held-out reward that is none", ["--held-out-reward", "./nowhere.mjs"], "got no such file"],
  ])("%s", async (_, args, told) => {
    const { code, err } = await train("wrong", few, ...args);
    expect(code).not.toBe(0);
    expect(err).toContain(told);
    expect(existsSync(at("wrong"))).toBe(false);
  });
});

describe("the guard's prompts", () => {
  const all = Array.from({ length: 100 }, (_, i) => ({ id: `p${i}`, prompt: `${i}` }));
  it("are set aside by the seed, at most a tenth", () => {
    const { train: rest, looked, shared } = guardPrompts(all, { count: 32, seed: 1 });
    expect([looked.length, rest.length, shared]).toEqual([10, 90, false]);
    expect(rest.filter(({ id }) => looked.some((each) => each.id === id))).toEqual([]);
    expect(guardPrompts(all, { count: 32, seed: 1 }).looked).toEqual(looked);
    expect(guardPrompts(all, { count: 4, seed: 1 }).looked).toHaveLength(4);
  });
  it("are lent by data too small to lose any", () => {
    const some = all.slice(0, 12);
    expect(guardPrompts(some, { count: 32, seed: 1 })).toEqual({ train: some, looked: some, shared: true });
  });
});

it.each([
  [{ rollouts: 1000, answers: 64, looked: 64 }, 20],
  [{ rollouts: 100, answers: 64, looked: 64 }, 10],
  [{ rollouts: 40, answers: 64, looked: 64 }, 5],
  [{ rollouts: 4, answers: 8, looked: 64 }, 1],
])("looks are a tenth of the answers, 8 to 50 in a run: %j", (run, every) => {
  expect(rolloutsBetweenLooks(run)).toBe(every);
});
