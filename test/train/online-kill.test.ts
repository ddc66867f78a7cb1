/** `kill -9` in the middle of rollouts and between the updates of one: the end is the same, byte for byte. Needs the compiled package. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { readJson } from "../support/shared.js";
import { checkpointHashes } from "../invariants/setup.js";
import { scratch, writeModel } from "./online-setup.js";

const script = fileURLToPath(new URL("./online-killed-run.mjs", import.meta.url));
const compiled = existsSync(fileURLToPath(new URL("../../dist/train/index.js", import.meta.url)));
const rollouts = 6;
/** Two passes of two mini-batches. */
const steps = rollouts * 4;

const folder = scratch();
let model: string;
beforeAll(async () => {
  model = await writeModel(folder);
});

interface Life {
  said: string[];
  killed: boolean;
}

/** Runs to the end, or until `delay` milliseconds after the `after`-th line of that kind. */
async function live(
  output: string,
  kill?: { kind: "reward" | "step"; after: number; delay: number },
): Promise<Life> {
  const child = spawn(process.execPath, [script, model, output, String(rollouts)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const said: string[] = [];
  let text = "";
  let aimed = false;
  child.stdout.setEncoding("utf8");
  child.stdout.on("data", (piece: string) => {
    text += piece;
    const lines = text.split("\n");
    text = lines.pop()!;
    said.push(...lines);
    if (!kill || aimed || said.filter((line) => line.startsWith(kill.kind)).length < kill.after) return;
    aimed = true;
    void sleep(kill.delay).then(() => child.kill("SIGKILL"));
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (code !== 0 && signal !== "SIGKILL") reject(new Error(`the run ended with code ${code}`));
      else resolve({ said, killed: signal === "SIGKILL" });
    });
  });
}

const stepsOf = ({ said }: Life): number[] =>
  said.flatMap((line) => (line.startsWith("step ") ? [Number(line.slice(5))] : []));

describe.skipIf(!compiled)(`a killed PPO run${compiled ? "" : " (dist is not there: npm run build)"}`, () => {
  it("goes on with controller, value head, running statistics and the rollout in hand", async () => {
    const alone = join(folder, "alone");
    const often = join(folder, "often");
    const left = await live(alone);
    expect(stepsOf(left)).toEqual(Array.from({ length: steps }, (_, i) => i + 1));

    const lives = [
      // While the reward of a rollout is asked, the first one among them.
      await live(often, { kind: "reward", after: 1, delay: 5 }),
      await live(often, { kind: "reward", after: 3, delay: 5 }),
      // Between the updates of a rollout, and while the next one is sampled.
      await live(often, { kind: "step", after: 2, delay: 0 }),
      await live(often, { kind: "step", after: 3, delay: 8 }),
      await live(often, { kind: "reward", after: 2, delay: 10 }),
    ];
    expect(lives.map(({ killed }) => killed)).toEqual(lives.map(() => true));
    const last = await live(often);
    expect(stepsOf(last).length).toBeGreaterThan(0);
    expect(stepsOf(last).length).toBeLessThan(steps);
    const end = (run: string): string => join(run, `checkpoint-${steps}`);
    expect(checkpointHashes(end(often))).toEqual(checkpointHashes(end(alone)));

    const { companion } = readJson<{ companion: { recipe: { value: number }; reward: { count: number } } }>(
      join(end(alone), "state.json"),
    );
    // It moved, so that equal bytes say something.
    expect(companion.recipe.value).not.toBe(0.05);
    expect(JSON.stringify(companion.reward)).toContain(`"count":${rollouts * 4}`);
  }, 120_000);
});
