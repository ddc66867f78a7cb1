/** Models, checkpoints and folders that are broken: each error says what and how to mend it, and nothing is left behind. */
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { writeRandomModel } from "../../src/models/index.js";
import { attune, model, noModel, pairs, temporaryFolder, twoPairs, writeRows } from "./support.js";

const folder = temporaryFolder();
const to = (name: string): string => join(folder, name);
const rows = writeRows(to("two.jsonl"), twoPairs);
let tried = 0;

/** Trains on a copy of the model that `change` has broken; the error, after a look that nothing was left. */
async function errorOf(change: (path: string) => void): Promise<string> {
  const path = to(`broken-${++tried}`);
  cpSync(model, path, { recursive: true });
  change(path);
  const output = to(`out-${tried}`);
  const { code, err, out } = await attune(
    "train",
    "dpo",
    "--model",
    path,
    "--data",
    rows,
    "--output",
    output,
  );
  expect(code).toBe(1);
  expect(out).toBe("");
  expect(err).not.toContain("this is a bug");
  expect(existsSync(output)).toBe(false);
  return err;
}

interface Header {
  [name: string]: { dtype: string; shape: number[]; data_offsets: [number, number] };
}

/** Rewrites the header of a model's weights. */
function changeHeader(path: string, change: (header: Header) => void): void {
  const file = join(path, "model.safetensors");
  const bytes = readFileSync(file);
  const length = Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString()) as Header;
  change(header);
  const text = Buffer.from(JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  writeFileSync(file, Buffer.concat([size, text, bytes.subarray(8 + length)]));
}
const changeConfig = (path: string, change: Record<string, unknown>): void => {
  const file = join(path, "config.json");
  const config = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
  writeFileSync(file, JSON.stringify({ ...config, ...change }));
};

describe.skipIf(noModel !== undefined)("a broken model is refused by what is broken", () => {
  it("a header that is cut off, or that says it is longer than the file", async () => {
    const weights = (path: string): string => join(path, "model.safetensors");
    const cut = await errorOf((path) =>
      writeFileSync(weights(path), readFileSync(weights(path)).subarray(0, 40)),
    );
    expect(cut).toMatch(/model\.safetensors.*expected.*got/s);
    const lying = await errorOf((path) => {
      const bytes = readFileSync(weights(path));
      bytes.writeBigUInt64LE(BigInt(bytes.length));
      writeFileSync(weights(path), bytes);
    });
    expect(lying).toMatch(/model\.safetensors.*header/s);
  });

  it("offsets that overlap", async () => {
    const err = await errorOf((path) =>
      changeHeader(path, (header) => {
        const [first, second] = Object.keys(header).filter((name) => name !== "__metadata__");
        const { data_offsets: own } = header[first!]!;
        const size = header[second!]!.data_offsets[1] - header[second!]!.data_offsets[0];
        header[second!]!.data_offsets = [own[0], own[0] + size];
      }),
    );
    expect(err).toMatch(/model\.safetensors.*(overlap|expected)/s);
  });

  it("an architecture that is not known, with the list of those that are", async () => {
    const err = await errorOf((path) =>
      changeConfig(path, { model_type: "mamba", architectures: ["MambaForCausalLM"] }),
    );
    expect(err).toMatch(/mamba/i);
    expect(err).toContain("llama");
  });

  it("a tensor that the architecture does not have", async () => {
    const err = await errorOf((path) =>
      changeHeader(path, (header) => {
        const name = "model.norm.weight";
        header["model.norm.wight"] = header[name]!;
        delete header[name];
      }),
    );
    expect(err).toContain("model.norm.w");
  });

  it("a shard that is missing", async () => {
    const err = await errorOf((path) => {
      renameSync(join(path, "model.safetensors"), join(path, "model-00001-of-00002.safetensors"));
      const index = { metadata: {}, weight_map: { "model.norm.weight": "model-00002-of-00002.safetensors" } };
      writeFileSync(join(path, "model.safetensors.index.json"), JSON.stringify(index));
    });
    expect(err).toContain("model-00002-of-00002.safetensors");
  });

  it("a pickle, by name, with how to convert it", async () => {
    const err = await errorOf((path) => {
      rmSync(join(path, "model.safetensors"));
      writeFileSync(join(path, "pytorch_model.bin"), "PK");
    });
    expect(err).toContain("pytorch_model.bin");
    expect(err).toMatch(/safetensors/);
    expect(err).toMatch(/pickle/i);
  });

  it("a config.json that is no JSON, and a tokenizer that is none", async () => {
    expect(await errorOf((path) => writeFileSync(join(path, "config.json"), "{"))).toContain("config.json");
    expect(await errorOf((path) => writeFileSync(join(path, "tokenizer.json"), "{}"))).toContain("tokenizer");
  });

  it("an adapter made for another model", async () => {
    const other = to("wide");
    await writeRandomModel(other, {
      ...(JSON.parse(readFileSync(join(model, "config.json"), "utf8")) as Record<string, unknown>),
      intermediate_size: 64,
    });
    cpSync(join(model, "tokenizer.json"), join(other, "tokenizer.json"));
    const flags = ["--data", rows, "--max-steps", "1", "--lora-r", "2", "--threads", "1"];
    await attune("train", "sft", "--model", other, "--output", to("wide-run"), ...flags);
    const adapter = join(to("wide-run"), "model");
    const file = join(adapter, "adapter_config.json");
    const config = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
    writeFileSync(file, JSON.stringify({ ...config, base_model_name_or_path: model }));
    const { code, err } = await attune(
      "train",
      "dpo",
      "--model",
      adapter,
      "--data",
      rows,
      "--output",
      to("never"),
    );
    expect(code).toBe(1);
    expect(err).toContain("the adapter was made for another model");
    expect(existsSync(to("never"))).toBe(false);
  });
});

