import {
  chmodSync,
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

import { createRandom } from "../../src/util/random.js";
import {
  openSafetensors,
  openWeights,
  readTensor,
  readTensor64,
  writeSafetensors,
  writeWeights,
} from "../../src/models/index.js";

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "attune-safetensors-"));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

let count = 0;
/** A file with this header (text or object) and this many bytes of data. */
function file(header: unknown, { data = 0, length }: { data?: number; length?: bigint } = {}): string {
  const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(length ?? BigInt(json.length));
  const path = join(scratch, `${++count}.safetensors`);
  writeFileSync(path, Buffer.concat([size, json, Buffer.alloc(data)]));
  return path;
}
const f32 = (begin: number, end: number, shape = [(end - begin) / 4]) => ({
  dtype: "F32",
  shape,
  data_offsets: [begin, end],
});

describe("a damaged or lying header is refused", () => {
  test.each<[string, () => string, RegExp]>([
    [
      "shorter than its length field",
      () => {
        const path = join(scratch, "short.safetensors");
        writeFileSync(path, "abc");
        return path;
      },
      /at least 8 bytes/,
    ],
    [
      "a header longer than the file",
      () => file({}, { length: 500n }),
      /as the file says, got a file of 10 bytes/,
    ],
    ["a header beyond the format's limit", () => file({}, { length: 2n ** 60n }), /at most 100000000 bytes/],
    ["no JSON", () => file("{oops"), /a JSON object as header/],
    ["JSON, but no object", () => file("[1]"), /a JSON object as header/],
    [
      "invalid UTF-8",
      () => {
        const path = file('{"a": 1}');
        const bytes = readFileSync(path);
        bytes[10] = 0xff;
        writeFileSync(path, bytes);
        return path;
      },
      /UTF-8/,
    ],
    [
      "data cut off",
      () => file({ a: f32(0, 16) }, { data: 12 }),
      /tensor a: expected data_offsets inside the 12 bytes/,
    ],
    ["data left over", () => file({ a: f32(0, 16) }, { data: 20 }), /data that ends at byte/],
    [
      "overlapping tensors",
      () => file({ a: f32(0, 16), b: f32(12, 20) }, { data: 20 }),
      /tensor b: expected its own bytes, got an overlap of 4/,
    ],
    ["a hole", () => file({ a: f32(0, 8), b: f32(12, 20) }, { data: 20 }), /tensor b.*a hole of 4 bytes/],
    [
      "a size that is not the shape's",
      () => file({ a: f32(0, 16, [5]) }, { data: 16 }),
      /20 bytes for F32 \[5\], got 16/,
    ],
    [
      "an unknown type",
      () => file({ a: { dtype: "Q4_0", shape: [2], data_offsets: [0, 8] } }, { data: 8 }),
      /tensor a: expected one of the types.*"Q4_0"/,
    ],
    [
      "a negative length",
      () => file({ a: { dtype: "F32", shape: [-1, -2], data_offsets: [0, 8] } }, { data: 8 }),
      /whole numbers >= 0/,
    ],
    [
      "a fractional offset",
      () => file({ a: { dtype: "F32", shape: [2], data_offsets: [0.5, 8.5] } }, { data: 8 }),
      /data_offsets \[begin, end\]/,
    ],
    [
      "offsets in the wrong order",
      () => file({ a: { dtype: "F32", shape: [2], data_offsets: [8, 0] } }, { data: 8 }),
      /inside the 8 bytes/,
    ],
    ["no description", () => file({ a: null }), /dtype, shape and data_offsets/],
    [
      "a name twice",
      () =>
        file(
          '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\\u0061":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
          { data: 4 },
        ),
      /"a" twice/,
    ],
    ["metadata that is no text", () => file({ __metadata__: { n: 1 } }), /__metadata__/],
  ])("%s", (_, make, message) => {
    expect(() => openSafetensors(make())).toThrow(message);
  });

  test("a file that is not there is an io error", () => {
    expect(() => openSafetensors(join(scratch, "none"))).toThrow(expect.objectContaining({ code: "io" }));
  });

  test("names, braces and quotes inside strings do not confuse the search for doubles", () => {
    const path = file({ __metadata__: { 'a":{': '{"a":1,"a":2}' }, a: f32(0, 4) }, { data: 4 });
    expect([...openSafetensors(path).tensors.keys()]).toEqual(["a"]);
  });
});

