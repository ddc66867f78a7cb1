import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { attune, attuneOn, model, noModel, pairs, temporaryFolder, twoPairs, writeRows } from "./support.js";

const folder = temporaryFolder();
const two = writeRows(join(folder, "two.jsonl"), twoPairs);
const many = writeRows(join(folder, "many.jsonl"), pairs(24));
const to = (name: string): string => join(folder, name);
const read = (...path: string[]): string => readFileSync(join(...path), "utf8");
const logOf = (output: string): Record<string, number>[] =>
  read(output, "log.jsonl")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, number>);
const train = (method: string, output: string, ...more: string[]) =>
  attune("train", method, "--model", model, "--output", output, "--threads", "1", ...more);

describe.skipIf(noModel !== undefined)("attune train", () => {
  it("trains DPO on two rows and leaves a model, a log and the record of the run", async () => {
    const output = to("first");
    const { code, out, err } = await train(
      "dpo",
      output,
      "--data",
      two,
      "--max-steps",
      "2",
      "--learning-rate",
      "1e-4",
      "--logging-steps",
      "1",
    );
    expect(err).toContain("policy equals reference");
    expect(code).toBe(0);
    expect(out).toContain(`model in ${join(output, "model")}`);
    expect(readdirSync(join(output, "model")).sort()).toEqual([
      "config.json",
      "model.safetensors",
      "tokenizer.json",
      "tokenizer_config.json",
    ]);
    const log = logOf(output);
    expect(log.map((line) => line["step"])).toEqual([1, 2]);
    expect(log[0]!["loss"]).toBeCloseTo(Math.LN2, 4);
    expect(log[1]!["loss"]).toBeLessThan(Math.LN2);
    const run = JSON.parse(read(output, "run.json")) as Record<string, Record<string, unknown>>;
    expect(run).toMatchObject({
      status: "done",
      method: "dpo",
      seeds: { seed: 42 },
      loss: { type: "sigmoid", beta: 0.1 },
    });
    expect(run["versions"]).toHaveProperty("onnxruntime");
    expect(Object.values(run["data"]!["sha256"] as object)[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(run["model"]!["sha256"]).toMatch(/^[0-9a-f]{64}$/);
  });

  it("repeats a run from its config.json, byte for byte", async () => {
    const again = to("again");
    expect(
      (await attune("train", "dpo", "--config", join(to("first"), "config.json"), "--output", again)).code,
    ).toBe(0);
    const weights = (output: string): Buffer => readFileSync(join(output, "model", "model.safetensors"));
    expect(weights(again).equals(weights(to("first")))).toBe(true);
  });

  it("answers on stdout, tells its progress on stderr: a bar with tokens a second and time left on a terminal", async () => {
    const flags = ["--model", model, "--data", two, "--max-steps", "2", "--threads", "1", "--json"];
    const run = (terminal: object, output: string) =>
      attuneOn(terminal, "train", "dpo", "--output", to(output), ...flags);
    const bar = await run({ errIsTerminal: true }, "bar");
    expect(bar.out.trim().split("\n")).toHaveLength(1);
    expect(JSON.parse(bar.out)).toMatchObject({ finished: "done", steps: 2 });
    expect(bar.err).toMatch(/\r.*█+.* 2\/2 .*tokens\/s .*left/);
    const plain = await run({}, "no-bar");
    expect(plain.err).not.toContain("\r");
    expect(plain.err).toMatch(/^step 2\/2 .*tokens\/s/m);
    // What is checked is told before the first step.
    expect(plain.err.indexOf("before the first step")).toBeLessThan(plain.err.indexOf("step 2/2"));
  });

  it("refuses a folder that holds a run, and goes on with it when asked", async () => {
    const { code, err } = await train("dpo", to("first"), "--data", two);
    expect(code).toBe(2);
    expect(err).toContain("--resume goes on with it");
  });

  it.each(["sft", "reward", "orpo", "simpo", "kto"])(
    "trains %s from pairs and prints what was converted",
    async (method) => {
      const { code, out, err } = await train(
        method,
        to(method),
        "--data",
        many,
        "--max-steps",
        "2",
        "--per-device-train-batch-size",
        "4",
        "--json",
      );
      expect(err).not.toContain("error");
      expect(code).toBe(0);
      expect(JSON.parse(out)).toMatchObject({ finished: "done", steps: 2, model: join(to(method), "model") });
    },
  );

  it.each([
    ["dpo", "tdpo2", ["--alpha", "0.3"]],
    ["dpo", "wpo", ["--reference", "precomputed"]],
    ["dpo", "beta_dpo", ["--dynamic-alpha", "0.5"]],
    ["kto", "bco", ["--per-device-train-batch-size", "1"]],
    ["kto", "apo_zero_unpaired", ["--desirable-weight", "1.2"]],
    ["sft", "nll", ["--label-smoothing", "0.1", "--z-loss", "1e-4"]],
  ])("trains %s with the loss %s and its settings %s", async (method, lossType, more) => {
    const output = to(`loss-${lossType}`);
    const flags = ["--data", many, "--max-steps", "1", "--loss-type", lossType, ...more];
    const { code, err } = await train(method, output, ...flags);
    expect(err).not.toContain("error");
    expect(code).toBe(0);
    const run = JSON.parse(read(output, "run.json")) as { loss: object };
    expect(run.loss).toMatchObject({ type: lossType });
  });

  it("trains TPO on the best answer in a column of its own, and says where it is missing", async () => {
    const rows = pairs(8).map((row) => ({ ...row, best: ` ${row.chosen.trim()} It was a good day.` }));
    const data = writeRows(to("triples.jsonl"), rows);
    const flags = ["--data", data, "--loss-type", "tpo", "--max-steps", "1"];
    expect((await train("dpo", to("tpo"), ...flags, "--gold-column", "best")).code).toBe(0);
    expect(logOf(to("tpo"))[0]).toHaveProperty("nll_loss");
    const missing = await train("dpo", to("tpo-missing"), ...flags);
    expect(missing.code).toBe(1);
    expect(missing.err).toMatch(
      /triples\.jsonl:1: expected the best answer in the column reference, got only best/,
    );
    expect(missing.err).toContain("--gold-column");
    expect(existsSync(join(to("tpo-missing"), "config.json"))).toBe(false);
    const idle = await train("dpo", to("tpo-idle"), "--data", data, "--gold-column", "best");
    expect(idle.err).toContain("a loss that learns from a third answer");
    expect((await train("dpo", to("tpo-none"), ...flags, "--tpo-alpha", "0")).code).toBe(0);
  });

  it("evaluates on held-out prompts and gives the interval of the accuracy", async () => {
    const { out } = await train(
      "reward",
      to("held"),
      "--data",
      many,
      "--eval-split",
      "0.3",
      "--max-steps",
      "2",
      "--json",
    );
    const { accuracy } = JSON.parse(out) as { accuracy: Record<string, number> };
    expect(accuracy["low"]).toBeLessThanOrEqual(accuracy["value"]!);
    expect(accuracy["high"]).toBeGreaterThanOrEqual(accuracy["value"]!);
    expect(accuracy["low"]).toBeLessThan(accuracy["high"]!);
    expect(logOf(to("held")).at(-1)).toHaveProperty("eval_accuracy", accuracy["value"]);
    // transformers reads the score at the last token that is not padding: eos is trained, so it must not pad.
    const { pad_token_id: pad, eos_token_id: eos } = JSON.parse(read(to("held"), "model", "config.json")) as {
      pad_token_id: number;
      eos_token_id: number;
    };
    expect(pad).toEqual(expect.any(Number));
    expect(pad).not.toBe(eos);
  });

  it("gives the same losses with a precomputed reference, which is kept and verified", async () => {
    const flags = [
      "--data",
      many,
      "--max-steps",
      "3",
      "--learning-rate",
      "1e-3",
      "--logging-steps",
      "1",
      "--lora-r",
      "4",
    ];
    await train("dpo", to("live"), ...flags);
    const cache = to("cache");
    const first = await train(
      "dpo",
      to("precomputed"),
      ...flags,
      "--reference",
      "precomputed",
      "--cache-dir",
      cache,
    );
    expect(first.err).toContain("24 training rows computed");
    const second = await train(
      "dpo",
      to("cached"),
      ...flags,
      "--reference",
      "precomputed",
      "--cache-dir",
      cache,
    );
    expect(second.err).toContain("read from the cache, a sample verified");
    const losses = (name: string) => logOf(to(name)).map((line) => line["loss"]!);
    losses("live").forEach((loss, i) => {
      expect(losses("precomputed")[i]).toBeCloseTo(loss, 4);
      expect(losses("cached")[i]).toBe(losses("precomputed")[i]);
    });
    expect(existsSync(join(to("live"), "model", "adapter_config.json"))).toBe(true);
  });

  it("trains an adapter with dropout, which its configuration keeps", async () => {
    const lora = ["--data", many, "--max-steps", "1", "--lora-dropout"];
    expect((await train("sft", to("dropout"), ...lora, "0.2")).code).toBe(0);
    const adapter = JSON.parse(read(to("dropout"), "model", "adapter_config.json")) as object;
    expect(adapter).toMatchObject({ lora_dropout: 0.2, r: 16, lora_alpha: 32 });
    const all = await train("sft", to("dropout-all"), ...lora, "1");
    expect(all.code).toBe(2);
    expect(all.err).toContain("lora_dropout");
    expect((await train("sft", to("dropout-full"), "--full", ...lora, "0.2")).err).toContain(
      "no LoRA settings beside it",
    );
    // An adapter that is trained on keeps its own settings.
    const further = ["--model", join(to("dropout"), "model"), "--output", to("dropout-on"), ...lora, "0.5"];
    expect((await attune("train", "sft", ...further)).err).toMatch(
      /lora_dropout: expected a model without an adapter/,
    );
  });

  it("trains DPO on the adapter that SFT left, whose reference is that adapter, and goes on after a stop", async () => {
    const lora = ["--data", many, "--lora-r", "4", "--learning-rate", "1e-2", "--max-steps", "3"];
    expect((await train("sft", to("sft-lora"), ...lora)).code).toBe(0);
    const dpo = (output: string, ...more: string[]) =>
      attune(
        "train",
        "dpo",
        "--model",
        join(to("sft-lora"), "model"),
        "--output",
        to(output),
        "--data",
        many,
        "--learning-rate",
        "1e-3",
        "--threads",
        "1",
        "--logging-steps",
        "1",
        "--save-steps",
        "2",
        "--max-steps",
        "4",
        ...more,
      );
    const { code, err } = await dpo("sft-dpo");
    expect(code).toBe(0);
    expect(err).toContain("reference frozen-copy");
    expect(err).toMatch(/ok +policy equals reference +rewards\/margins = 0 +0\.00000/);
    expect(err).toMatch(/ok +loss +loss = ln 2 = 0\.693147 +0\.69314/);
    await dpo("sft-dpo-made", "--reference", "precomputed");
    const losses = (name: string) => logOf(to(name)).map((line) => line["loss"]!);
    losses("sft-dpo").forEach((loss, i) => expect(losses("sft-dpo-made")[i]).toBeCloseTo(loss, 4));
    const off = await dpo("sft-dpo-off", "--reference", "adapter-off");
    expect(off.code).toBe(2);
    expect(off.err).toContain("the model came with an adapter");
    // The reference of a resumed run is still the adapter that SFT left, not the checkpoint.
    const { rmSync } = await import("node:fs");
    const weights = (): Buffer => readFileSync(join(to("sft-dpo"), "model", "adapter_model.safetensors"));
    const whole = weights();
    rmSync(join(to("sft-dpo"), "checkpoint-4"), { recursive: true });
    expect((await dpo("sft-dpo", "--resume")).err).toContain("going on after step 2");
    expect(weights().equals(whole)).toBe(true);
  });

  it("gives the same weights resumed as uninterrupted, and the same log", async () => {
    const flags = [
      "--data",
      many,
      "--learning-rate",
      "1e-3",
      "--per-device-train-batch-size",
      "4",
      "--save-steps",
      "2",
      "--logging-steps",
      "1",
      "--max-steps",
      "5",
    ];
    await train("dpo", to("whole"), ...flags);
    const { rmSync, cpSync, writeFileSync } = await import("node:fs");
    cpSync(to("whole"), to("part"), { recursive: true });
    rmSync(join(to("part"), "checkpoint-5"), { recursive: true });
    rmSync(join(to("part"), "model"), { recursive: true });
    writeFileSync(join(to("part"), "log.jsonl"), `${read(to("part"), "log.jsonl")}{"step":6,"lo`);
    const { code, err } = await train("dpo", to("part"), ...flags, "--resume");
    expect(err).toContain("going on after step 4");
    expect(code).toBe(0);
    const weights = (name: string): Buffer => readFileSync(join(to(name), "model", "model.safetensors"));
    expect(weights("part").equals(weights("whole"))).toBe(true);
    expect(logOf(to("part")).map((line) => line["loss"])).toEqual(
      logOf(to("whole")).map((line) => line["loss"]),
    );
    const other = await train("dpo", to("part"), ...flags, "--resume", "--beta", "0.3");
    expect(other.code).toBe(1);
    expect(other.err).toMatch(/beta: expected a checkpoint of this run/);
  });

  it("keeps the best checkpoint, stops early and gives the best model", async () => {
    const { code, out } = await train(
      "dpo",
      to("best"),
      "--data",
      many,
      "--eval-split",
      "0.3",
      "--learning-rate",
      "1e-2",
      "--eval-steps",
      "1",
      "--save-steps",
      "1",
      "--max-steps",
      "12",
      "--early-stopping-patience",
      "2",
      "--load-best-model-at-end",
      "--per-device-train-batch-size",
      "4",
      "--json",
    );
    expect(code).toBe(0);
    const result = JSON.parse(out) as {
      steps: number;
      best: { step: number; value: number };
      evaluation: { metrics: Record<string, number> };
    };
    expect(result.evaluation.metrics["eval_loss"]).toBe(result.best.value);
    expect(existsSync(join(to("best"), `checkpoint-${result.best.step}`))).toBe(true);
  });

  it("says that a run which stopped early is finished and why, and how to go on with it", async () => {
    const early = to("early");
    // The accuracy is soon as good as it gets.
    const flags = [
      "--data",
      many,
      "--eval-split",
      "0.3",
      "--learning-rate",
      "1e-2",
      "--eval-steps",
      "1",
      "--max-steps",
      "12",
      "--metric-for-best-model",
      "rewards/accuracies",
      "--early-stopping-patience",
      "2",
    ];
    expect((await train("dpo", early, ...flags)).out).toContain("stopped early, no more gain");
    const before = logOf(early);
    const record = (): Record<string, unknown> =>
      JSON.parse(read(early, "run.json")) as Record<string, unknown>;
    const { evaluation } = record();
    const again = ["--config", join(early, "config.json"), "--resume"];
    const { code, out, err } = await attune("train", "dpo", ...again);
    expect(code).toBe(0);
    expect(out).toMatch(
      /nothing left to do, the run is finished: it stopped early at step \d+, because eval_/,
    );
    expect(err).not.toMatch(/^step \d/m);
    expect(logOf(early)).toEqual(before);
    expect(record()).toMatchObject({ status: "early-stopping", evaluation });
    const [, command] = /with more patience: attune (.*)/.exec(out)!;
    expect(command).toContain("--early-stopping-patience 4");
    expect((await attune(...command!.split(" "))).code).toBe(0);
    expect(logOf(early).length).toBeGreaterThan(before.length);
  });

  it("says that a run whose steps are all done is finished", async () => {
    const { code, out } = await attune(
      "train",
      "dpo",
      "--config",
      join(to("first"), "config.json"),
      "--resume",
    );
    expect(code).toBe(0);
    expect(out).toContain("nothing left to do, the run is finished: all 2 steps were done");
  });

  it("prints the memory of each term and refuses what cannot fit with flags that make it fit", async () => {
    const { code, out } = await train("dpo", to("memory"), "--data", many, "--memory");
    expect(code).toBe(0);
    expect(out).toContain("optimiser state, two buffers");
    expect(existsSync(to("memory"))).toBe(false);
    const refused = await train("dpo", to("memory"), "--data", many, "--memory-limit", "256");
    expect(refused.code).toBe(1);
    expect(refused.err).toMatch(/memory: expected at most .* free, got an estimate/);
    expect(existsSync(to("memory"))).toBe(false);
  });
});