describe.skipIf(noModel !== undefined)("a checkpoint", () => {
  const many = writeRows(to("many.jsonl"), pairs(8));
  const output = to("run");
  const train = (named: string, ...more: string[]) =>
    attune(
      "train",
      "dpo",
      "--model",
      named,
      "--data",
      many,
      "--output",
      output,
      "--max-steps",
      "2",
      "--threads",
      "1",
      ...more,
    );
  beforeAll(async () => {
    await train(model);
  });

  it("of another model is refused, and stays as it was", async () => {
    const other = to("other");
    await writeRandomModel(
      other,
      JSON.parse(readFileSync(join(model, "config.json"), "utf8")) as Record<string, unknown>,
      { seed: 9, dtype: "F32" },
    );
    cpSync(join(model, "tokenizer.json"), join(other, "tokenizer.json"));
    const before = readFileSync(join(output, "checkpoint-2", "parameters.safetensors"));
    const { code, err } = await train(other, "--resume");
    expect(code).toBe(1);
    expect(err).toMatch(/checkpoint-2: model: expected a checkpoint of this run/);
    expect(err).toContain("same model");
    expect(readFileSync(join(output, "checkpoint-2", "parameters.safetensors")).equals(before)).toBe(true);
  });

  it("that was altered is refused by the file that was, and one that is not there by those that are", async () => {
    const copy = to("altered");
    cpSync(output, copy, { recursive: true });
    const file = join(copy, "checkpoint-2", "optimizer.safetensors");
    const bytes = readFileSync(file);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(file, bytes);
    const resume = (...more: string[]) =>
      attune("train", "dpo", "--config", join(output, "config.json"), "--output", copy, ...more);
    const altered = await resume("--resume");
    expect(altered.code).toBe(1);
    expect(altered.err).toContain("optimizer.safetensors");
    expect(altered.err).toContain("resume from the one before");
    expect((await resume("--resume", join(copy, "checkpoint-7"))).err).toContain("checkpoint-2");
  });
});

describe.skipIf(noModel !== undefined)("an output folder", () => {
  it("that cannot be made is named with the reason, before anything is read", async () => {
    mkdirSync(to("here"));
    writeFileSync(join(to("here"), "file"), "");
    const output = join(to("here"), "file", "run");
    const { code, err } = await attune(
      "train",
      "dpo",
      "--model",
      model,
      "--data",
      "nowhere",
      "--output",
      output,
    );
    expect(code).toBe(1);
    expect(err).toContain(output);
    expect(err).toContain("a part of the path is a file");
  });
});
