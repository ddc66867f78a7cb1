import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import {
  expectedParameters,
  openModelFolder,
  openSafetensors,
  readTensor,
  readTensor64,
} from "../../src/models/index.js";
import { checkpointConfig, golden, missing } from "../support/shared.js";

const checkpoints = golden("models", "checkpoints");
const absent = missing(checkpoints);
const note = absent === undefined ? "" : ` (skipped: ${absent})`;
const checkpoint = (name: string, ...file: string[]): string => join(checkpoints, name, ...file);

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "attune-folder-"));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** A copy of a golden folder that a test may damage. */
function copy(name: string, as: string): string {
  const folder = join(scratch, as);
  mkdirSync(folder);
  for (const file of readdirSync(checkpoint(name))) {
    writeFileSync(join(folder, file), readFileSync(checkpoint(name, file)));
  }
  return folder;
}

function editConfig(folder: string, change: Record<string, unknown>): void {
  const path = join(folder, "config.json");
  const config = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
  writeFileSync(path, JSON.stringify({ ...config, ...change }));
}

describe.skipIf(absent)(`golden checkpoints${note}`, () => {
  test.each(absent === undefined ? readdirSync(checkpoints) : [])(
    "%s opens with every expected parameter",
    (name) => {
      const folder = openModelFolder(checkpoint(name));
      expect([...folder.tensors.keys()]).toEqual(expectedParameters(folder.config).map((spec) => spec.name));
      expect(folder.newParameters).toEqual([]);
    },
  );

  test("a sharded folder holds the numbers of the single file", () => {
    const one = openModelFolder(checkpoint("llama_bias"));
    const three = openModelFolder(checkpoint("llama_bias_sharded"));
    for (const [name, entry] of one.tensors)
      expect(readTensor(three.tensors.get(name)!)).toEqual(readTensor(entry));
  });

  test("the published GPT-2 names become today's, and the causal masks are left out", () => {
    const today = openModelFolder(checkpoint("gpt2"));
    const published = openModelFolder(checkpoint("gpt2_published_layout"));
    expect([...published.tensors.keys()]).toEqual([...today.tensors.keys()]);
    for (const [name, entry] of today.tensors)
      expect(readTensor(published.tensors.get(name)!)).toEqual(readTensor(entry));
  });

  test("bfloat16 weights are the upper halves of float32", () => {
    const entry = openModelFolder(checkpoint("llama_bf16")).tensors.get("model.norm.weight")!;
    const raw = readFileSync(entry.file).subarray(entry.offset, entry.offset + entry.bytes);
    const expected = Array.from({ length: entry.bytes / 2 }, (_, i) =>
      Buffer.from([0, 0, raw[2 * i]!, raw[2 * i + 1]!]).readFloatLE(),
    );
    expect([...readTensor(entry)]).toEqual(expected);
    expect([...readTensor64(entry)]).toEqual(expected);
  });

  test("a language model opened for rewards asks for a new score head", () => {
    const folder = openModelFolder(checkpoint("llama"), { head: "sequence" });
    expect(folder.newParameters.map(({ name, shape }) => [name, shape])).toEqual([
      ["score.weight", [1, checkpointConfig("llama")["hidden_size"]]],
    ]);
    expect(folder.tensors.has("lm_head.weight")).toBe(false);
  });

  test("a token head is new with its bias, a value head stands beside the language model", () => {
    const steps = openModelFolder(checkpoint("llama"), { head: "token" });
    expect(steps.newParameters.map((spec) => spec.name)).toEqual(["score.weight", "score.bias"]);
    const value = openModelFolder(checkpoint("llama"), { head: "value" });
    expect(value.newParameters.map((spec) => spec.name)).toEqual([
      "v_head.summary.weight",
      "v_head.summary.bias",
    ]);
    expect(value.tensors.has("lm_head.weight")).toBe(true);
  });

  test("an untied reward model has no output layer to generate with", () => {
    expect(() => openModelFolder(checkpoint("llama_reward"), { head: "lm" })).toThrow(
      /lm_head.weight.*reward model/s,
    );
  });

  test("symbolic links, as in the Hub's cache, resolve to the real file", () => {
    const folder = join(scratch, "linked");
    mkdirSync(folder);
    const blob = join(scratch, "blob");
    copyFileSync(checkpoint("llama", "model.safetensors"), blob);
    symlinkSync(blob, join(folder, "model.safetensors"));
    copyFileSync(checkpoint("llama", "config.json"), join(folder, "config.json"));
    const { tensors } = openModelFolder(folder);
    expect(tensors.get("model.norm.weight")!.file).toBe(openSafetensors(blob).file);
  });
});

