import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { AttuneError } from "../../src/errors.js";
import { METHOD_NAMES, readTrainingConfig, settingNames } from "../../src/train/job/index.js";
import { nearestName } from "../../src/util/nearest-name.js";
import { attune, temporaryFolder } from "./support.js";

const folder = temporaryFolder();
const base = [
  "train",
  "dpo",
  "--model",
  "nowhere-model",
  "--data",
  "nowhere.jsonl",
  "--output",
  join(folder, "run"),
];

describe("flags", () => {
  it("suggest the nearest name for an unknown one, and exit with 2", async () => {
    const { code, err, out } = await attune("train", "dpo", "--learnig-rate", "1e-5");
    expect(code).toBe(2);
    expect(out).toBe("");
    expect(err).toContain("did you mean --learning-rate?");
  });

  it("are read in kebab case and in TRL's underscore spelling", async () => {
    for (const flag of ["--learning-rate", "--learning_rate"]) {
      const { err } = await attune(...base, flag, "-1");
      expect(err).toContain("learning_rate: expected a number >0, got -1");
    }
  });

  it("take True and False as TRL writes them", async () => {
    const { err } = await attune(...base, "--use_dora", "True", "--full", "true");
    expect(err).toContain("full: expected no LoRA settings beside it, got use_dora");
    expect((await attune(...base, "--no-use-dora", "--full")).err).not.toContain("use_dora");
    expect((await attune(...base, "--packing", "False", "--memory-limit", "0")).err).toContain(
      "memory_limit",
    );
  });

  it("are refused without a value, with a word for a number, and beside stray words", async () => {
    expect((await attune(...base, "--learning-rate")).code).toBe(2);
    expect((await attune(...base, "--learning-rate", "fast")).err).toContain(
      '--learning-rate: expected a number, got "fast"',
    );
    expect((await attune(...base, "stray")).err).toContain("got stray");
  });

  it("say in words what was expected, before anything is read", async () => {
    const cases: [string[], string][] = [
      [["--seed", "1.5"], "seed: expected a whole number, got 1.5"],
      [["--seed", "-1"], "seed: expected a number >=0, got -1"],
      [["--max-steps", "0"], "max_steps: expected a number >=1, got 0"],
      [["--output", ""], 'output: expected a text that is not empty, got ""'],
      [["--lr-scheduler-type", "cosin"], 'lr_scheduler_type: expected one of "constant"'],
      [["--lr-scheduler-kwargs", "[1]"], "lr_scheduler_kwargs: expected settings by name, got [1]"],
    ];
    for (const [flags, words] of cases) {
      const { code, err } = await attune(...base, ...flags);
      expect(code).toBe(2);
      expect(err).toContain(words);
    }
    expect((await attune("train", "dpo")).err).toContain(
      "model: expected a value (model folder, adapter folder, or Hugging Face id), got nothing",
    );
    const generate = ["generate", "--model", "nowhere", "--prompt", "a"];
    expect((await attune(...generate, "--top-p", "2")).err).toContain(
      "attune generate: --top-p: expected a number <=1, got 2",
    );
    expect((await attune(...generate, "--max-new-tokens", "0")).err).toContain("a number >=1");
    expect((await attune("inspect", "a.jsonl", "--rows", "-1")).err).toContain(
      "--rows: expected a number >=0",
    );
  });

  it("name the methods that do have a setting", async () => {
    const { err } = await attune("train", "sft", "--config", writeConfig("beta.yaml", "beta: 0.1\n"));
    expect(err).toMatch(/beta: expected a setting of sft, got one of .*dpo/);
  });
});

