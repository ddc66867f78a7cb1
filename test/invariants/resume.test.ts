/** Same seed, same bytes; a run that stopped and went on is a run that never stopped; a checkpoint that lies is refused. */
import { appendFileSync, cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ortBackend } from "../../src/backends/index.js";
import { openModel } from "../../src/models/index.js";
import {
  fitToEnd,
  type FitOptions,
  type FitResult,
  listCheckpoints,
  type StepReport,
} from "../../src/train/index.js";
import { checkpointHashes, hashOf, type Method, scratch, trainerFor, writeTinyModel } from "./setup.js";

const backend = ortBackend({ threads: 1 });
const folder = scratch();
let model: string;
beforeAll(async () => {
  model = await writeTinyModel(folder.path);
});
afterAll(async () => {
  await backend.close();
  folder.remove();
});

const steps = 7;
/** Two epochs and a bit of 5 ragged micro-batches, two a step, with warm-up: everything a position in a run consists of. */
const settings = {
  maxSteps: steps,
  gradientAccumulationSteps: 2,
  learningRate: 1e-2,
  warmup: 2,
  schedule: "cosine" as const,
};

interface Asked extends Partial<FitOptions> {
  onStep?: (report: StepReport) => void;
}

async function train(name: string, o: Asked = {}, method: Method = "dpo"): Promise<FitResult> {
  const trainer = await trainerFor(method, { model, count: 17, ...(method === "dpo" && { lora: { r: 2 } }) });
  return fitToEnd(trainer, { backend, ...settings, output: join(folder.path, name), ...o });
}

const checkpoint = (name: string, step = steps): string => join(folder.path, name, `checkpoint-${step}`);
const allFiles = (path: string): string[] =>
  readdirSync(path, { recursive: true, withFileTypes: true })
    .flatMap((e) => (e.isFile() ? [join(e.parentPath, e.name)] : []))
    .sort();

describe("the same seed", () => {
  for (const method of ["sft", "dpo", "kto", "reward"] as const) {
    it(`gives the same bytes, for ${method}`, async () => {
      await train(`${method}-a`, {}, method);
      await train(`${method}-b`, {}, method);
      const files = allFiles(checkpoint(`${method}-a`));
      expect(files.length).toBeGreaterThan(4);
      for (const file of files)
        expect(hashOf(file.replace(`${method}-a`, `${method}-b`)), file).toBe(hashOf(file));
    });
  }
});

describe("a resumed run", () => {
  it("ends with the bytes of one that never stopped, wherever it stopped", async () => {
    await train("whole");
    for (const at of [1, 2, 3, 5]) {
      const stop = new AbortController();
      const before: StepReport[] = [];
      const name = `stopped-${at}`;
      const watch = (report: StepReport): void => {
        before.push(report);
        if (report.step === at) stop.abort();
      };
      await train(name, { signal: stop.signal, onStep: watch });
      // The step in hand when the signal came is finished and saved.
      expect(before.at(-1)!).toMatchObject({ step: at + 1, finished: "interrupted" });
      expect(listCheckpoints(join(folder.path, name))).toEqual([at + 1]);
      const after: StepReport[] = [];
      await train(name, { resume: true, onStep: (r) => after.push(r) });
      expect(after.map((r) => r.step)).toEqual(Array.from({ length: steps - at - 1 }, (_, i) => at + 2 + i));
      expect(checkpointHashes(checkpoint(name))).toEqual(checkpointHashes(checkpoint("whole")));
    }
  });

  it("goes on from the folder named", async () => {
    await train("saved", { saveSteps: 2, saveTotalLimit: 10 });
    expect(listCheckpoints(join(folder.path, "saved"))).toEqual([2, 4, 6, 7]);
    for (const at of [2, 4, 6]) {
      const result = await train(`from-${at}`, { resume: checkpoint("saved", at) });
      expect(result.state.step).toBe(steps);
      expect(checkpointHashes(checkpoint(`from-${at}`))).toEqual(checkpointHashes(checkpoint("saved")));
    }
  });

  it("starts at the beginning where there is nothing yet, and has nothing to do where all is done", async () => {
    const first: number[] = [];
    await train("fresh", { resume: true, onStep: (r) => first.push(r.step) });
    expect(first).toHaveLength(steps);
    const again: number[] = [];
    const result = await train("fresh", { resume: true, onStep: (r) => again.push(r.step) });
    expect(again).toEqual([]);
    expect(result.state.step).toBe(steps);
  });

  it("writes a later checkpoint again after going back", async () => {
    await train("back", { saveSteps: 2, saveTotalLimit: 10 });
    const done = checkpointHashes(checkpoint("back"));
    await train("back", { resume: checkpoint("back", 2), saveSteps: 2, saveTotalLimit: 10 });
    expect(checkpointHashes(checkpoint("back"))).toEqual(done);
    expect(readdirSync(join(folder.path, "back")).filter((name) => name.startsWith("."))).toEqual([]);
  });

  it("clears away what a killed run had half written", async () => {
    const output = join(folder.path, "half");
    mkdirSync(join(output, ".checkpoint-3.partial-1-00"), { recursive: true });
    await train("half");
    expect(readdirSync(output)).toEqual([`checkpoint-${steps}`]);
  });
});

