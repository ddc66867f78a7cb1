/**
 * Every training run that trl recorded, replayed from its own batches through `fit`.
 *
 * In float64 on the reference backend losses, gradient norms, metrics, first gradients and parameters hold to 1e-9; all
 * steps take minutes there, so only the first are run, and all with ATTUNE_GOLDEN_STEPS=all. In float32 on ONNX Runtime
 * all steps are run, always.
 *
 * trl logs a metric as the mean over micro-batches of each one's own mean, min or max; ours are means over real rows and
 * tokens of the whole step. Compared is trl's number, from our totals of each micro-batch.
 */
import { readdirSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { ortBackend, referenceBackend } from "../../src/backends/index.js";
import type { LayoutOptions } from "../../src/data/index.js";
import type { Backend, Resident } from "../../src/tensor/index.js";
import {
  evaluate,
  type EvaluationReport,
  fit,
  fitToEnd,
  type MetricSums,
  type StepReport,
  StepPrograms,
  uploadParameters,
} from "../../src/train/index.js";
import { finishMetrics } from "../../src/losses/index.js";
import { golden, missing, readJson } from "../support/shared.js";
import {
  policyOf,
  readRun,
  type Recorded,
  replay,
  rewardPairs,
  type RunCase,
  type Slice,
} from "./run-case.js";

/** Files of golden/runs that can be replayed here; the folder need not have them all. */
const known = [
  "cpo",
  "dpo_full",
  "dpo_lora",
  "dpo_multi_loss",
  "ipo",
  "kto",
  "orpo",
  "reward",
  "sft_full",
  "sft_lora",
  "simpo",
];
/** Those of `test/train/online-golden.test.ts`. */
const isOnline = (name: string): boolean => /^(grpo|ppo)(_|$)/.test(name);

/** Recorded metrics that are not compared, and why. */
const notCompared: Readonly<Record<string, string>> = {
  num_tokens: "compared where prompts are not shared: a shared prompt is one run of tokens here, two in trl",
  "logits/chosen of orpo, cpo, simpo":
    "trl averages over prompt and padding too, which is no property of the answers",
  "nll_loss of simpo": "trl logs 0 for a term that is not there",
};
const compared = (run: string, metric: string): boolean =>
  metric !== "num_tokens" &&
  !(["orpo", "cpo", "simpo"].includes(run) && metric.startsWith("logits/")) &&
  !(run === "simpo" && metric === "nll_loss");

interface Engine {
  backend: Backend;
  layout: LayoutOptions;
  precision: "float32" | "float64";
  steps: (run: RunCase) => number;
  /** Relative, of losses, gradient norms and metrics. */
  relative: number;
  /** Of single parameters, absolute. */
  absolute: number;
}

const wholeRuns = process.env["ATTUNE_GOLDEN_STEPS"] === "all";
/** Steps in float64 where more than the first is run by default: full training and an adapter, each past an update. */
const updates: Readonly<Record<string, number>> = { dpo_full: 2, sft_lora: 3 };
const exact: Engine = {
  backend: referenceBackend(),
  layout: { sharePrompt: true, buckets: { stepsPerOctave: 0 } },
  precision: "float64",
  steps: ({ name, options }) => (wholeRuns ? options.max_steps : (updates[name] ?? 1)),
  relative: 1e-9,
  absolute: 1e-10,
};
const fast: Engine = {
  backend: ortBackend({ threads: 1 }),
  layout: {},
  precision: "float32",
  steps: ({ options }) => options.max_steps,
  relative: 5e-5,
  absolute: 1e-5,
};
const plain: Engine = { ...fast, layout: { sharePrompt: false, pack: false } };
afterAll(async () => {
  await exact.backend.close();
  await fast.backend.close();
});

const absent = missing(golden("runs"));
const files = absent
  ? []
  : readdirSync(golden("runs")).flatMap((name) => (name.endsWith(".json") ? [name.slice(0, -5)] : []));
const replayed = known.filter((name) => files.includes(name));

/** trl's mean over micro-batches; those without a row of the kind (KTO: of one label) do not count. */
function asTrl({ batches, differences }: MetricSums, name: string): number | undefined {
  const values = batches.flatMap((batch) => finishMetrics([batch], differences)[name] ?? []);
  return values.length === 0 ? undefined : values.reduce((a, b) => a + b, 0) / values.length;
}

function close(got: number | undefined, want: number, o: { tolerance: number; what: string }): void {
  const limit = o.tolerance * Math.max(1, Math.abs(want));
  expect(Math.abs((got ?? Number.NaN) - want), `${o.what}: ${got} is not ${want}`).toBeLessThanOrEqual(limit);
}

function sliceHolds(data: ArrayLike<number>, want: Slice, o: { tolerance: number; what: string }): void {
  const values = Array.from(data);
  close(Math.sqrt(values.reduce((total, x) => total + x * x, 0)), want.norm, {
    ...o,
    what: `norm of ${o.what}`,
  });
  want.first_8.forEach((x, i) =>
    expect(Math.abs(values[i]! - x), `${o.what}[${i}]`).toBeLessThanOrEqual(o.tolerance),
  );
}

/** peft's name in memory -> ours. */
const ownName = (name: string): string =>
  name.replace(/^base_model\.model\./, "").replace(".default.weight", ".weight");

/**
 * Watches a backend, because the result of a run holds float32 only and its gradients are nobody's business: the first
 * residents of zeros are the gradients, the last downloads the parameters.
 */
function watch(backend: Backend): { backend: Backend; zeros: Resident[]; downloads: ArrayLike<number>[] } {
  const zeros: Resident[] = [];
  const downloads: ArrayLike<number>[] = [];
  return {
    zeros,
    downloads,
    backend: {
      ...backend,
      zeros: async (type) => {
        const r = await backend.zeros(type);
        zeros.push(r);
        return r;
      },
      download: async (r) => {
        const value = await backend.download(r);
        downloads.push(value.data);
        return value;
      },
    },
  };
}

function stepHolds(report: StepReport, run: RunCase, { relative, precision }: Engine): void {
  const want = run.expected.float64.steps[report.step - 1]!;
  const at = `step ${report.step}`;
  close(report.metrics["loss"], want.loss, { tolerance: relative, what: `${at}: loss` });
  close(report.metrics["grad_norm"], want.grad_norm, { tolerance: relative, what: `${at}: grad_norm` });
  expect(report.metrics["learning_rate"]).toBeCloseTo(want.learning_rate, 12);
  for (const [name, value] of Object.entries(want.metrics)) {
    if (!compared(run.name, name)) continue;
    // A single token may have two equally likely candidates in float32.
    if (precision === "float32" && /accurac/.test(name)) continue;
    close(asTrl(report.sums, name), value, { tolerance: relative, what: `${at}: ${name}` });
  }
}

async function startHolds(run: RunCase, { backend, layout, relative }: Engine): Promise<void> {
  const { trainer } = await replay(run, layout);
  const parameters = await uploadParameters(trainer.policy, backend);
  const programs = new StepPrograms(trainer, backend, parameters, {}, { recompute: "none" });
  const report = await evaluate(trainer, programs);
  evaluationHolds(report, run.expected.float64.eval_before, { run, relative });
  await programs.release();
  await backend.free(Object.values(parameters));
}

function evaluationHolds(
  got: EvaluationReport,
  want: Recorded,
  { run, relative }: { run: RunCase; relative: number },
): void {
  for (const [name, value] of Object.entries({ loss: want.loss, ...want.metrics })) {
    if (compared(run.name, name))
      close(got.metrics[`eval_${name}`], value, { tolerance: relative, what: `evaluation: ${name}` });
  }
}

async function runHolds(run: RunCase, engine: Engine): Promise<void> {
  const { backend, relative, absolute } = engine;
  const { trainer, settings } = await replay(run, engine.layout);
  const { first_step_gradients, eval_after, final_parameters } = run.expected.float64;
  const names = [...trainer.policy.trainable.keys()];
  const watched = watch(backend);
  const steps = engine.steps(run);
  const whole = steps === run.options.max_steps;
  const stop = new AbortController();
  const reports = fit(trainer, {
    ...settings,
    recompute: engine === exact ? "none" : "attention",
    backend: watched.backend,
    signal: stop.signal,
  });
  if (!whole && steps === 1) stop.abort();
  let last: StepReport | undefined;
  for await (const report of reports) {
    last = report;
    stepHolds(report, run, engine);
    for (const [name, want] of report.step === 1 ? Object.entries(first_step_gradients) : []) {
      const { data } = await backend.download(watched.zeros[names.indexOf(ownName(name))]!);
      sliceHolds(data, want, { tolerance: relative * Math.max(1, want.norm), what: `gradient of ${name}` });
    }
    if (!whole && report.step === steps - 1) stop.abort();
  }
  expect(last!.step).toBe(steps);
  if (!whole) return;

  evaluationHolds(last!.evaluation!, eval_after, { run, relative });
  const values = watched.downloads.slice(-names.length);
  for (const [name, want] of Object.entries(final_parameters)) {
    sliceHolds(values[names.indexOf(ownName(name))]!, want, { tolerance: absolute, what: name });
  }
}

describe.skipIf(absent !== undefined)(`runs of trl as in golden/runs${absent ? ` (${absent})` : ""}`, () => {
  it("every file is replayed here, or where online runs are", () => {
    expect(files.filter((name) => !known.includes(name) && !isOnline(name))).toEqual([]);
    expect(replayed).not.toEqual([]);
    expect(Object.keys(notCompared)).toHaveLength(3);
  });

  it("every case of a replayed file is known", () => {
    const names = replayed.flatMap((file) =>
      readJson<{ cases: { name: string }[] }>(golden("runs", `${file}.json`)).cases.map((c) => c.name),
    );
    const all = [...replayed, "reward_position_when_pad_is_eos"];
    expect(names.filter((name) => !all.includes(name))).toEqual([]);
  });

  for (const name of replayed) {
    const run = readRun(name);
    it(`${name}: ${wholeRuns ? "all" : "the first"} steps in float64`, () => runHolds(run, exact), 900_000);
    it(`${name}: the evaluation before any update, in float32`, () => startHolds(run, fast), 300_000);
    it(`${name}: all steps in float32`, () => runHolds(run, fast), 300_000);
  }

  it("tokens are counted as trl does where every answer has its own prompt", async () => {
    for (const run of ["sft_full", "reward", "dpo_full", "kto"].map(readRun)) {
      const { trainer, settings } = await replay(run, plain.layout);
      const reports: StepReport[] = [];
      await fitToEnd(trainer, {
        ...settings,
        backend: plain.backend,
        maxSteps: 2,
        schedule: "constant",
        onStep: (r) => reports.push(r),
      });
      const counts = reports.map((r) => r.metrics["num_tokens"]);
      expect(counts, run.name).toEqual(
        run.expected.float64.steps.slice(0, 2).map((s) => s.metrics["num_tokens"]),
      );
    }
  });

  it("a reward is read at the last real token, whatever its id", async () => {
    interface Position {
      inputs: { eval_batch: RunCase["inputs"]["eval_batch"]; score_init: string };
      expected: {
        rewards_pad_token_id_0: number[];
        rewards_pad_token_id_2: number[];
        read_at_last_token: string;
      };
    }
    const { cases } = readJson<{ cases: Position[] }>(golden("runs", "reward.json"));
    const { inputs, expected } = cases[1]!;
    const base = readRun("reward");
    const { trainer } = await replay(
      { ...base, inputs: { ...base.inputs, eval_batch: inputs.eval_batch } },
      exact.layout,
    );
    expect([...(await policyOf(base)).trainable.keys()]).toContain("score.weight");
    const { backend } = exact;
    const parameters = await uploadParameters(trainer.policy, backend);
    const programs = new StepPrograms(trainer, backend, parameters, {}, { recompute: "none" });
    const batch = await trainer.evaluation!.load({ epoch: 0, index: 0 });
    const { values } = await programs.evaluate({ batch, totals: trainer.counts(batch), detail: false });
    const got = [...values["chosen"]!.data, ...values["rejected"]!.data];
    expect(got).toHaveLength(2 * rewardPairs(inputs.eval_batch).length);
    got.forEach((x, i) =>
      close(x, expected.rewards_pad_token_id_0[i]!, { tolerance: exact.relative, what: `reward ${i}` }),
    );
    // With the end of text as pad id (2) transformers reads one token early; there are no pad ids here.
    expect(expected.read_at_last_token).toBe("rewards_pad_token_id_0");
    await programs.release();
    await backend.free(Object.values(parameters));
  });
});