function writeConfig(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe("a configuration file", () => {
  it("has the same schema as the flags, which win over it", async () => {
    const file = writeConfig("run.yaml", "learning-rate: -5\nmodel: m\ndata: d\n");
    expect((await attune("train", "dpo", "--config", file)).err).toContain(
      "learning_rate: expected a number >0, got -5",
    );
    expect((await attune("train", "dpo", "--config", file, "--learning-rate", "-6")).err).toContain("got -6");
  });

  it("is refused for an unknown key, another method, broken YAML or nothing in it", async () => {
    const run = async (name: string, text: string) =>
      attune("train", "dpo", "--config", writeConfig(name, text));
    const unknown = await run("a.yaml", "model: m\ndata: d\nlerning_rate: 1\n");
    expect(unknown.code).toBe(2);
    expect(unknown.err).toContain("did you mean learning_rate?");
    expect((await run("b.yaml", "method: sft\n")).err).toContain("attune train sft --config");
    expect((await run("c.yaml", "a: [1\n")).err).toContain("expected YAML");
    expect((await run("d.yaml", "")).err).toContain("an empty file");
    expect((await attune("train", "dpo", "--config", join(folder, "none.yaml"))).err).toContain(
      "no such file",
    );
  });
});

describe("the schema of a method", () => {
  it("gives every setting of every method a meaning, a source and a line of help", async () => {
    for (const method of METHOD_NAMES) {
      const { code, out } = await attune("train", method, "--help");
      expect(code).toBe(0);
      for (const name of settingNames(method)) {
        if (name !== "packing" && name !== "shuffle" && name !== "completion_only_loss")
          expect(out).toContain(`--${name.replaceAll("_", "-")}`);
      }
      expect(out).not.toMatch(/undefined|\[\]|NaN/);
    }
  });

  it("has TRL's defaults", () => {
    const read = (method: string) => readTrainingConfig({ method, model: "m", data: "d" });
    expect(read("sft").settings.learning_rate).toBe(2e-5);
    expect(read("reward").settings).toMatchObject({ learning_rate: 1e-4, truncation_mode: "drop" });
    expect(read("dpo")).toMatchObject({
      loss: { beta: 0.1 },
      lossType: "sigmoid",
      settings: { learning_rate: 1e-6, max_length: 1024, truncation_mode: "keep_start", seed: 42 },
    });
    expect(read("kto").loss).toMatchObject({ desirableWeight: 1, undesirableWeight: 1 });
  });

  it("takes or refuses any value of any setting, by its name, and never breaks", () => {
    const seen = new Set<string>();
    const values = [[], {}, "", "x", -1, 0, 1e308, Number.NaN, Number.POSITIVE_INFINITY, true, [1], { a: 1 }];
    for (const method of METHOD_NAMES)
      for (const name of settingNames(method).filter((each) => !seen.has(each)))
        for (const value of values) {
          seen.add(name);
          const read = (): unknown => readTrainingConfig({ method, model: "m", data: "d", [name]: value });
          try {
            read();
          } catch (error) {
            expect(error, `${method} ${name} ${JSON.stringify(value)}`).toBeInstanceOf(AttuneError);
            const { code, message } = error as AttuneError;
            expect(code).toBe("config");
            expect(message).not.toMatch(/undefined|\[object|Invalid input|Too (small|big)/);
          }
        }
  });

  it("refuses an option of another loss, a range of the chosen one, and contradictions", () => {
    const read = (more: Record<string, unknown>) => () =>
      readTrainingConfig({ method: "dpo", model: "m", data: "d", ...more });
    expect(read({ loss_type: "ipo", label_smoothing: 0.1 })).toThrow(/an option of loss_type ipo/);
    expect(read({ label_smoothing: 0.7 })).toThrow(/label.?[sS]moothing/);
    expect(read({ loss_type: "imo" })).toThrow(/loss_type/);
    expect(read({ loss_type: "simpo", reference: "precomputed" })).toThrow(/uses no reference/);
    expect(read({ loss_type: "ld_dpo", reference: "precomputed" })).toThrow(
      /reads more than each answer's sum/,
    );
    expect(read({ eval_data: "e", eval_split: 0.1 })).toThrow(/one of eval_data and eval_split/);
    expect(read({ early_stopping_patience: 2 })).toThrow(/rows to evaluate on/);
    expect(read({ max_steps: 1.5 })).toThrow(/max_steps/);
    expect(read({ lr_scheduler_kwargs: { num_cycles: 2 } })).toThrow(/one of cosine, cosine_with_restarts/);
    const polynomial = { lr_scheduler_type: "polynomial" };
    expect(read({ ...polynomial, lr_scheduler_kwargs: { powr: 2 } })).toThrow(/did you mean power\?/);
    expect(read({ ...polynomial, lr_scheduler_kwargs: { power: "two" } })).toThrow(
      /power: expected a number/,
    );
    expect(read({ ...polynomial, lr_scheduler_kwargs: { power: 2 } })).not.toThrow();
    expect(read({ lr_scheduler_type: "constant", warmup_steps: 5 })).toThrow(/constant_with_warmup/);
    expect(() => readTrainingConfig({ method: "dpo", data: "d" })).toThrow(/model: expected a value/);
    expect(() =>
      readTrainingConfig({ method: "kto", model: "m", data: "d", per_device_train_batch_size: 1 }),
    ).toThrow(/at least 2/);
  });
});

describe("the nearest name", () => {
  it("is found through typing errors and left out when nothing is near", () => {
    expect(nearestName("learnig_rate", ["learning_rate", "warmup_steps"])).toBe("learning_rate");
    expect(nearestName("trian", ["train", "merge"])).toBe("train");
    expect(nearestName("zzz", ["train", "merge"])).toBeUndefined();
  });
});

describe("attune itself", () => {
  it("tells a newcomer what to do next, its version, and refuses unknown commands", async () => {
    expect((await attune()).out).toContain("attune quickstart");
    expect((await attune("--version")).out).toMatch(/^\d+\.\d+\.\d+/);
    const wrong = await attune("isnpect");
    expect(wrong).toMatchObject({ code: 2 });
    expect(wrong.err).toContain("did you mean attune inspect?");
    expect((await attune("train", "dop")).err).toContain("attune train dpo");
    expect((await attune("train")).code).toBe(2);
  });

  it("teaches with examples in every command's help", async () => {
    for (const command of ["train", "inspect", "score", "generate", "merge", "methods", "quickstart"]) {
      const { code, out } = await attune(command, "--help");
      expect(code).toBe(0);
      expect(out).toMatch(/Examples\n {2}attune /);
    }
  });
});