describe.skipIf(absent)(`folders that do not fit are refused${note}`, () => {
  const shards = (folder: string): string[] =>
    readdirSync(folder)
      .filter((name) => name.endsWith(".safetensors"))
      .sort();

  test("a shape that config.json does not ask for", () => {
    const folder = copy("llama", "shape");
    editConfig(folder, { intermediate_size: 41 });
    const { hidden_size: hidden, intermediate_size: rows } = checkpointConfig("llama");
    expect(() => openModelFolder(folder)).toThrow(
      new RegExp(
        `gate_proj.weight: expected the shape \\[41, ${hidden}\\].*got \\[${rows}, ${hidden}\\]`,
        "s",
      ),
    );
  });

  test("a missing parameter", () => {
    const folder = copy("llama", "missing");
    editConfig(folder, { num_hidden_layers: 3 });
    expect(() => openModelFolder(folder)).toThrow(
      /expected the tensor model.layers.2.input_layernorm.weight/,
    );
  });

  test("weights that are whole numbers, by name", () => {
    const folder = copy("llama", "integers");
    const file = join(folder, "model.safetensors");
    const bytes = readFileSync(file);
    bytes.write("I32", bytes.indexOf('"F32"') + 1);
    writeFileSync(file, bytes);
    expect(() => openModelFolder(folder)).toThrow(/expected weights of type F32, BF16, F16, got I32/);
  });

  test("an unknown tensor, by name", () => {
    const folder = copy("llama", "unknown");
    editConfig(folder, { num_hidden_layers: 1 });
    expect(() => openModelFolder(folder)).toThrow(/unknown: model.layers.1/);
  });

  test("a tied model with an output layer of its own", () => {
    const folder = copy("llama", "tied");
    editConfig(folder, { tie_word_embeddings: true });
    expect(() => openModelFolder(folder)).toThrow(
      /lm_head.weight: expected a copy of model.embed_tokens.weight/,
    );
  });

  test("a missing shard, by name", () => {
    const folder = copy("llama_bias_sharded", "shard");
    const [, second] = shards(folder);
    rmSync(join(folder, second!));
    expect(() => openModelFolder(folder)).toThrow(`${second} missing`);
  });

  test("an index that points outside the folder", () => {
    const folder = copy("llama_bias_sharded", "outside");
    const index = join(folder, "model.safetensors.index.json");
    writeFileSync(index, readFileSync(index, "utf8").replace("model-00002", "../model-00002"));
    expect(() => openModelFolder(folder)).toThrow(/expected an index with a weight_map/);
  });

  test("shards of two saves, mixed", () => {
    const folder = copy("llama_bias_sharded", "mixed");
    const [first, second] = shards(folder);
    copyFileSync(join(folder, first!), join(folder, second!));
    expect(() => openModelFolder(folder)).toThrow(/expected what model.safetensors.index.json says/);
  });

  test.each([
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
    "model.pt",
    "consolidated.00.pth",
    "last.ckpt",
  ])("the pickle file %s, with how to convert it", (name) => {
    const folder = copy("llama", `pickle-${name}`);
    rmSync(join(folder, "model.safetensors"));
    writeFileSync(join(folder, name), "");
    expect(() => openModelFolder(folder)).toThrow(
      new RegExp(`${name}: expected .*pickle.*save_pretrained`, "s"),
    );
  });

  test("a path that is no folder, a folder without config.json, one without weights", () => {
    expect(() => openModelFolder(join(scratch, "nowhere"))).toThrow(/expected a model folder, got nothing/);
    expect(() => openModelFolder(scratch)).toThrow(/config.json/);
    const folder = copy("llama", "weightless");
    rmSync(join(folder, "model.safetensors"));
    expect(() => openModelFolder(folder)).toThrow(/expected model.safetensors or/);
  });
});
