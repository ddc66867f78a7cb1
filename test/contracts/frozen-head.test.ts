/** A frozen language-model head whose vocabulary is worked in several chunks, beside the reference backend's whole logits. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";

import { ortBackend, type OrtOptions, referenceBackend } from "../../src/backends/index.js";
import {
  gather,
  grad,
  input,
  logProbs,
  mul,
  sum,
  type Tensor,
  vocabularyStats,
  weight,
  type WeightSource,
} from "../../src/tensor/index.js";
import { runOnce } from "./numeric.js";

const folder = mkdtempSync(join(tmpdir(), "attune-frozen-head-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let state = 11;
const uniform = (): number => (state = (state * 48271) % 2147483647) / 2147483647 - 0.5;
const numbers = (n: number, scale: number): Float32Array =>
  Float32Array.from({ length: n }, () => scale * uniform());

// Three chunks, the last one shorter; 64 columns, so that bytes are worth it.
const [rows, width, vocabulary] = [9, 64, 13_000];
const labels = Int32Array.from([0, 4_351, 4_352, 8_703, 8_704, 12_999, 6_143, 6_144, 5_000]);
const values = numbers(vocabulary * width, 1);

function stored(storage: "F32" | "BF16"): WeightSource {
  const file = join(folder, `${storage}.safetensors`);
  // Cut to what bfloat16 holds, so that both files hold one matrix.
  const halves = Uint16Array.from(new Uint32Array(values.buffer), (bits) => bits >>> 16);
  const floats = Uint32Array.from(halves, (half) => half << 16);
  const bytes = Buffer.from((storage === "F32" ? floats : halves).buffer);
  writeFileSync(file, Buffer.concat([Buffer.alloc(13), bytes]));
  return { file, offset: 13, bytes: bytes.length, storage };
}

const feeds = {
  x: { dtype: "float32", shape: [12, width], data: numbers(12 * width, 3) },
  g: { dtype: "float32", shape: [rows], data: numbers(rows, 2) },
  labels: { dtype: "int32", shape: [rows], data: labels },
} as const;

interface Case {
  storage: "F32" | "BF16";
  /** Rows of whole logits that may exist at a time. */
  chunk: number;
  softcap: number;
}

/** Log-probabilities with gradient and statistics of the same states; and log-probabilities of others, without gradient. */
function build({ storage, chunk, softcap }: Case) {
  const head = weight("head", [vocabulary, width], stored(storage));
  const inputs: Record<string, Tensor> = {
    x: input("x", [12, width]),
    g: input("g", [rows]),
    labels: input("labels", [rows], "int32"),
    at0: input("at0", [rows], "int32"),
    at3: input("at3", [rows], "int32"),
  };
  const options = { chunk, softcap, scale: 0.8 };
  const at = (first: number): Tensor => gather(inputs["x"]!, inputs[`at${first}`]!);
  const of = (states: Tensor): Tensor =>
    logProbs(states, { weight: head, labels: inputs["labels"]! }, options);
  const logps = of(at(0));
  const bare = of(at(3));
  const { entropy, correct, meanLogit } = vocabularyStats(
    at(0),
    { weight: head, labels: inputs["labels"]! },
    options,
  );
  const dx = grad(sum(mul(logps, inputs["g"]!)), [inputs["x"]!])[0]!;
  return { inputs, outputs: { logps, bare, dx, entropy, correct, meanLogit } };
}

const indices = (first: number) =>
  ({
    dtype: "int32",
    shape: [rows],
    data: Int32Array.from({ length: rows }, (_, i) => first + i),
  }) as const;
const all = { ...feeds, at0: indices(0), at3: indices(3) };

async function onRuntime(graph: ReturnType<typeof build>, options: OrtOptions) {
  const backend = ortBackend({ threads: 1, ...options });
  try {
    return await runOnce(backend, graph, all);
  } finally {
    await backend.close();
  }
}

const furthest = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.max(...Array.from({ length: a.length }, (_, i) => Math.abs(a[i]! - b[i]!)));

describe("a frozen head in chunks of its vocabulary", () => {
  const cases: Case[] = [
    { storage: "F32", chunk: 256, softcap: 0 },
    { storage: "BF16", chunk: 2, softcap: 0 },
    { storage: "F32", chunk: 1, softcap: 12 },
  ];
  for (const one of cases)
    it(`gives what whole logits give: ${JSON.stringify(one)}`, async () => {
      const graph = build(one);
      const wanted = await runOnce(referenceBackend(), graph, all);
      const got = await onRuntime(graph, {});
      for (const name of ["logps", "bare", "dx", "entropy", "correct", "meanLogit"])
        expect(furthest(got[name]!.data, wanted[name]!.data), name).toBeLessThan(2e-4);
      // The labels lie in all chunks, some of them at their edges.
      expect(wanted["logps"]!.data.every((v) => v < -1)).toBe(true);
    });

  it("stays near it in 8 bits", async () => {
    const graph = build({ storage: "BF16", chunk: 256, softcap: 0 });
    const wanted = await runOnce(referenceBackend(), graph, all);
    const got = await onRuntime(graph, { frozenWeights: "int8" });
    expect(furthest(got["logps"]!.data, wanted["logps"]!.data)).toBeLessThan(0.1);
    expect(furthest(got["dx"]!.data, wanted["dx"]!.data)).toBeLessThan(0.02);
    expect(furthest(got["logps"]!.data, wanted["logps"]!.data)).toBeGreaterThan(1e-4);
  });
});
