/** Losses that ask for more than two answers' log-probabilities: state, the whole vocabulary, a third answer, thumbs. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ortBackend } from "../../src/backends/index.js";
import { PAIR_LOSSES, UNPAIRED_LOSSES } from "../../src/losses/index.js";
import {
  exampleSource,
  fitToEnd,
  type FitOptions,
  type FitResult,
  METHOD_NAMES,
  type Policy,
  preference,
  type PreferenceOptions,
  readTrainingConfig,
  sft,
  type SftTrainerOptions,
  type StepReport,
  type Trainer,
  unpaired,
} from "../../src/train/index.js";
import { METHODS } from "../../src/train/job/index.js";
import { checkpointHashes, examples, policyFor, scratch, writeTinyModel } from "../invariants/setup.js";

const backend = ortBackend({ threads: 1 });
const folder = scratch();
let policy: Policy;
beforeAll(async () => {
  policy = await policyFor("dpo", { model: await writeTinyModel(folder.path), lora: { r: 4 } });
});
afterAll(async () => {
  await backend.close();
  folder.remove();
});

const plan = { perDeviceBatchSize: 8, shuffle: false };
const pairs = examples(8, { completions: 2 });
const thumbs = examples(8, { completions: 1, label: true });
/** Each pair with a third answer. */
const triples = pairs.map((e, i) => ({ ...e, completions: [...e.completions, ...thumbs[i]!.completions] }));
const goldOnly = triples.map((e) => ({ ...e, completions: [e.completions[2]!] }));

interface Ran extends FitResult {
  reports: StepReport[];
  losses: number[];
}
interface Asked extends Partial<FitOptions> {
  onStep?: (report: StepReport) => void;
}
async function run<B>(trainer: Trainer<B>, { onStep, ...o }: Asked = {}): Promise<Ran> {
  const reports: StepReport[] = [];
  const result = await fitToEnd(trainer, {
    backend,
    maxSteps: 1,
    learningRate: 0.02,
    schedule: "constant",
    onStep: (r) => {
      reports.push(r);
      onStep?.(r);
    },
    ...o,
  });
  return { ...result, reports, losses: reports.map((r) => r.metrics["loss"]!) };
}
const onPairs = (o: Partial<PreferenceOptions>, data = pairs): Trainer<unknown> =>
  preference({ policy, train: exampleSource(data, { plan }), ...o }) as Trainer<unknown>;
const onThumbs = (lossType: string, more: { evaluation?: boolean; size?: number } = {}): Trainer<unknown> =>
  unpaired({
    policy,
    lossType,
    train: exampleSource(thumbs, { plan: { ...plan, perDeviceBatchSize: more.size ?? 8 } }),
    ...(more.evaluation && { evaluation: exampleSource(thumbs, { plan }) }),
  }) as Trainer<unknown>;
const onDemonstrations = (loss: SftTrainerOptions["loss"], data = goldOnly): Trainer<unknown> =>
  sft({ policy, train: exampleSource(data, { plan }), ...(loss && { loss }) }) as Trainer<unknown>;

describe("every loss of the registries", () => {
  it("is offered by a method", () => {
    const offered = new Set(METHOD_NAMES.flatMap((name) => Object.keys(METHODS[name].losses)));
    expect(
      [...Object.keys(PAIR_LOSSES), ...Object.keys(UNPAIRED_LOSSES)].filter((x) => !offered.has(x)),
    ).toEqual([]);
  });

  const learners: Record<string, () => Trainer<unknown>> = {
    beta_dpo: () => onPairs({ lossType: "beta_dpo", loss: { beta: 0.5 } }),
    tdpo1: () => onPairs({ lossType: "tdpo1" }),
    tdpo2: () => onPairs({ lossType: "tdpo2" }),
    wpo: () => onPairs({ lossType: "wpo" }),
    tpo: () => onPairs({ lossType: "tpo" }, triples),
    "tpo without gold": () => onPairs({ lossType: "tpo", loss: { tpoAlpha: 0, beta: 0.1 } }),
    bco: () => onThumbs("bco"),
    apo_zero_unpaired: () => onThumbs("apo_zero_unpaired"),
    "label smoothing": () => onDemonstrations({ labelSmoothing: 0.1 }),
    "z-loss": () => onDemonstrations({ zLoss: 1e-2 }),
  };
  it.each(Object.keys(learners))("learns its own examples: %s", async (name) => {
    const { losses } = await run(learners[name]!(), { maxSteps: 12 });
    expect(losses.at(-1)!).toBeLessThan(0.97 * losses[0]!);
  });
});

describe("losses that compare whole distributions", () => {
  it.each(["tdpo1", "tdpo2"])(
    "%s starts with no divergence and a loss of ln 2, and grows one",
    async (lossType) => {
      const { reports } = await run(onPairs({ lossType }), { maxSteps: 4 });
      expect(reports[0]!.start!.find(({ name }) => name === "loss")!.expected).toBe("loss = ln 2 = 0.693147");
      expect(reports[0]!.metrics["kl/chosen"]).toBeCloseTo(0, 5);
      expect(reports[3]!.metrics["kl/chosen"]!).toBeGreaterThan(1e-4);
    },
  );

  it("refuse sums made beforehand", () => {
    expect(() => onPairs({ lossType: "tdpo1", reference: "precomputed" })).toThrow(
      expect.objectContaining({ code: "config" }),
    );
    const config = { method: "dpo", model: "m", data: "d", loss_type: "tdpo2", reference: "precomputed" };
    expect(() => readTrainingConfig(config)).toThrow(expect.objectContaining({ where: "reference" }));
  });

  it("WPO weighs DPO's loss by what the policy itself would write, less than 1 for random answers", async () => {
    const [weighted] = (await run(onPairs({ lossType: "wpo" }))).losses;
    expect(weighted!).toBeGreaterThan(0);
    expect(weighted!).toBeLessThan(Math.LN2);
  });
});

