/** Losses in float32 on the engine that trains: they agree with float64, and log-ratios of 1000 stay finite. */
import { afterAll, describe, expect, it } from "vitest";

import { ortBackend, referenceBackend } from "../../src/backends/index.js";
import {
  type AnyPairInputs,
  PAIR_LOSSES,
  type PairLossEntry,
  POLICY_LOSSES,
  type PolicyLossEntry,
  reduceLoss,
  UNPAIRED_LOSSES,
  type UnpairedLossEntry,
} from "../../src/losses/index.js";
import {
  type Backend,
  grad,
  type HostTensor,
  input,
  type Tensor,
  type Tree,
} from "../../src/tensor/index.js";

type Rows = readonly (readonly [chosen: number, rejected: number])[];

const NEAR: Rows = [
  [-0.7, -0.4],
  [-1.3, -1.2],
  [-0.2, -2.1],
  [-2.5, -0.6],
];
const FAR: Rows = [
  [-0.0001, -1000],
  [-1000, -0.0001],
  [-80, -0.001],
  [-1, -1],
];

const TOKENS = 2;
/** The last token of the second and fourth row is padding. */
const MASK = [1, 1, 1, 0, 1, 1, 1, 0];

/** Every input that some loss reads; the reference is the pair the other way round. */
function feedsOf(rows: Rows): Record<string, HostTensor> {
  const host = (shape: number[], data: readonly number[]): HostTensor => ({
    shape,
    dtype: "float32",
    data: Float32Array.from(data),
  });
  const tokens = (at: (row: Rows[number]) => number): HostTensor =>
    host(
      [rows.length, TOKENS],
      rows.flatMap((row) => [at(row), at(row)]),
    );
  const mask = host([rows.length, TOKENS], MASK);
  const chosen = tokens(([c]) => c);
  const rejected = tokens(([, r]) => r);
  // log p - log sum p^2 lies between 0 and the log of the vocabulary.
  const squares = {
    chosenLogSumSquares: tokens(([c]) => c - 0.5),
    rejectedLogSumSquares: tokens(([, r]) => r - 0.5),
  };
  const scalars = { kl: 0.3, gapMean: 0.2, runningMean: 0.1, runningVar: 1, runningCount: 4 };
  return {
    chosenLogps: chosen,
    rejectedLogps: rejected,
    refChosenLogps: rejected,
    refRejectedLogps: chosen,
    chosenMask: mask,
    rejectedMask: mask,
    mask,
    goldMask: mask,
    goldLogps: chosen,
    logps: chosen,
    refLogps: rejected,
    chosenKl: tokens(() => 0.5),
    rejectedKl: tokens(() => 0.25),
    ...squares,
    oldLogps: rejected,
    advantages: host([rows.length], [1, -0.5, 0.7, -1.2]),
    desirable: host([rows.length], [1, 0, 1, 0]),
    ...Object.fromEntries(Object.entries(scalars).map(([name, x]) => [name, host([], [x])])),
  };
}

const reference = referenceBackend();
const native = ortBackend();
afterAll(async () => {
  await reference.close();
  await (await native).close();
});

async function run(
  entry: PairLossEntry | UnpairedLossEntry | PolicyLossEntry,
  { backend, feeds, wrt }: { backend: Backend; feeds: Record<string, HostTensor>; wrt: readonly string[] },
) {
  const inputs: Record<string, Tensor> = Object.fromEntries(
    Object.entries(feeds).map(([name, { shape }]) => [name, input(name, shape)]),
  );
  const result = (entry as PairLossEntry).loss(inputs as unknown as AnyPairInputs);
  const loss = reduceLoss(result);
  const grads = grad(
    loss,
    wrt.map((name) => inputs[name]!),
  );
  const outputs: Tree = {
    loss,
    rows: result.loss,
    ...Object.fromEntries(wrt.map((name, i) => [name, grads[i]!])),
  };
  const program = await backend.compile({ inputs, outputs });
  const got = await program.run(feeds);
  await program.release();
  return Object.entries(got).flatMap(([name, { data }]) =>
    [...data].map((x, i) => ({ what: `${name}[${i}]`, x })),
  );
}

const table = [
  ...Object.entries(PAIR_LOSSES).map(
    ([name, entry]) => [name, entry, ["chosenLogps", "rejectedLogps"]] as const,
  ),
  ...Object.entries(UNPAIRED_LOSSES).map(([name, entry]) => [name, entry, ["logps"]] as const),
  ...Object.entries(POLICY_LOSSES).map(([name, entry]) => [name, entry, ["logps"]] as const),
];

describe("float32", () => {
  it.each(table)("%s agrees with float64", async (_, entry, wrt) => {
    const feeds = feedsOf(NEAR);
    const want = await run(entry, { backend: reference, feeds, wrt });
    const got = await run(entry, { backend: await native, feeds, wrt });
    got.forEach(({ what, x }, i) => {
      const w = want[i]!.x;
      expect(Math.abs(x - w), `${what}: ${x} for ${w}`).toBeLessThanOrEqual(2e-5 * Math.max(1, Math.abs(w)));
    });
  });
  it.each(table)("%s stays finite where log-ratios are 1000", async (_, entry, wrt) => {
    for (const { what, x } of await run(entry, { backend: await native, feeds: feedsOf(FAR), wrt })) {
      expect(Number.isFinite(x), `${what}: ${x}`).toBe(true);
    }
  });
});
