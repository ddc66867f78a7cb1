import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import {
  openModelFolder,
  openSafetensors,
  readTensor,
  saveModelFolder,
  writeRandomModel,
} from "../../src/models/index.js";
import { checkpointConfig, golden, missing, readJson } from "../support/shared.js";

const checkpoints = golden("models", "checkpoints");
const absent = missing(checkpoints);
const note = absent === undefined ? "" : ` (skipped: ${absent})`;
const checkpoint = (name: string): string => join(checkpoints, name);
const hidden = (): number => checkpointConfig("llama")["hidden_size"]!;
const config = (folder: string): Record<string, unknown> => readJson(join(folder, "config.json"));

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "attune-save-"));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe.skipIf(absent)(`saving a folder${note}`, () => {
  test.each(absent === undefined ? readdirSync(checkpoints) : [])(
    "%s comes back with the same config and numbers",
    async (name) => {
      const model = openModelFolder(checkpoint(name));
      const folder = join(scratch, name);
      await saveModelFolder(folder, model);
      const saved = openModelFolder(folder);
      expect(saved.config).toEqual(model.config);
      expect(saved.rawConfig).toEqual(model.rawConfig);
      expect(saved.generationConfig).toEqual(model.generationConfig);
      for (const [parameter, entry] of model.tensors) {
        const copied = saved.tensors.get(parameter)!;
        expect([copied.dtype, copied.shape, readTensor(copied)]).toEqual([
          entry.dtype,
          entry.shape,
          readTensor(entry),
        ]);
      }
    },
  );

  test("numbers that config.json spells as floats stay floats, which transformers 5 insists on", async () => {
    const source = join(scratch, "floats");
    await saveModelFolder(source, openModelFolder(checkpoint("gemma2")));
    const file = join(source, "config.json");
    const spelled = { "30.0": 30, "1e1": 10, "[1.0, 2]": [1, 2] };
    const made = readFileSync(file, "utf8")
      .trim()
      .replace(
        /}$/,
        `, ${Object.keys(spelled)
          .map((text, i) => `"mine_${i}": ${text}`)
          .join(", ")}, "text": "a 5.0 \\" 6.0"}`,
      );
    writeFileSync(file, made);
    const folder = join(scratch, "floats-kept");
    await saveModelFolder(folder, openModelFolder(source), {
      configChanges: { final_logit_softcapping: 20, other: 3 },
    });
    const text = readFileSync(join(folder, "config.json"), "utf8");
    for (const line of [
      '"attn_logit_softcapping": 3.0',
      '"final_logit_softcapping": 20.0',
      '"mine_0": 30.0',
      '"mine_1": 10.0',
      '"other": 3',
      `"head_dim": ${checkpointConfig("gemma2")["head_dim"]}`,
    ])
      expect(text.split(/,?\n */)).toContain(line);
    expect(text).toMatch(/"mine_2": \[\s*1\.0,\s*2\s*\]/);
    expect(JSON.parse(text)).toMatchObject({ mine_0: 30, mine_2: [1, 2], text: 'a 5.0 " 6.0' });
  });

  test("a reward model made from a language model: new head, class name, one label, no output layer", async () => {
    const model = openModelFolder(checkpoint("llama"), { head: "sequence" });
    const folder = join(scratch, "reward");
    const score = new Float32Array(hidden()).fill(0.5);
    await saveModelFolder(folder, model, {
      parameters: new Map([["score.weight", score]]),
      configChanges: { pad_token_id: 0 },
    });
    expect(config(folder)).toMatchObject({
      architectures: ["LlamaForSequenceClassification"],
      id2label: { 0: "LABEL_0" },
      label2id: { LABEL_0: 0 },
      pad_token_id: 0,
      hidden_size: hidden(),
    });
    const saved = openModelFolder(folder);
    expect(saved.config.head).toEqual({ kind: "sequence", numLabels: 1, bias: false });
    expect(readTensor(saved.tensors.get("score.weight")!)).toEqual(score);
    expect(existsSync(join(folder, "generation_config.json"))).toBe(false);
  });

  test("a value head is stored beside the language model and found again", async () => {
    const model = openModelFolder(checkpoint("llama"), { head: "value" });
    const folder = join(scratch, "value");
    const parameters = new Map([
      ["v_head.summary.weight", new Float32Array(hidden())],
      ["v_head.summary.bias", Float32Array.of(1)],
    ]);
    await saveModelFolder(folder, model, { parameters });
    expect(openModelFolder(folder).config.head.kind).toBe("value");
    expect(openModelFolder(folder, { head: "lm" }).tensors.has("v_head.summary.weight")).toBe(false);
  });

  test("a new type is written to every tensor and to config.json, in the key that the file uses", async () => {
    const model = openModelFolder(checkpoint("llama"));
    await saveModelFolder(join(scratch, "half"), model, { dtype: "BF16" });
    const saved = openModelFolder(join(scratch, "half"));
    expect(new Set([...saved.tensors.values()].map((entry) => entry.dtype))).toEqual(new Set(["BF16"]));
    expect(config(join(scratch, "half"))).toMatchObject({ dtype: "bfloat16" });
    expect(config(join(scratch, "half"))).not.toHaveProperty("torch_dtype");
  });

  test("tokenizer files travel along, links are followed", async () => {
    const tokenizer = join(scratch, "tokenizer");
    mkdirSync(tokenizer);
    writeFileSync(join(tokenizer, "tokenizer.json"), "{}");
    const folder = join(scratch, "with-tokenizer");
    await saveModelFolder(folder, openModelFolder(checkpoint("llama")), { tokenizerFrom: tokenizer });
    expect(readFileSync(join(folder, "tokenizer.json"), "utf8")).toBe("{}");
  });

  test("saving over the model's own folder replaces what changed and keeps the rest", async () => {
    const folder = join(scratch, "own");
    await saveModelFolder(folder, openModelFolder(checkpoint("llama_bias_sharded")), {
      maxShardBytes: 30_000,
    });
    writeFileSync(join(folder, "notes.txt"), "mine");
    const model = openModelFolder(folder);
    const norm = new Float32Array(hidden()).fill(2);
    await saveModelFolder(folder, model, { parameters: new Map([["model.norm.weight", norm]]) });
    expect(readdirSync(folder).sort()).toEqual([
      "config.json",
      "generation_config.json",
      "model.safetensors",
      "notes.txt",
    ]);
    const again = openModelFolder(folder);
    expect(readTensor(again.tensors.get("model.norm.weight")!)).toEqual(norm);
    const original = openModelFolder(checkpoint("llama_bias"));
    expect(readTensor(again.tensors.get("lm_head.weight")!)).toEqual(
      readTensor(original.tensors.get("lm_head.weight")!),
    );
  });

  test("a new head without numbers, or numbers of the wrong size: nothing is written", async () => {
    const folder = join(scratch, "nothing");
    const reward = openModelFolder(checkpoint("llama"), { head: "sequence" });
    await expect(saveModelFolder(folder, reward)).rejects.toThrow(
      /values for the new parameter score.weight/,
    );
    const short = new Map([["model.norm.weight", new Float32Array(3)]]);
    await expect(
      saveModelFolder(folder, openModelFolder(checkpoint("llama")), { parameters: short }),
    ).rejects.toThrow(/model.norm.weight: expected (\d+) numbers for \[\1\], got 3/);
    expect(readdirSync(scratch).filter((name) => name.includes("nothing"))).toEqual([]);
  });
});

