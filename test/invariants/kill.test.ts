/** `kill -9` at ten random moments, a checkpoint at every step: the end is the same, byte for byte. Needs the compiled package. */
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRandom } from "../../src/util/random.js";
import { checkpointHashes, scratch, writeTinyModel } from "./setup.js";

const script = fileURLToPath(new URL("./killed-run.mjs", import.meta.url));
const compiled = existsSync(fileURLToPath(new URL("../../dist/train/index.js", import.meta.url)));
const steps = 60;
const kills = 10;

const folder = scratch();
let model: string;
beforeAll(async () => {
  model = await writeTinyModel(folder.path);
});
afterAll(() => folder.remove());

interface Life {
  /** Steps it reported. */
  done: number[];
  killed: boolean;
}

/** Runs until the end, or until `delay` milliseconds after the step `after` steps on. */
async function live(output: string, kill?: { after: number; delay: number }): Promise<Life> {
  const child = spawn(process.execPath, [script, model, output, String(steps)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const done: number[] = [];
  let text = "";
  let aimed = false;
  child.stdout.setEncoding("utf8");
  child.stdout.on("data", (piece: string) => {
    text += piece;
    const lines = text.split("\n");
    text = lines.pop()!;
    done.push(...lines.map(Number));
    if (!kill || aimed || done.length < kill.after) return;
    aimed = true;
    void sleep(kill.delay).then(() => child.kill("SIGKILL"));
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (code !== 0 && signal !== "SIGKILL") reject(new Error(`the run ended with code ${code}`));
      else resolve({ done, killed: signal === "SIGKILL" });
    });
  });
}

describe.skipIf(!compiled)(`a killed run${compiled ? "" : " (dist is not there: npm run build)"}`, () => {
  it(`goes on after each of ${kills} kills and ends with the bytes of one that was left alone`, async () => {
    const alone = join(folder.path, "alone");
    const often = join(folder.path, "often");
    const left = await live(alone);
    expect(left.done).toEqual(Array.from({ length: steps }, (_, i) => i + 1));

    const random = createRandom(11, { stream: "kills" });
    const lives: Life[] = [];
    for (let i = 0; i < kills; i++)
      lives.push(await live(often, { after: 1 + random.integer(3), delay: random.uniform() * 40 }));
    expect(lives.map((l) => l.killed)).toEqual(lives.map(() => true));
    // Every life goes on behind the last; a step whose checkpoint was cut off is done again.
    lives.slice(1).forEach((life, i) => expect(life.done[0]).toBeLessThanOrEqual(lives[i]!.done.at(-1)! + 2));
    const last = await live(often);
    expect(last.killed).toBe(false);
    expect(last.done.length).toBeLessThan(steps);
    expect(checkpointHashes(join(often, `checkpoint-${steps}`))).toEqual(
      checkpointHashes(join(alone, `checkpoint-${steps}`)),
    );
    expect(readdirSync(often).sort()).toEqual(readdirSync(alone).sort());
  }, 120_000);
});