describe("a checkpoint", () => {
  const copy = (name: string): string => {
    const output = join(folder.path, name);
    cpSync(join(folder.path, "source"), output, { recursive: true });
    return join(output, "checkpoint-2");
  };
  beforeAll(async () => {
    const stop = new AbortController();
    await train("source", { signal: stop.signal, fingerprint: { model: "abc" }, onStep: () => stop.abort() });
  });

  const resume = (name: string, o: Asked = {}) =>
    train(name, { resume: true, fingerprint: { model: "abc" }, ...o });

  it("of another model is refused", async () => {
    copy("another");
    await expect(resume("another", { fingerprint: { model: "xyz" } })).rejects.toMatchObject({
      code: "checkpoint",
      where: expect.stringContaining("model"),
    });
  });

  it("that knows nothing of a setting it is asked for is refused", async () => {
    copy("unknown");
    await expect(resume("unknown", { fingerprint: { model: "abc", data: "1" } })).rejects.toMatchObject({
      code: "checkpoint",
      got: "none",
    });
  });

  it("with one flipped bit in any file is refused, and the file is named", async () => {
    const path = copy("flipped");
    for (const file of allFiles(path)) {
      if (file.endsWith("manifest.json")) continue;
      const bytes = readFileSync(file);
      bytes[Math.floor(bytes.length / 2)]! ^= 1;
      writeFileSync(file, bytes);
      await expect(resume("flipped"), file).rejects.toMatchObject({ code: "checkpoint", where: file });
      bytes[Math.floor(bytes.length / 2)]! ^= 1;
      writeFileSync(file, bytes);
    }
    expect((await resume("flipped")).state.step).toBe(steps);
  });

  it("with a file missing, cut off or of no use is refused", async () => {
    for (const file of [
      "parameters.safetensors",
      "optimizer.safetensors",
      "state.json",
      "manifest.json",
      "model/adapter_config.json",
    ]) {
      const path = copy(`missing-${file.replace(/\W/g, "-")}`);
      rmSync(join(path, file));
      await expect(resume(`missing-${file.replace(/\W/g, "-")}`), file).rejects.toMatchObject({
        code: "checkpoint",
        where: join(path, file),
      });
    }
    for (const [name, text] of Object.entries({
      broken: "{",
      empty: "{}",
      other: '{"format": 2}',
      null: "null",
    })) {
      const path = copy(`manifest-${name}`);
      writeFileSync(join(path, "manifest.json"), text);
      await expect(resume(`manifest-${name}`), name).rejects.toMatchObject({ code: "checkpoint" });
    }
    const path = copy("longer");
    appendFileSync(join(path, "state.json"), " ");
    await expect(resume("longer")).rejects.toMatchObject({ code: "checkpoint" });
  });

  it("of a differently shaped run is refused even where its fingerprint agrees", async () => {
    copy("shape");
    const trainer = await trainerFor("dpo", { model, count: 17, lora: { r: 3 } });
    const run = fitToEnd(trainer, {
      backend,
      ...settings,
      output: join(folder.path, "shape"),
      resume: true,
      fingerprint: { model: "abc" },
    });
    await expect(run).rejects.toMatchObject({
      code: "checkpoint",
      fix: expect.stringContaining("another model"),
    });
  });

  it("that was asked for and is not there is refused", async () => {
    await expect(train("nowhere", { resume: join(folder.path, "nothing") })).rejects.toMatchObject({
      code: "checkpoint",
    });
    const trainer = await trainerFor("dpo", { model });
    await expect(fitToEnd(trainer, { backend, maxSteps: 1, resume: true })).rejects.toMatchObject({
      code: "usage",
    });
  });

  it("holds a model that can be opened", async () => {
    const path = copy("opened");
    const { adapter } = await openModel(join(path, "model"), { base: model });
    expect(adapter!.lora.r).toBe(2);
  });
});

describe("checkpoints kept", () => {
  it("are the newest and the best", async () => {
    const output = join(folder.path, "kept");
    const trainer = await trainerFor("dpo", { model, count: 16, evaluation: true });
    const values: number[] = [];
    const saved: (string | undefined)[] = [];
    // A rate this high makes the held-out loss worse after a while.
    const result = await fitToEnd(trainer, {
      backend,
      output,
      maxSteps: 10,
      learningRate: 0.05,
      evalSteps: 1,
      saveSteps: 1,
      saveTotalLimit: 2,
      schedule: "constant",
      onStep: (r) => {
        values.push(r.evaluation!.metrics["eval_loss"]!);
        saved.push(r.checkpoint);
      },
    });
    const best = values.indexOf(Math.min(...values)) + 1;
    expect(result.state.best).toMatchObject({ metric: "eval_loss", step: best, value: Math.min(...values) });
    expect(saved.every((path) => path !== undefined)).toBe(true);
    expect(listCheckpoints(output)).toEqual([...new Set([best, 9, 10])].sort((a, b) => a - b));
  });

  it("include every better one when the best is asked for", async () => {
    const output = join(folder.path, "best");
    const trainer = await trainerFor("dpo", { model, count: 16, evaluation: true });
    const values: number[] = [];
    const result = await fitToEnd(trainer, {
      backend,
      output,
      maxSteps: 6,
      learningRate: 0.05,
      evalSteps: 1,
      best: { metric: "eval_rewards/margins", greaterIsBetter: true },
      onStep: (r) => values.push(r.evaluation!.metrics["eval_rewards/margins"]!),
    });
    const best = values.indexOf(Math.max(...values)) + 1;
    expect(result.state.best!.step).toBe(best);
    expect(listCheckpoints(output)).toContain(best);
  });
});