const values = Float32Array.from([0, -0, 1, -1.5, 0.3, 1e-8, 65504, 1e30, -Infinity, NaN]);

test("a header with any one byte changed opens or is refused, and never anything else", async () => {
  const path = join(scratch, "fuzz.safetensors");
  const data = Float32Array.of(1, 2, 3, 4);
  await writeSafetensors(path, [
    { name: "a", shape: [2, 2], dtype: "F32", data },
    { name: "b", shape: [4], dtype: "BF16", data },
  ]);
  const bytes = readFileSync(path);
  const random = createRandom(7);
  let refused = 0;
  for (let round = 0; round < 400; round++) {
    const damaged = Buffer.from(bytes);
    damaged[random.integer(bytes.length - 24)] = random.integer(256);
    writeFileSync(path, damaged);
    try {
      openSafetensors(path);
    } catch (error) {
      expect(error).toMatchObject({ name: "AttuneError", code: "model" });
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(200);
});

describe("what is written is read back", () => {
  test("float32, byte for byte, with metadata for transformers", async () => {
    const path = join(scratch, "f32.safetensors");
    await writeSafetensors(path, [{ name: "a", shape: [2, 5], dtype: "F32", data: values }]);
    const { tensors, metadata } = openSafetensors(path);
    expect(metadata).toEqual({ format: "pt" });
    expect(tensors.get("a")).toMatchObject({ dtype: "F32", shape: [2, 5], bytes: 40 });
    expect(tensors.get("a")!.offset % 8).toBe(0);
    expect(readTensor(tensors.get("a")!)).toEqual(values);
  });

  test("bfloat16 rounds to nearest, ties to even", async () => {
    const path = join(scratch, "bf16.safetensors");
    const input = Float32Array.from([1, 1 + 2 ** -8, 1 + 3 * 2 ** -8, 1 + 2 ** -8 + 2 ** -20, -3.4e38, NaN]);
    await writeSafetensors(path, [{ name: "a", shape: [6], dtype: "BF16", data: input }]);
    const back = readTensor(openSafetensors(path).tensors.get("a")!);
    // The largest bfloat16 is 3.3895e38; halfway to the next step and beyond becomes infinity, as in PyTorch.
    expect([...back]).toEqual([1, 1, 1 + 2 ** -6, 1 + 2 ** -7, -Infinity, NaN]);
  });

  test("half precision: normal, subnormal, overflow, ties to even", async () => {
    const path = join(scratch, "f16.safetensors");
    const input = Float32Array.from([
      1,
      65504,
      65519,
      65520,
      2 ** -24,
      2 ** -25,
      1.5 * 2 ** -24,
      2 ** -15,
      1 + 2 ** -11,
      1 + 3 * 2 ** -11,
      -Infinity,
      NaN,
    ]);
    await writeSafetensors(path, [{ name: "a", shape: [12], dtype: "F16", data: input }]);
    const expected = [
      1,
      65504,
      65504,
      Infinity,
      2 ** -24,
      0,
      2 ** -23,
      2 ** -15,
      1,
      1 + 2 ** -9,
      -Infinity,
      NaN,
    ];
    expect([...readTensor(openSafetensors(path).tensors.get("a")!)]).toEqual(expected);
    expect([...readTensor64(openSafetensors(path).tensors.get("a")!)]).toEqual(expected);
  });

  test("every half-precision value survives the way there and back", async () => {
    const path = join(scratch, "halves.safetensors");
    const bits = Uint16Array.from({ length: 65_536 }, (_, i) => i);
    await writeSafetensors(path, [
      { name: "a", shape: [65_536], dtype: "F16", data: () => [new Uint8Array(bits.buffer)] },
    ]);
    const numbers = readTensor(openSafetensors(path).tensors.get("a")!);
    const again = join(scratch, "again.safetensors");
    await writeSafetensors(again, [{ name: "a", shape: [65_536], dtype: "F16", data: numbers }]);
    expect(readTensor(openSafetensors(again).tensors.get("a")!)).toEqual(numbers);
  });

  test("pieces of a generator, a copied tensor, a converted one, none at all", async () => {
    const first = join(scratch, "first.safetensors");
    await writeSafetensors(first, [{ name: "a", shape: [10], dtype: "F32", data: values }]);
    const source = openSafetensors(first).tensors.get("a")!;
    const path = join(scratch, "second.safetensors");
    await writeSafetensors(path, [
      { name: "converted", shape: [10], dtype: "BF16", data: source },
      { name: "copied", shape: [10], dtype: "F32", data: source },
      { name: "empty", shape: [0, 3], dtype: "F32", data: new Float32Array() },
      {
        name: "streamed",
        shape: [10],
        dtype: "F32",
        data: async function* () {
          yield values.subarray(0, 3);
          yield values.subarray(3);
        },
      },
    ]);
    const { tensors } = openSafetensors(path);
    expect(readTensor(tensors.get("copied")!)).toEqual(values);
    expect(readTensor(tensors.get("streamed")!)).toEqual(values);
    expect(readTensor(tensors.get("empty")!)).toEqual(new Float32Array());
    expect(readTensor(tensors.get("converted")!)[3]).toBe(-1.5);
    for (const entry of tensors.values()) expect(entry.offset % (entry.dtype === "F32" ? 4 : 2)).toBe(0);
  });

  test("shards above a size, with an index, and back to one file without leftovers", async () => {
    const folder = join(scratch, "shards");
    mkdirSync(folder);
    const tensors = ["a", "b", "c"].map((name, i) => ({
      name,
      shape: [4],
      dtype: "F32" as const,
      data: new Float32Array(4).fill(i),
    }));
    expect(await writeWeights(folder, tensors, { maxShardBytes: 40 })).toEqual([
      "model-00001-of-00002.safetensors",
      "model-00002-of-00002.safetensors",
    ]);
    const index = JSON.parse(readFileSync(join(folder, "model.safetensors.index.json"), "utf8")) as {
      metadata: unknown;
    };
    expect(index.metadata).toEqual({ total_size: 48 });
    expect([...openWeights(folder)].map(([name, entry]) => [name, readTensor(entry)[0]])).toEqual([
      ["a", 0],
      ["b", 1],
      ["c", 2],
    ]);
    await writeWeights(folder, tensors);
    expect(readdirSync(folder)).toEqual(["model.safetensors"]);
  });
});

describe("nothing half-written stays behind", () => {
  test("data that does not fill its shape", async () => {
    const path = join(scratch, "bad.safetensors");
    const write = writeSafetensors(path, [
      { name: "a", shape: [3], dtype: "F32", data: new Float32Array(2) },
    ]);
    await expect(write).rejects.toThrow(/a: expected 12 bytes for F32 \[3\], got 8/);
    expect(readdirSync(scratch).filter((name) => name.includes("bad.safetensors"))).toEqual([]);
  });

  test("a source that fails midway leaves the old file as it was", async () => {
    const folder = join(scratch, "fails");
    mkdirSync(folder);
    const good = { name: "a", shape: [1], dtype: "F32" as const, data: Float32Array.of(7) };
    await writeWeights(folder, [good]);
    const bad = {
      ...good,
      name: "b",
      data: (): Iterable<Float32Array> => {
        throw new Error("no more");
      },
    };
    await expect(
      writeWeights(folder, [{ ...good, data: Float32Array.of(8) }, bad], { maxShardBytes: 4 }),
    ).rejects.toThrow("no more");
    expect(readdirSync(folder)).toEqual(["model.safetensors"]);
    expect(readTensor(openWeights(folder).get("a")!)[0]).toBe(7);
  });

  test("a name twice", async () => {
    const tensor = { name: "a", shape: [1], dtype: "F32" as const, data: Float32Array.of(1) };
    await expect(writeSafetensors(join(scratch, "twice.safetensors"), [tensor, tensor])).rejects.toThrow(
      /a twice/,
    );
  });

  test.skipIf(process.getuid?.() === 0)(
    "a read-only folder says so (skipped for root, who may write anywhere)",
    async () => {
      const folder = join(scratch, "locked");
      mkdirSync(folder);
      chmodSync(folder, 0o500);
      const write = writeSafetensors(join(folder, "a.safetensors"), []);
      await expect(write).rejects.toThrow(/permission denied/);
    },
  );

  test.skipIf(!existsSync("/dev/full"))("a folder that cannot be made is an io error", async () => {
    const write = writeSafetensors("/dev/full/model.safetensors", []);
    await expect(write).rejects.toThrow(expect.objectContaining({ code: "io" }));
  });
});