const tiny = {
  model_type: "qwen2",
  architectures: ["Qwen2ForCausalLM"],
  vocab_size: 500,
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  tie_word_embeddings: true,
  torch_dtype: "bfloat16",
};

describe("random models", () => {
  test("open as what they say, normal with the given spread, norms 1, biases 0", async () => {
    const folder = join(scratch, "random");
    await writeRandomModel(folder, tiny, { seed: 3 });
    const model = openModelFolder(folder);
    expect(model.config).toMatchObject({ family: "qwen2", dtype: "BF16", tiedEmbeddings: true });
    const values = readTensor(model.tensors.get("model.embed_tokens.weight")!);
    const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
    const moment = (power: number): number =>
      values.reduce((sum, x) => sum + ((x - mean) / 0.02) ** power, 0) / values.length;
    expect(Math.abs(mean)).toBeLessThan(5e-4);
    expect(moment(2)).toBeCloseTo(1, 1);
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.2);
    expect(new Set(readTensor(model.tensors.get("model.norm.weight")!))).toEqual(new Set([1]));
    expect(new Set(readTensor(model.tensors.get("model.layers.1.self_attn.q_proj.bias")!))).toEqual(
      new Set([0]),
    );
  });

  test("floats of config.json are written as floats, which transformers insists on", async () => {
    const folder = join(scratch, "gemma");
    const gemma = {
      ...tiny,
      model_type: "gemma2",
      architectures: ["Gemma2ForCausalLM"],
      head_dim: 16,
      query_pre_attn_scalar: 16,
      final_logit_softcapping: 30,
      attn_logit_softcapping: 50.0,
      rope_theta: 1e4,
      attention_dropout: 0,
      sliding_window: 64,
    };
    await writeRandomModel(folder, gemma);
    const lines = (path: string): string[] => readFileSync(join(path, "config.json"), "utf8").split(/,?\n */);
    const spelled = [
      '"final_logit_softcapping": 30.0',
      '"attn_logit_softcapping": 50.0',
      '"rope_theta": 10000.0',
      '"attention_dropout": 0.0',
      '"query_pre_attn_scalar": 16',
      '"sliding_window": 64',
      '"vocab_size": 500',
    ];
    expect(lines(folder)).toEqual(expect.arrayContaining(spelled));
    // A folder that something else wrote with 30 is mended when it is saved.
    writeFileSync(join(folder, "config.json"), JSON.stringify(gemma));
    await saveModelFolder(join(scratch, "gemma-saved"), openModelFolder(folder));
    expect(lines(join(scratch, "gemma-saved"))).toEqual(expect.arrayContaining(spelled));
    expect(openModelFolder(join(scratch, "gemma-saved")).config.logitSoftcap).toBe(30);
  });

  test("rope scaling's factors are floats too", async () => {
    const folder = join(scratch, "scaled");
    const rope_scaling = {
      rope_type: "llama3",
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 64,
    };
    const llama = { ...tiny, model_type: "llama", architectures: ["LlamaForCausalLM"], rope_scaling };
    await writeRandomModel(folder, llama);
    const text = readFileSync(join(folder, "config.json"), "utf8");
    for (const line of ['"factor": 8.0', '"low_freq_factor": 1.0', '"original_max_position_embeddings": 64'])
      expect(text).toContain(line);
  });

  test("the same seed gives the same bytes, another seed or type others", async () => {
    const bytes = async (name: string, options: Parameters<typeof writeRandomModel>[2]): Promise<Buffer> => {
      await writeRandomModel(join(scratch, name), tiny, options);
      return readFileSync(join(scratch, name, "model.safetensors"));
    };
    const first = await bytes("seed-a", { seed: 1 });
    expect(await bytes("seed-b", { seed: 1 })).toEqual(first);
    expect(await bytes("seed-c", { seed: 2 })).not.toEqual(first);
    const wide = await bytes("seed-d", { seed: 1, dtype: "F32" });
    expect(wide.length).toBeGreaterThan(1.9 * first.length);
    expect(config(join(scratch, "seed-d"))).toMatchObject({ torch_dtype: "float32" });
  });

  test("two parameters of one model are not alike", () => {
    const { tensors } = openSafetensors(join(scratch, "random", "model.safetensors"));
    const q = (layer: number): Float32Array =>
      readTensor(tensors.get(`model.layers.${layer}.self_attn.q_proj.weight`)!);
    const dot = q(0).reduce((sum, x, i) => sum + x * q(1)[i]!, 0) / (64 * 64 * 0.02 ** 2);
    expect(Math.abs(dot)).toBeLessThan(0.1);
  });

  test("an existing folder is not overwritten unless asked", async () => {
    await expect(writeRandomModel(join(scratch, "random"), tiny)).rejects.toThrow(
      /expected a folder that is not there yet/,
    );
    await writeRandomModel(join(scratch, "random"), tiny, { replace: true });
  });

  test("a seed or spread out of range is refused", async () => {
    await expect(writeRandomModel(join(scratch, "x"), tiny, { seed: -1 })).rejects.toThrow(/seed/);
    await expect(writeRandomModel(join(scratch, "x"), tiny, { std: 0 })).rejects.toThrow(/std/);
  });
});
