/**
 * `kill -9` of a guarded `attune train`, in rollouts and in looks: the same looks, the same stop, the same model. Needs the
 * compiled package.
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { readJson, repositoryRoot } from "../support/shared.js";
import { writeRows } from "../cli/support.js";
import { scratch, writeModel } from "./online-setup.js";

const binary = join(repositoryRoot, "dist", "cli", "main.js");
const compiled = existsSync(binary);

const folder = scratch();
const at = (...names: string[]): string => join(folder, ...names);
let model: string;

/** A reward that ends its process where KILL=NAME:N names its N-th call. */
const killingReward = (name: string, value: string): void =>
  writeFileSync(
    at(`${name}.mjs`),
    `const [name, call] = (process.env.KILL ?? "").split(":");
let calls = 0;
const share = (text) => [...text].filter((c) => /[a-m]/i.test(c)).length / Math.max(1, text.length);
export const reward = (items) => {
  calls++;
  if (name === "${name}" && calls === Number(call)) {
    process.kill(process.pid, "SIGKILL");
    for (;;);
  }
  return items.map(({ completion }) => ${value});
};
`,
  );

beforeAll(async () => {
  model = await writeModel(folder);
  const verbs = ["eat", "like", "fear", "see", "hear", "want"];
  const animals = ["cats", "dogs", "cows", "birds", "fish", "bees", "ants", "mice", "rats", "pigs"];
  const questions = verbs.flatMap((verb) => animals.map((who) => ({ prompt: `What do ${who} ${verb}?` })));
  writeRows(at("prompts.jsonl"), questions);
  // What is trained on, in looks and in rollouts; and what is wanted, in looks alone.
  killingReward("proxy", "share(completion)");
  killingReward("gold", "-share(completion)");
});

const flags = (output: string): string[] =>
  [
    `train rloo --model ${model} --data ${at("prompts.jsonl")} --output ${output}`,
    `--reward ${at("proxy.mjs")} --held-out-reward ${at("gold.mjs")}`,
    "--max-completion-length 8 --threads 1 --learning-rate 0.02 --beta 0 --lr-scheduler-type constant",
    "--num-generations 4 --per-device-train-batch-size 16 --total-episodes 480 --stop-kl 0",
    "--guard-every 1 --guard-samples 4 --save-steps 1",
  ]
    .join(" ")
    .split(" ");

/** How the process ended: its code, or the signal. */
function live(args: readonly string[], kill = ""): Promise<number | string | null> {
  const child = spawn(process.execPath, [binary, ...args], {
    stdio: "ignore",
    env: { ...process.env, KILL: kill },
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve(signal ?? code));
  });
}

const looksOf = (output: string): string => readFileSync(join(output, "guard.jsonl"), "utf8");
const stepsOf = (output: string): number[] =>
  looksOf(output)
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { step: number }).step);

describe.skipIf(!compiled)(`a killed run${compiled ? "" : " (dist is not there: npm run build)"}`, () => {
  it("that is watched makes the same looks, is stopped at the same one and gives the same model", async () => {
    const whole = at("whole");
    expect(await live(flags(whole))).toBe(0);

    const often = at("often");
    const resume = ["train", "rloo", "--config", join(often, "config.json"), "--resume"];
    // In a rollout behind a look that is written, and the look is made again.
    expect(await live(flags(often), "proxy:4")).toBe("SIGKILL");
    expect(stepsOf(often)).toEqual([0, 1]);
    // In a look: the first call is that of the look at step 1.
    expect(await live(resume, "gold:3")).toBe("SIGKILL");
    expect(stepsOf(often)).toEqual([0, 1, 2]);
    expect(await live(resume, "proxy:8")).toBe("SIGKILL");
    expect(stepsOf(often)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    // With a model that waits to be kept.
    expect(await live(resume, "gold:3")).toBe("SIGKILL");
    expect(stepsOf(often)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(await live(resume)).toBe(0);

    expect(looksOf(often)).toBe(looksOf(whole));
    const weights = (output: string): Buffer => readFileSync(join(output, "model", "model.safetensors"));
    expect(weights(often).equals(weights(whole))).toBe(true);
    expect(readdirSync(join(often, "guard"))).toEqual(readdirSync(join(whole, "guard")));
    // It was stopped, and what it gave is not its latest model: equal bytes say that the guard went on too.
    const last = stepsOf(whole).at(-1)!;
    expect(last).toBeLessThan(30);
    const run = readJson<{ status: string; guard: { kept: number } }>(join(often, "run.json"));
    expect(run.status).toBe("stopped");
    expect(run.guard.kept).toBeLessThan(last);
  }, 300_000);
});
