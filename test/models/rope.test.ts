import { describe, expect, test } from "vitest";

import { normaliseConfig, ropeFrequencies, ropeTables, type RopeConfig } from "../../src/models/index.js";
import { golden, missing, readJson } from "../support/shared.js";

interface Case {
  name: string;
  inputs: { head_dim: number; max_position_embeddings: number; seq_len: number | null; positions: number[] };
  options: { rope_parameters: Record<string, unknown> };
  expected: { inv_freq: number[]; attention_scaling: number; cos: number[][]; sin: number[][] };
}

const path = golden("models", "rope_tables.json");
const absent = missing(path);
const cases = absent === undefined ? readJson<{ cases: Case[] }>(path).cases : [];

function ropeOf({ inputs, options }: Case): RopeConfig {
  const config = normaliseConfig({
    model_type: "llama",
    vocab_size: 8,
    hidden_size: 4 * inputs.head_dim,
    intermediate_size: 8,
    num_hidden_layers: 1,
    num_attention_heads: 4,
    head_dim: inputs.head_dim,
    max_position_embeddings: inputs.max_position_embeddings,
    rope_parameters: options.rope_parameters,
  });
  return config.layers[0]!.rope!;
}

function expectClose(actual: ArrayLike<number>, expected: readonly number[]): void {
  expect(actual.length).toBe(expected.length);
  expected.forEach((value, i) =>
    expect(Math.abs(actual[i]! - value)).toBeLessThanOrEqual(1e-12 * Math.max(1, Math.abs(value))),
  );
}

describe.skipIf(absent)(`rotary tables${absent === undefined ? "" : ` (skipped: ${absent})`}`, () => {
  test.each(cases.map((c) => [c.name, c] as const))("%s", (_, c) => {
    const rope = ropeOf(c);
    const options = c.inputs.seq_len === null ? {} : { sequenceLength: c.inputs.seq_len };
    const { inverse, attentionScaling } = ropeFrequencies(rope, options);
    expectClose(inverse, c.expected.inv_freq);
    // Relative as well: the slowest frequencies are far below 1e-12 of the first.
    c.expected.inv_freq.forEach((f, i) => expect(Math.abs(inverse[i]! / f - 1)).toBeLessThan(1e-12));
    expectClose([attentionScaling], [c.expected.attention_scaling]);
    const tables = ropeTables(rope, c.inputs.positions, options);
    expectClose(tables.cos, c.expected.cos.flat());
    expectClose(tables.sin, c.expected.sin.flat());
  });
});

test("a count of positions means 0, 1, 2, ...", () => {
  const rope: RopeConfig = { theta: 10, rotaryDim: 4, scaling: { type: "default" } };
  expect(ropeTables(rope, 3)).toEqual(ropeTables(rope, [0, 1, 2]));
  expect(() => ropeTables(rope, [-1])).toThrow(/whole positions/);
});

test("longrope goes to its long factors beyond the original length", () => {
  const rope: RopeConfig = {
    theta: 10,
    rotaryDim: 4,
    scaling: {
      type: "longrope",
      factor: 2,
      originalMaxPositions: 8,
      attentionFactor: null,
      shortFactor: [1, 1],
      longFactor: [2, 4],
    },
  };
  const short = ropeFrequencies(rope, { sequenceLength: 8 }).inverse;
  const long = ropeFrequencies(rope, { sequenceLength: 9 }).inverse;
  expect([long[0]! / short[0]!, long[1]! / short[1]!]).toEqual([0.5, 0.25]);
});