describe("a third answer", () => {
  it("adds its likelihood, a mean over its own tokens, to the contrast of the other two", async () => {
    const both = (await run(onPairs({ lossType: "tpo", loss: { tpoAlpha: 0.5 } }, triples))).losses[0]!;
    const contrast = (await run(onPairs({ lossType: "tpo", loss: { tpoAlpha: 0 } }))).losses[0]!;
    const likelihood = (await run(onDemonstrations(undefined))).losses[0]!;
    expect(both).toBeCloseTo(contrast + 0.5 * likelihood, 4);
  });

  it("is left out of the metrics of the pair", async () => {
    const three = (await run(onPairs({ lossType: "tpo" }, triples))).reports[0]!.metrics;
    const two = (await run(onPairs({ lossType: "tpo", loss: { tpoAlpha: 0 } }))).reports[0]!.metrics;
    for (const name of ["rewards/margins", "logps/chosen", "logps/rejected"])
      expect(three[name]!).toBeCloseTo(two[name]!, 4);
  });
});

describe("supervised losses over the whole vocabulary", () => {
  it("label smoothing and the z-loss add what their formulas say", async () => {
    const plain = (await run(onDemonstrations({}))).losses[0]!;
    const smooth = async (e: number): Promise<number> =>
      (await run(onDemonstrations({ labelSmoothing: e }))).losses[0]!;
    // (1 - e) nll - e mean log p is linear in e.
    const half = (await smooth(0.5)) - plain;
    expect((await smooth(0.25)) - plain).toBeCloseTo(half / 2, 4);
    // The mean of log p is never above log of the mean, -ln 61.
    expect(plain + 2 * half).toBeGreaterThan(Math.log(61));
    const z = async (w: number): Promise<number> => (await run(onDemonstrations({ zLoss: w }))).losses[0]!;
    const one = (await z(1)) - plain;
    expect(one).toBeGreaterThan(0);
    expect((await z(0.5)) - plain).toBeCloseTo(one / 2, 3);
  });
});

describe("state that goes from batch to batch", () => {
  it.each(["beta_dpo", "bco"])(
    "is kept in checkpoints: %s resumed equals uninterrupted",
    async (lossType) => {
      const trainer = (): Trainer<unknown> =>
        lossType === "bco" ? onThumbs("bco", { size: 4 }) : onPairs({ lossType, loss: { beta: 0.5 } });
      const at = (name: string): string => join(folder.path, `${lossType}-${name}`);
      const whole = await run(trainer(), { maxSteps: 5, output: at("whole") });
      expect(Object.values(whole.state.carried!).every(Number.isFinite)).toBe(true);
      const stop = new AbortController();
      await run(trainer(), {
        maxSteps: 5,
        output: at("part"),
        signal: stop.signal,
        onStep: (r) => {
          if (r.step === 2) stop.abort();
        },
      });
      const rest = await run(trainer(), { maxSteps: 5, output: at("part"), resume: true });
      expect(rest.reports.map((r) => r.step)).toEqual([4, 5]);
      expect(rest.state).toEqual(whole.state);
      expect(checkpointHashes(join(at("part"), "checkpoint-5"))).toEqual(
        checkpointHashes(join(at("whole"), "checkpoint-5")),
      );
    },
  );

  it("is the running mean of BCO's rewards, over micro-batches too, and evaluation does not move it", async () => {
    const deltas: number[] = [];
    const { state } = await run(onThumbs("bco", { size: 4, evaluation: true }), {
      maxSteps: 3,
      gradientAccumulationSteps: 2,
      evalSteps: 1,
      onStep: (r) => deltas.push(r.metrics["delta"]!),
    });
    // Eight rows a step, and those of evaluation are not counted.
    expect(state.carried!["runningCount"]).toBeCloseTo(24, 4);
    expect(deltas[0]).toBe(0);
    expect(state.carried!["runningMean"]).not.toBe(0);
  });
});

describe("single answers", () => {
  it("are refused for a loss that needs mismatched ones, or that is not known", () => {
    for (const lossType of ["kto", "bcoo"])
      expect(() => onThumbs(lossType)).toThrow(
        expect.objectContaining({ code: "config", expected: "apo_zero_unpaired, bco" }),
      );
  });

  it("may come one at a time where no KL is estimated", () => {
    const of = (loss_type: string) =>
      readTrainingConfig({
        method: "kto",
        model: "m",
        data: "d",
        loss_type,
        per_device_train_batch_size: 1,
        per_device_eval_batch_size: 1,
      });
    expect(of("apo_zero_unpaired").lossType).toBe("apo_zero_unpaired");
    expect(() => of("kto")).toThrow(expect.objectContaining({ where: "per_device_train_batch_size" }));
  });

  it("offer no setting for what the trainer decides", () => {
    const config = { method: "kto", model: "m", data: "d", loss_type: "bco", update: false };
    expect(() => readTrainingConfig(config)).toThrow(expect.objectContaining({ code: "config" }));
  });
});
