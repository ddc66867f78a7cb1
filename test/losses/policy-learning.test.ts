/** Every loss on sampled answers learns: on a policy small enough to be a table, gradient steps raise the expected reward. */
import { describe, expect, it } from "vitest";

import { referenceBackend } from "../../src/backends/index.js";
import {
  groupAdvantages,
  leaveOneOut,
  type OptionValue,
  POLICY_LOSSES,
  type PolicyLossEntry,
  reduceLoss,
} from "../../src/losses/index.js";
import {
  expand,
  grad,
  type HostTensor,
  input,
  logSoftmax,
  reshape,
  take,
  type Tree,
} from "../../src/tensor/index.js";
import { createRandom } from "../../src/util/random.js";

/** Two prompts with four answers of one token each; each prompt has its own best answer. */
const REWARDS = [
  [0, 1, 0.2, 0],
  [0.5, 0, 0, 1],
];
const ANSWERS = 4;
const GROUP = 8;
const ROWS = REWARDS.length * GROUP;
/** Rounds of sampling, updates a round, and how far each goes. */
const ROUNDS = 40;
const UPDATES = 2;
const RATE = 3;

const softmax = (logits: readonly number[]): number[] => {
  const weights = logits.map(Math.exp);
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((w) => w / sum);
};

const expectedReward = (table: readonly (readonly number[])[]): number =>
  table.reduce((total, row, p) => total + softmax(row).reduce((t, q, a) => t + q * REWARDS[p]![a]!, 0), 0) /
  REWARDS.length;

/** The loss of log-probabilities looked up in the table, and its gradient, compiled once. */
async function compile(entry: PolicyLossEntry, options: Readonly<Record<string, OptionValue>>) {
  const table = input("table", [REWARDS.length, ANSWERS]);
  const answers = input("answers", [ROWS], "int32");
  const spread = reshape(
    expand(reshape(logSoftmax(table), [REWARDS.length, 1, ANSWERS]), [REWARDS.length, GROUP, ANSWERS]),
    [ROWS, ANSWERS],
  );
  const inputs: Tree = {
    table,
    answers,
    oldLogps: input("oldLogps", [ROWS, 1]),
    advantages: input("advantages", [ROWS]),
    mask: input("mask", [ROWS, 1]),
  };
  const result = entry.loss(
    {
      logps: reshape(take(spread, answers), [ROWS, 1]),
      oldLogps: inputs["oldLogps"]!,
      advantages: inputs["advantages"]!,
      mask: inputs["mask"]!,
    },
    options,
  );
  const loss = reduceLoss(result, { tokenMask: inputs["mask"]! });
  return referenceBackend().compile({ inputs, outputs: { slope: grad(loss, [table])[0]! } });
}

async function learn(name: string, entry: PolicyLossEntry): Promise<number> {
  // A row of one token: what is divided by the most tokens is divided by one.
  const program = await compile(
    entry,
    "maxCompletionLength" in entry.options ? { maxCompletionLength: 1 } : {},
  );
  const random = createRandom(4, { stream: "table" });
  const table = REWARDS.map((row) => row.map(() => 0));
  const floats = (shape: number[], data: readonly number[]): HostTensor => ({
    shape,
    dtype: "float32",
    data: Float64Array.from(data),
  });
  for (let round = 0; round < ROUNDS; round++) {
    const probabilities = table.map(softmax);
    const answers = Int32Array.from({ length: ROWS }, (_, row) => {
      const p = probabilities[Math.floor(row / GROUP)]!;
      let left = random.uniform();
      const drawn = p.findIndex((q) => (left -= q) < 0);
      return drawn < 0 ? ANSWERS - 1 : drawn;
    });
    const prompts = Array.from({ length: ROWS }, (_, row) => Math.floor(row / GROUP));
    const rewards = prompts.map((prompt, row) => [REWARDS[prompt]![answers[row]!]!]);
    const options = { numGenerations: GROUP };
    const { advantages } =
      name === "rloo" || name === "reinforce"
        ? leaveOneOut(rewards, options)
        : groupAdvantages(rewards, { ...options, scaleRewards: "none" });
    const feeds: Record<string, HostTensor> = {
      answers: { shape: [ROWS], dtype: "int32", data: answers },
      oldLogps: floats(
        [ROWS, 1],
        prompts.map((prompt, row) => Math.log(probabilities[prompt]![answers[row]!]!)),
      ),
      advantages: floats([ROWS], [...advantages]),
      mask: floats(
        [ROWS, 1],
        prompts.map(() => 1),
      ),
    };
    for (let update = 0; update < UPDATES; update++) {
      const { slope } = await program.run({
        ...feeds,
        table: floats([REWARDS.length, ANSWERS], table.flat()),
      });
      table.forEach((row, p) => row.forEach((_, a) => (row[a]! -= RATE * slope!.data[p * ANSWERS + a]!)));
    }
  }
  await program.release();
  return expectedReward(table);
}

describe("gradient steps raise the expected reward", () => {
  const start = expectedReward(REWARDS.map((row) => row.map(() => 0)));
  for (const [name, entry] of Object.entries(POLICY_LOSSES as Readonly<Record<string, PolicyLossEntry>>))
    it(`of ${name} from ${start.toFixed(2)} to above 0.85`, async () => {
      expect(await learn(name, entry)).toBeGreaterThan(0.85);
    });
});
