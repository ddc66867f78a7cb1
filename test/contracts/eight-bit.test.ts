/** The ONNX Runtime backend in 8 bits: how near its products and head are, and what it leaves on disk. */
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";

import { ortBackend, type OrtOptions, referenceBackend } from "../../src/backends/index.js";
import {
  type Backend,
  gather,
  grad,
  input,
  logProbs,
  matmul,
  mul,
  sum,
  type Tensor,
  weight,
  type WeightSource,
} from "../../src/tensor/index.js";
import { runOnce } from "./numeric.js";

const folder = mkdtempSync(join(tmpdir(), "attune-eight-bit-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let state = 7;
const uniform = (): number => (state = (state * 48271) % 2147483647) / 2147483647 - 0.5;
const numbers = (n: number, scale = 1): Float32Array =>
  Float32Array.from({ length: n }, () => scale * uniform());

/** A matrix whose columns differ in size by two orders of magnitude. */
function matrix(rows: number, columns: number): Float32Array {
  return numbers(rows * columns).map((v, i) => v * 10 ** ((i % columns) % 3) * 0.05);
}

function stored(values: Float32Array, storage: "F32" | "BF16"): WeightSource {
  const file = join(folder, `${Math.random()}.safetensors`);
  const bits = new Uint32Array(values.buffer);
  const bytes =
    storage === "F32"
      ? new Uint8Array(values.buffer)
      : new Uint8Array(Uint16Array.from(bits, (b) => b >>> 16).buffer);
  writeFileSync(file, Buffer.concat([Buffer.alloc(13), bytes]));
  return { file, offset: 13, bytes: bytes.length, storage };
}

/** ||got - wanted|| / ||wanted||. */
function relative(got: ArrayLike<number>, wanted: ArrayLike<number>): number {
  let off = 0;
  let size = 0;
  for (let i = 0; i < wanted.length; i++) {
    off += (got[i]! - wanted[i]!) ** 2;
    size += wanted[i]! ** 2;
  }
  return Math.sqrt(off / size);
}

async function withBackend<T>(options: OrtOptions, use: (backend: Backend) => Promise<T>): Promise<T> {
  const backend = ortBackend({ threads: 1, ...options });
  try {
    return await use(backend);
  } finally {
    await backend.close();
  }
}

const [rows, inner, outer] = [40, 96, 128];
/** Rows of very different size: one scale for all would lose the small ones. */
const x = numbers(rows * inner).map((v, i) => v * 10 ** (Math.floor(i / inner) % 4));
const seen = numbers(rows * outer);

function product(storage: "F32" | "BF16", transB: boolean) {
  const shape = transB ? [outer, inner] : [inner, outer];
  const w = weight("w", shape, stored(matrix(shape[0]!, shape[1]!), storage));
  const inputs = { x: input("x", [rows, inner]), seen: input("seen", [rows, outer]) };
  const y = matmul(inputs.x, w, { transB });
  const dx = grad(sum(mul(y, inputs.seen)), [inputs.x])[0]!;
  return { inputs, outputs: { y, dx } };
}

const feeds = {
  x: { dtype: "float32", shape: [rows, inner], data: x },
  seen: { dtype: "float32", shape: [rows, outer], data: seen },
} as const;

describe("frozen weights in 8 bits", () => {
  for (const storage of ["F32", "BF16"] as const)
    for (const transB of [true, false])
      it(`multiplies within 1.5%, row by row, forward and backward (${storage}, ${transB ? "[out, in]" : "[in, out]"})`, async () => {
        const graph = product(storage, transB);
        const wanted = await runOnce(referenceBackend(), graph, feeds);
        const got = await withBackend({ frozenWeights: "int8" }, (b) => runOnce(b, graph, feeds));
        for (const name of ["y", "dx"]) {
          const width = graph.outputs[name as "y"].shape[1]!;
          for (let row = 0; row < rows; row++) {
            const part = (t: { data: ArrayLike<number> }) =>
              Array.from({ length: width }, (_, i) => t.data[row * width + i]!);
            const error = relative(part(got[name]!), part(wanted[name]!));
            expect(error, `${name}, row ${row}`).toBeLessThan(0.015);
          }
          // It did round: this is not the float32 product.
          expect(relative(got[name]!.data, wanted[name]!.data)).toBeGreaterThan(1e-4);
        }
      });

  it("keeps a row of zeros at zero", async () => {
    const graph = product("F32", true);
    const zeros = { ...feeds, x: { ...feeds.x, data: new Float32Array(rows * inner) } };
    const { y } = await withBackend({ frozenWeights: "int8" }, (b) => runOnce(b, graph, zeros));
    expect([...y!.data].every((v) => v === 0)).toBe(true);
  });

  it("gives log-probabilities near the exact ones, and their gradient", async () => {
    const vocabulary = 300;
    const w = weight("head", [vocabulary, inner], stored(numbers(vocabulary * inner, 0.4), "F32"));
    const inputs: Record<string, Tensor> = {
      x: input("x", [rows, inner]),
      labels: input("labels", [rows], "int32"),
    };
    const logps = logProbs(inputs["x"]!, { weight: w, labels: inputs["labels"]! }, { chunk: 16 });
    const dx = grad(sum(logps), [inputs["x"]!])[0]!;
    const graph = { inputs, outputs: { logps, dx } };
    const values = {
      x: { dtype: "float32", shape: [rows, inner], data: numbers(rows * inner, 4) },
      labels: {
        dtype: "int32",
        shape: [rows],
        data: Int32Array.from({ length: rows }, (_, i) => (i * 7) % vocabulary),
      },
    } as const;
    const wanted = await runOnce(referenceBackend(), graph, values);
    const got = await withBackend({ frozenWeights: "int8" }, (b) => runOnce(b, graph, values));
    for (let i = 0; i < rows; i++)
      expect(Math.abs(got["logps"]!.data[i]! - wanted["logps"]!.data[i]!)).toBeLessThan(0.1);
    expect(relative(got["dx"]!.data, wanted["dx"]!.data)).toBeLessThan(0.02);
  });

  it("changes no row that is looked up", async () => {
    const table = weight("table", [200, inner], stored(numbers(200 * inner), "BF16"));
    const ids = { dtype: "int32", shape: [3], data: Int32Array.from([5, 0, 199]) } as const;
    const inputs = { ids: input("ids", [3], "int32") };
    const graph = { inputs, outputs: { picked: gather(table, inputs.ids) } };
    const wanted = await runOnce(referenceBackend(), graph, { ids });
    const got = await withBackend({ frozenWeights: "int8" }, (b) => runOnce(b, graph, { ids }));
    expect([...got["picked"]!.data]).toEqual([...wanted["picked"]!.data]);
  });
});

describe("the folder of the engine's forms", () => {
  it("holds one file a form, is shared by programs, and is gone after close", async () => {
    const scratch = mkdtempSync(join(folder, "scratch-"));
    const graph = product("F32", true);
    await withBackend({ frozenWeights: "int8", scratch }, async (backend) => {
      await runOnce(backend, graph, feeds);
      await runOnce(backend, graph, feeds);
      const made = readdirSync(scratch);
      expect(made).toHaveLength(1);
      expect(readdirSync(join(scratch, made[0]!))).toHaveLength(2); // forward and backward
    });
    expect(readdirSync(scratch)).toEqual([]);
  });

  it("removes what a killed process left, and nothing of a living one", async () => {
    const scratch = mkdtempSync(join(folder, "scratch-"));
    const dead = join(scratch, "attune-weights-999999999-x");
    const alive = join(scratch, `attune-weights-${process.ppid}-x`);
    writeFileSync(dead, "");
    writeFileSync(alive, "");
    await withBackend({ frozenWeights: "int8", scratch }, (b) => runOnce(b, product("F32", true), feeds));
    expect(existsSync(dead)).toBe(false);
    expect(existsSync(alive)).toBe(true);
  });

  it("says where there is no room and how to go on", async () => {
    const graph = product("F32", true);
    await withBackend({ frozenWeights: "int8", scratch: join(folder, "no-such-folder") }, async (backend) => {
      await expect(backend.compile(graph)).rejects.toThrow(/no-such-folder.*TMPDIR/s);
    });
  });
});
