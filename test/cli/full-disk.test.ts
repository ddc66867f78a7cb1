/**
 * A disk that is full and a folder that is read-only, met by the compiled binary. The full disk is a limit on the size of files
 * (`ulimit -f`), which makes the same calls fail; the reader of the folder is the user `nobody` where the tests run as root.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { repositoryRoot } from "../support/shared.js";
import { model, noModel, pairs, temporaryFolder, writeRows } from "./support.js";

const binary = join(repositoryRoot, "dist", "cli", "main.js");
const bash = spawnSync("bash", ["-c", "true"]).status === 0;
const reason =
  noModel ?? (existsSync(binary) ? (bash ? undefined : "there is no bash") : `${binary} is not built`);
if (reason !== undefined) process.stderr.write(`skipped: ${reason}\n`);

const folder = temporaryFolder();
const to = (name: string): string => join(folder, name);
const rows = writeRows(to("rows.jsonl"), pairs(8));
const flags = [
  "--learning-rate",
  "1e-3",
  "--save-steps",
  "1",
  "--threads",
  "1",
  "--model",
  model,
  "--data",
  rows,
];

/** Runs the binary with files of at most `kilobytes`. The signal is ignored, so that the write fails instead. */
function attuneWithin(kilobytes: number | "unlimited", args: readonly string[]) {
  const script = `trap '' XFSZ; ulimit -f ${kilobytes}; exec "$0" "$@"`;
  const { status, stdout, stderr } = spawnSync("bash", ["-c", script, process.execPath, binary, ...args], {
    encoding: "utf8",
  });
  return { code: status, out: stdout, err: stderr };
}

describe.skipIf(reason !== undefined)("a disk that is full", () => {
  const train = (output: string, limit: number | "unlimited", ...more: string[]) =>
    attuneWithin(limit, ["train", "dpo", "--output", to(output), ...flags, ...more]);
  const weights = (output: string): Buffer => readFileSync(join(to(output), "model", "model.safetensors"));

  it("at the first checkpoint ends the run, and leaves nothing half-written", () => {
    // The optimiser's two buffers are the largest file, 2.1 MB.
    const { code, err } = train("first", 1500, "--max-steps", "2");
    expect(code).toBe(1);
    expect(err).toMatch(
      /checkpoint-1: expected a checkpoint that can be written, got .*(too large|no space)/,
    );
    expect(err).not.toMatch(/\n\s+at /);
    expect(readdirSync(to("first")).filter((name) => /checkpoint|partial|model/.test(name))).toEqual([]);
  });

  it("later on leaves the checkpoint before, and the run goes on from it to the same bytes", () => {
    expect(train("whole", "unlimited", "--max-steps", "3").code).toBe(0);
    expect(train("part", "unlimited", "--max-steps", "3").code).toBe(0);
    const from = join(to("part"), "checkpoint-2");
    const full = train("part", 1500, "--max-steps", "3", "--resume", from);
    expect(full.code).toBe(1);
    expect(full.err).toMatch(/then resume from checkpoint-\d, which is whole/);
    expect(readdirSync(to("part")).filter((name) => name.includes("partial"))).toEqual([]);
    const again = train("part", "unlimited", "--max-steps", "3", "--resume", from);
    expect(again.code).toBe(0);
    expect(weights("part").equals(weights("whole"))).toBe(true);
  });

  it("while a model is merged leaves no folder", () => {
    const args = ["--max-steps", "1", "--lora-r", "2", "--save-steps", "0"];
    expect(train("final", "unlimited", ...args).code).toBe(0);
    const merged = attuneWithin(500, ["merge", join(to("final"), "model"), "--output", to("merged")]);
    expect(merged.code).toBe(1);
    expect(merged.err).toContain("merged");
    expect(existsSync(to("merged"))).toBe(false);
    expect(readdirSync(folder).filter((name) => name.includes("partial"))).toEqual([]);
  });
});

describe.skipIf(reason !== undefined)("a folder that is read-only", () => {
  const root = process.getuid?.() === 0;
  const nobody = root ? { uid: 65_534, gid: 65_534 } : {};
  const runs = spawnSync(process.execPath, [binary, "--version"], nobody).status === 0;

  it.skipIf(!runs)("is found before anything is read, with the reason and the mend", () => {
    mkdirSync(to("locked"));
    chmodSync(to("locked"), 0o555);
    chmodSync(folder, 0o755);
    const output = join(to("locked"), "run");
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [binary, "train", "dpo", "--output", output, ...flags],
      { encoding: "utf8", ...nobody },
    );
    expect(status).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toContain(output);
    expect(stderr).toContain("permission denied");
    expect(stderr).toContain("check the owner and mode of the path");
    expect(readdirSync(to("locked"))).toEqual([]);
  });
});
