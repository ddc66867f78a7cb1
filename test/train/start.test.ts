/** Where the policy equals its reference, every loss has the value that its formula gives; a run begins by showing it. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { referenceBackend } from "../../src/backends/index.js";
import { type OptionValue, PAIR_LOSSES, type PairLossEntry } from "../../src/losses/index.js";
import {
  exampleSource,
  fit,
  kto,
  ktoSource,
  type Policy,
  preference,
  reward,
  type StartCheck,
  type Trainer,
} from "../../src/train/index.js";
import { examples, policyFor, scratch, writeTinyModel } from "../invariants/setup.js";

const backend = referenceBackend();
const folder = scratch();
let policy: Policy;
let rewardPolicy: Policy;
beforeAll(async () => {
  const model = await writeTinyModel(folder.path);
  policy = await policyFor("dpo", { model, lora: { r: 2 } });
  rewardPolicy = await policyFor("reward", { model });
});
afterAll(async () => {
  await backend.close();
  folder.remove();
});

const pairs = () => exampleSource(examples(3, { completions: 2 }), { plan: { perDeviceBatchSize: 3 } });

/** What is checked before the first update, which is then not made. */
async function checksOf<B>(trainer: Trainer<B>): Promise<StartCheck[]> {
  for await (const report of fit(trainer, { backend, maxSteps: 1, detailSteps: 0 })) return report.start!;
  return [];
}
const lossOf = (checks: readonly StartCheck[]): StartCheck => checks.find(({ name }) => name === "loss")!;

/** Losses whose start depends on the data: a likelihood, lengths, or no reference at all. */
const withoutStart = ["sft", "rpo", "rpo_sequence", "r_dpo", "orpo", "simpo", "cpo", "cpo_simpo", "alphapo"];
const usable = Object.entries(PAIR_LOSSES as Readonly<Record<string, PairLossEntry>>).filter(
  ([, { extraInputs, state }]) => extraInputs.length === 0 && Object.keys(state).length === 0,
);

describe("the loss of pairs", () => {
  it.each(usable.map(([name]) => name).filter((name) => !withoutStart.includes(name)))(
    "starts at its analytic value: %s",
    async (name) => {
      const checks = await checksOf(preference({ policy, train: pairs(), lossType: name }));
      const loss = lossOf(checks);
      const [, value] = /= ([^=]*)$/.exec(loss.expected)!;
      expect(Number(loss.got) / Number(value)).toBeCloseTo(1, 4);
      expect(checks.every(({ holds }) => holds)).toBe(true);
    },
  );

  it.each([
    ["ipo", { beta: 0.5 }, "loss = 1 / (4 beta^2) = 1"],
    ["ipo_sum", { beta: 0.05 }, "loss = 1 / (4 beta^2) = 100"],
    ["sppo_hard", { beta: 0.5 }, "loss = 1 / (2 beta^2) = 2"],
    ["sigmoid", { beta: 2, labelSmoothing: 0.2 }, "loss = ln 2 = 0.693147"],
    ["sigmoid", { fDivergenceType: "alpha_divergence" }, "loss = ln 2 = 0.693147"],
    ["exo_pair", { labelSmoothing: 0.1 }, "loss = -ln 2 - ln(e (1 - e)) / 2 = 0.510826"],
    ["hinge", {}, "loss = 1"],
  ] as [string, Record<string, OptionValue>, string][])(
    "follows its options: %s %o",
    async (lossType, loss, want) => {
      const shown = lossOf(await checksOf(preference({ policy, train: pairs(), lossType, loss })));
      expect(shown).toMatchObject({ expected: want, holds: true });
    },
  );

  it("of a mixture is the weighted sum, and none where a part has none", async () => {
    const mixed = preference({
      policy,
      train: pairs(),
      lossType: ["sigmoid", "hinge"],
      lossWeights: [2, 0.5],
    });
    expect(lossOf(await checksOf(mixed)).expected).toBe(
      `loss = ${Number((2 * Math.LN2 + 0.5).toPrecision(6))}`,
    );
    const open = preference({ policy, train: pairs(), lossType: ["sigmoid", "sft"] });
    expect(lossOf(await checksOf(open)).expected).toBe("finite");
  });

  it.each(withoutStart)("that depends on the data is only asked to be finite: %s", async (name) => {
    const checks = await checksOf(preference({ policy, train: pairs(), lossType: name }));
    expect(lossOf(checks)).toMatchObject({ expected: "finite", holds: true });
  });

  it("that starts elsewhere is refused, even where margins cancel out", async () => {
    // A reference that is off by one nat for both answers leaves the margins 0.
    const train = exampleSource(
      examples(3, { completions: 2 }).map((e) => ({
        ...e,
        values: { ref_chosen_logps: -1, ref_rejected_logps: -1 },
      })),
    );
    await expect(checksOf(preference({ policy, train, reference: "precomputed" }))).rejects.toMatchObject({
      code: "invariant",
      where: expect.stringContaining("step 0"),
      fix: expect.stringContaining("reference"),
    });
  });
});

describe("the loss of single answers", () => {
  it("is half the mean weight for KTO", async () => {
    const train = ktoSource(examples(3, { completions: 1, label: true }), {
      plan: { perDeviceBatchSize: 3, shuffle: false },
    });
    const plain = lossOf(await checksOf(kto({ policy, train })));
    expect(plain).toMatchObject({ expected: "loss = mean weight / 2 = 0.5", holds: true });
    // One bad row of three.
    const weighted = kto({ policy, train, loss: { desirableWeight: 3, undesirableWeight: 0.6 } });
    expect(lossOf(await checksOf(weighted))).toMatchObject({
      expected: "loss = mean weight / 2 = 1.1",
      holds: true,
    });
  });
});

describe("the loss of a reward model", () => {
  const withHead = (value: number): Policy => {
    const trainable = new Map(rewardPolicy.trainable);
    const head = trainable.get("score.weight")!;
    trainable.set("score.weight", { ...head, start: () => new Float32Array(16).fill(value) });
    return { ...rewardPolicy, trainable };
  };

  it("is ln 2 while the head gives 0 for every answer", async () => {
    expect(lossOf(await checksOf(reward({ policy: withHead(0), train: pairs() })))).toMatchObject({
      expected: "loss = that of equal rewards = 0.693147",
      holds: true,
    });
  });

  it("takes the margins of the data into account", async () => {
    const train = exampleSource(
      examples(3, { completions: 2 }).map((e, i) => ({ ...e, values: { margin: i } })),
      { plan: { perDeviceBatchSize: 3 } },
    );
    const want = [0, 1, 2].reduce((sum, m) => sum + Math.log(1 + Math.exp(m)), 0) / 3;
    const shown = lossOf(await checksOf(reward({ policy: withHead(0), train })));
    expect(shown).toMatchObject({
      expected: `loss = that of equal rewards = ${Number(want.toPrecision(6))}`,
      holds: true,
    });
  });

  it("is only asked to be finite when the head tells answers apart already", async () => {
    expect(lossOf(await checksOf(reward({ policy: withHead(0.3), train: pairs() }))).expected).toBe("finite");
  });
});
