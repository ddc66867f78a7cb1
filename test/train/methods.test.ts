/** What methods refuse, how losses add up, where references come from. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ortBackend } from "../../src/backends/index.js";
import type { Batch } from "../../src/data/index.js";
import {
  type BatchSource,
  exampleSource,
  fitToEnd,
  ktoSource,
  type Policy,
  preference,
  type PreferenceOptions,
  reward,
  type StepReport,
} from "../../src/train/index.js";
import { examples, policyFor, scratch, trainerFor, writeTinyModel } from "../invariants/setup.js";

const backend = ortBackend({ threads: 1 });
const folder = scratch();
let model: string;
let policy: Policy;
let train: BatchSource<Batch>;
beforeAll(async () => {
  model = await writeTinyModel(folder.path);
  policy = await policyFor("dpo", { model });
  train = exampleSource(examples(8, { completions: 2 }));
});
afterAll(async () => {
  await backend.close();
  folder.remove();
});

const trainer = (o: Partial<PreferenceOptions>) => preference({ policy, train, ...o });
async function firstReport(o: Partial<PreferenceOptions>, steps = 1): Promise<StepReport> {
  let last: StepReport | undefined;
  await fitToEnd(trainer(o), {
    backend,
    maxSteps: steps,
    learningRate: 0.01,
    schedule: "constant",
    onStep: (r) => (last = r),
  });
  return last!;
}

describe("a pairwise method", () => {
  it("refuses what no loss knows", () => {
    expect(() => trainer({ lossType: "dop" })).toThrow(
      expect.objectContaining({ code: "config", where: "loss_type" }),
    );
    expect(() => trainer({ lossType: "toString" })).toThrow(expect.objectContaining({ code: "config" }));
    expect(() => trainer({ loss: { betta: 1 } })).toThrow(
      expect.objectContaining({ code: "config", got: "betta" }),
    );
    expect(() => trainer({ lossType: ["sigmoid", "sft"], lossWeights: [1] })).toThrow(
      expect.objectContaining({ where: "loss_weights" }),
    );
  });

  it("refuses a reference that its loss cannot use, and the lack of one that it needs", () => {
    expect(() => trainer({ lossType: "simpo", reference: "live" })).toThrow(
      expect.objectContaining({ code: "config" }),
    );
    expect(() => trainer({ lossType: "sigmoid", reference: "none" })).toThrow(
      expect.objectContaining({ code: "config" }),
    );
    expect(() => trainer({ lossType: ["simpo", "sigmoid"], reference: "none" })).toThrow(
      expect.objectContaining({ code: "config" }),
    );
  });

  it("adds up several losses with their weights", async () => {
    const [one, two, both] = [
      await firstReport({ lossType: "hinge" }),
      await firstReport({ lossType: "sft" }),
      await firstReport({ lossType: ["hinge", "sft"], lossWeights: [2, 0.5] }),
    ];
    expect(both.metrics["loss"]!).toBeCloseTo(2 * one.metrics["loss"]! + 0.5 * two.metrics["loss"]!, 4);
    expect(trainer({ lossType: ["sigmoid", "sft"] }).name).toBe("dpo+sft");
  });

  it("takes a reference computed beforehand, with the same numbers as a live one", async () => {
    const live = await firstReport({}, 4);
    // What the untouched model says about each answer: the log-probabilities that DPO logs before any update.
    const withReference = [];
    for (const example of examples(8, { completions: 2 })) {
      let first: StepReport | undefined;
      await fitToEnd(preference({ policy, train: exampleSource([example]) }), {
        backend,
        maxSteps: 1,
        onStep: (r) => (first = r),
      });
      const values = {
        ref_chosen_logps: first!.metrics["logps/chosen"]!,
        ref_rejected_logps: first!.metrics["logps/rejected"]!,
      };
      withReference.push({ ...example, values });
    }
    const before = await firstReport({ reference: "precomputed", train: exampleSource(withReference) }, 4);
    for (const name of ["loss", "grad_norm", "rewards/margins"])
      expect(before.metrics[name]!).toBeCloseTo(live.metrics[name]!, 4);
  });
});

describe("a reward model", () => {
  it("needs a head with one output", () => {
    expect(() => reward({ policy, train })).toThrow(
      expect.objectContaining({ code: "model", got: expect.stringContaining("lm") }),
    );
  });
});

describe("KTO", () => {
  it("gives the last row of an epoch another row's answer, when it is alone in its micro-batch", async () => {
    const list = examples(5, { completions: 1, label: true });
    const source = ktoSource(list, { plan: { perDeviceBatchSize: 2, shuffle: false } });
    const { own, mismatched } = await source.load({ epoch: 0, index: 2 });
    expect(own.ids).toEqual(["example 4"]);
    // Its neighbour in the data is the first row.
    expect(mismatched.trainedTokens).toBe(list[0]!.completions[0]!.tokens.length);
    await fitToEnd(await trainerFor("kto", { model, count: 5, perDeviceBatchSize: 2 }), {
      backend,
      maxSteps: 4,
    });
  });

  it("refuses a single example", () => {
    expect(() => ktoSource(examples(1, { completions: 1, label: true }))).toThrow(
      expect.objectContaining({ code: "data" }),
    );
  });
});
