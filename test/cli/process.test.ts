/** The compiled binary as a process: exit codes, Ctrl-C, kill -9. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { repositoryRoot } from "../support/shared.js";
import { model, noModel, pairs, temporaryFolder, writeRows } from "./support.js";

const binary = join(repositoryRoot, "dist", "cli", "main.js");
const reason = noModel ?? (existsSync(binary) ? undefined : `${binary} is not built`);
if (reason !== undefined) process.stderr.write(`skipped: ${reason}\n`);

const folder = temporaryFolder();
const to = (name: string): string => join(folder, name);

interface Started {
  child: ChildProcess;
  ended: Promise<{ code: number | null; out: string; err: string }>;
}

function start(args: readonly string[]): Started {
  const child = spawn(process.execPath, [binary, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let [out, err] = ["", ""];
  child.stdout!.on("data", (piece: Buffer) => (out += piece.toString()));
  child.stderr!.on("data", (piece: Buffer) => (err += piece.toString()));
  const ended = new Promise<{ code: number | null; out: string; err: string }>((resolve) =>
    child.on("close", (code) => resolve({ code, out, err })),
  );
  return { child, ended };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

const trainArgs = (output: string): string[] => [
  "train",
  "dpo",
  "--model",
  model,
  "--data",
  writeRows(to("rows.jsonl"), pairs(32)),
  "--output",
  output,
  "--max-steps",
  "24",
  "--save-steps",
  "3",
  "--per-device-train-batch-size",
  "4",
  "--learning-rate",
  "1e-3",
  "--threads",
  "1",
  "--logging-steps",
  "1",
];
const checkpoints = (output: string): string[] =>
  existsSync(output) ? readdirSync(output).filter((name) => name.startsWith("checkpoint-")) : [];
const weights = (output: string): Buffer => readFileSync(join(output, "model", "model.safetensors"));

describe.skipIf(reason !== undefined)("the binary", () => {
  it("exits with 0, 1 and 2, answers on stdout and errors on stderr, without a stack", async () => {
    expect((await start(["--version"]).ended).code).toBe(0);
    const missing = await start(["inspect", to("nothing")]).ended;
    expect(missing.code).toBe(1);
    expect(missing.out).toBe("");
    expect(missing.err).not.toMatch(/\n\s+at /);
    expect((await start(["inspect", "--nope"]).ended).code).toBe(2);
  });

  it("finishes the step and saves at Ctrl-C, says how to go on, and a killed run ends with the same bytes", async () => {
    const whole = to("whole");
    expect((await start(trainArgs(whole)).ended).code).toBe(0);

    const stopped = to("stopped");
    const first = start(trainArgs(stopped));
    await until(() => checkpoints(stopped).length > 0 || first.child.exitCode !== null);
    first.child.kill("SIGINT");
    const { code, out } = await first.ended;
    expect(code).toBe(130);
    const command = /go on with: attune (.*)/.exec(out)![1]!.split(" ");
    expect((await start(command).ended).code).toBe(0);
    expect(weights(stopped).equals(weights(whole))).toBe(true);

    const killed = to("killed");
    const second = start(trainArgs(killed));
    await until(() => checkpoints(killed).length > 1 || second.child.exitCode !== null);
    second.child.kill("SIGKILL");
    await second.ended;
    const last = start([...trainArgs(killed), "--resume"]);
    expect((await last.ended).code).toBe(0);
    expect(weights(killed).equals(weights(whole))).toBe(true);
    const steps = readFileSync(join(killed, "log.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { step: number }).step);
    expect(steps).toEqual(Array.from({ length: 24 }, (_, i) => i + 1));
  });
});
