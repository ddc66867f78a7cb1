import { readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, expect, test } from "vitest";

import { detectFile, openDataset, type FormatName, type RecordKind } from "../../src/data/index.js";
import { dataRoot, missing } from "../support/shared.js";

const reason = missing(dataRoot);
if (reason !== undefined) process.stderr.write(`skipped: ${reason}\n`);

/** Every file of the shared data, and what it must be called: a format, or words of its title. */
const expected: Readonly<Record<string, FormatName | RegExp>> = {
  "README.md": /documentation/,
  "gsm8k/example_model_solutions.jsonl": "gsm8k-solutions",
  "hh-rlhf/harmless-base.test.jsonl.gz": "hh-rlhf",
  "llama-factory-demos/alpaca_en_demo.json": "alpaca",
  "llama-factory-demos/dataset_info.json": "llama-factory-info",
  "llama-factory-demos/dpo_en_demo.json": "sharegpt-preference",
  "llama-factory-demos/glaive_toolcall_en_demo.json": "sharegpt",
  "llama-factory-demos/kto_en_demo.json": "sharegpt-kto",
  "llama-factory-demos/v1_dpo_demo.jsonl": "llama-factory-v1-preference",
  "pandalm/testset-v1.json": "pandalm",
  "stories260K/config.json": /model's configuration/,
  "stories260K/model.safetensors": /model weights/,
  "stories260K/reference_greedy.json": /no known format/,
  "stories260K/tokenizer.json": /tokenizer/,
  "stories260K/tokenizer_config.json": /tokenizer settings/,
  "tau-bench/gpt-4o-airline.json": "tau-bench",
  "tinystories/tinystories_1000.json": "texts",
  "tokenizers/gpt-neox-20b.tokenizer.json": /tokenizer/,
  "tokenizers/swift-transformers.tokenizer_tests.json": /no known format/,
};
const byEnding: Readonly<Record<string, RegExp>> = {
  gguf: /GGUF/,
  inp: /tokenizer test/,
  out: /tokenizer test/,
  jinja: /chat template/,
};

describe.skipIf(reason !== undefined)("the shared data", () => {
  const files =
    reason === undefined
      ? readdirSync(dataRoot, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
      : [];

  test.each(files.map((entry) => relative(dataRoot, join(entry.parentPath, entry.name))))(
    "%s is called what it is",
    async (path) => {
      const want = /LICENSE/.test(path) ? /licence/ : (expected[path] ?? byEnding[path.split(".").at(-1)!]);
      expect(want, `no expectation for ${path}`).toBeDefined();
      const detected = await detectFile(join(dataRoot, path));
      if (typeof want === "string") expect(detected.format).toBe(want);
      else {
        expect(detected.format).toBeUndefined();
        expect(detected.title).toMatch(want!);
        expect(detected.conversion).not.toBe("");
      }
    },
  );

  /** rows, records, bad, set aside; counted by independent means where the numbers are published. */
  const counts: readonly [path: string, kind: RecordKind, ...numbers: [number, number, number, number]][] = [
    // PandaLM: 53 answers are empty, 6 are the value true.
    // 13 bad: 5 part before their last turn, 4 end empty, 4 have two human turns in a row.
    ["hh-rlhf/harmless-base.test.jsonl.gz", "preference", 2312, 2299, 13, 0],
    ["llama-factory-demos/alpaca_en_demo.json", "demonstration", 999, 999, 0, 0],
    ["llama-factory-demos/dpo_en_demo.json", "preference", 300, 300, 0, 0],
    ["llama-factory-demos/kto_en_demo.json", "unpaired", 300, 300, 0, 0],
    ["llama-factory-demos/glaive_toolcall_en_demo.json", "demonstration", 300, 300, 0, 0],
    ["llama-factory-demos/v1_dpo_demo.jsonl", "preference", 10, 10, 0, 0],
    ["pandalm/testset-v1.json", "preference", 999, 855, 59, 85],
    ["tau-bench/gpt-4o-airline.json", "trajectory", 200, 200, 0, 0],
    ["tinystories/tinystories_1000.json", "demonstration", 1000, 1000, 0, 0],
    ["gsm8k/example_model_solutions.jsonl", "unpaired", 1319, 5276, 0, 0],
  ];
  test.each(counts)("%s becomes records of kind %s", async (path, kind, ...numbers) => {
    const dataset = await openDataset(join(dataRoot, path));
    expect(dataset.kind).toBe(kind);
    const ids = new Set<string>();
    for await (const record of dataset.records()) ids.add(record.id);
    const { rows, records, bad, setAside } = dataset.report;
    expect(ids.size).toBe(records);
    expect(
      [rows, records, bad, setAside],
      JSON.stringify([dataset.report.reasons, dataset.report.setAsideReasons]),
    ).toEqual(numbers);
  });
});
