/** The loop itself: methods learn, numbers that go wrong stop it with a name, it stops early, checks its start, gives all back. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ortBackend, referenceBackend } from "../../src/backends/index.js";
import type { Transform } from "../../src/optim/index.js";
import { abs, add, mul, sqrt, sum } from "../../src/tensor/index.js";
import {
  exampleSource,
  fit,
  fitToEnd,
  listCheckpoints,
  type Policy,
  sft,
  type StepReport,
  type Trainer,
} from "../../src/train/index.js";
import { examples, type Method, scratch, trainerFor, writeTinyModel } from "../invariants/setup.js";
import { counting } from "./wrapped-backend.js";

const backend = ortBackend({ threads: 1 });
const folder = scratch();
let model: string;
beforeAll(async () => {
  model = await writeTinyModel(folder.path);
});
afterAll(async () => {
  await backend.close();
  folder.remove();
});

describe("every method", () => {
  for (const method of ["sft", "reward", "dpo", "kto", "orpo", "simpo"] as const) {
    for (const lora of [undefined, { r: 4 }]) {
      it(`learns its own examples: ${method}${lora ? " with an adapter" : ""}`, async () => {
        const trainer = await trainerFor(method, {
          model,
          count: 8,
          perDeviceBatchSize: 8,
          ...(lora && { lora }),
        });
        const losses: number[] = [];
        const reports: StepReport[] = [];
        await fitToEnd(trainer, {
          backend,
          maxSteps: 30,
          learningRate: 0.01,
          schedule: "constant",
          onStep: (r) => {
            reports.push(r);
            losses.push(r.metrics["loss"]!);
          },
        });
        expect(losses.at(-1)!).toBeLessThan(0.8 * losses[0]!);
        expect(reports.at(-1)).toMatchObject({ step: 30, totalSteps: 30, finished: "done", epoch: 30 });
        expect(reports.slice(0, -1).every((r) => r.finished === undefined)).toBe(true);
        // The check of the start, two forms with and without the dear metrics, and the optimiser's.
        expect(reports.at(-1)!.graphs).toBeLessThanOrEqual(3);
      });
    }
  }
});

describe("steps", () => {
  it("are counted over whole epochs, the last one shorter", async () => {
    const trainer = await trainerFor("sft", { model, count: 10 }); // 3 micro-batches an epoch
    const epochs: number[] = [];
    await fitToEnd(trainer, {
      backend,
      epochs: 2,
      gradientAccumulationSteps: 2,
      onStep: (r) => epochs.push(r.epoch),
    });
    expect(epochs).toEqual([2 / 3, 1, 1 + 2 / 3, 2]);
  });

  it("count part of an epoch", async () => {
    const trainer = await trainerFor("sft", { model, count: 16 });
    const steps: number[] = [];
    await fitToEnd(trainer, { backend, epochs: 1.5, onStep: (r) => steps.push(r.step) });
    expect(steps).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("follow the schedule from its warm-up on", async () => {
    const trainer = await trainerFor("sft", { model });
    const rates: number[] = [];
    await fitToEnd(trainer, {
      backend,
      maxSteps: 6,
      learningRate: 1,
      warmup: 2,
      onStep: (r) => rates.push(r.metrics["learning_rate"]!),
    });
    expect(rates).toEqual([0, 0.5, 1, 0.75, 0.5, 0.25]);
  });

  it("measure what needs the whole vocabulary only when asked", async () => {
    const seen = async (detailSteps: number): Promise<boolean[]> => {
      const out: boolean[] = [];
      await fitToEnd(await trainerFor("dpo", { model }), {
        backend,
        maxSteps: 4,
        detailSteps,
        onStep: (r) => out.push("entropy" in r.metrics),
      });
      return out;
    };
    expect(await seen(0)).toEqual([false, false, false, false]);
    expect(await seen(2)).toEqual([true, true, false, true]);
  });
});

/** A trainer whose parameters start from other numbers. */
function poisoned(trainer: Trainer<unknown>, name: string, value: number): Trainer<unknown> {
  const trainable = new Map(trainer.policy.trainable);
  const known = trainable.get(name)!;
  const size = known.shape.reduce((a, b) => a * b, 1);
  trainable.set(name, { ...known, start: () => new Float32Array(size).fill(value) });
  return { ...trainer, policy: { ...trainer.policy, trainable } satisfies Policy };
}

const exploding = "model.layers.0.mlp.down_proj.weight";
/** Sends one parameter to infinity in its second step. */
const explode: Transform = {
  name: "explode",
  state: () => ({}),
  scalars: ({ step }) => ({ factor: step === 2 ? Number.POSITIVE_INFINITY : 1 }),
  update: ({ params, scalars }) => ({
    params: { ...params, [exploding]: mul(params[exploding]!, scalars["factor"]!) },
  }),
};

describe("a number that is not finite", () => {
  it("stops the run before the first update, when the model itself is broken", async () => {
    const trainer = poisoned(
      await trainerFor("sft", { model }),
      "model.layers.1.mlp.up_proj.weight",
      Number.NaN,
    );
    const run = fitToEnd(trainer, { backend, maxSteps: 3 });
    await expect(run).rejects.toMatchObject({
      code: "numeric",
      where: expect.stringContaining("step 0, rows example"),
      got: expect.stringContaining("model.layers.1.mlp.up_proj.weight"),
    });
  });

  for (const kind of ["ort", "reference"] as const) {
    it(`names step, rows and the first tensor, and the last good checkpoint, on ${kind}`, async () => {
      const own = kind === "ort" ? backend : referenceBackend();
      const output = join(folder.path, `broken-${kind}`);
      const held = counting(own);
      const base = await trainerFor("sft", { model, shuffle: false });
      const reports: StepReport[] = [];
      const run = fitToEnd(base, {
        backend: held.backend,
        maxSteps: 5,
        output,
        saveSteps: 1,
        optimizer: explode,
        onStep: (r) => reports.push(r),
      });
      const error = await run.then(
        () => undefined,
        (e: unknown) => e,
      );
      expect(error).toMatchObject({ code: "numeric" });
      const message = (error as Error).message;
      expect(message).toContain("step 3");
      expect(message).toContain("example 8, example 9");
      expect(message).toContain(exploding);
      expect(message).toContain("checkpoint-2");
      expect(listCheckpoints(output)).toEqual([1, 2]);
      expect(held.residents.size).toBe(0);
      expect(held.programs()).toBe(0);
      if (kind === "reference") await own.close();
    });
  }

  it("in a gradient alone names that gradient", async () => {
    // The square root has a finite value and an infinite slope at 0.
    const base = await trainerFor("sft", { model });
    const name = "model.norm.weight";
    const trainer: Trainer<unknown> = {
      ...poisoned(base, name, 0),
      trace: (batch, context) => {
        const traced = base.trace(batch, context);
        const weight = context.policy.model.weights.get(name)!;
        return {
          ...traced,
          result: { ...traced.result, loss: add(traced.result.loss, sqrt(sum(abs(weight)))) },
        };
      },
    };
    const error = await fitToEnd(trainer, { backend, maxSteps: 2 }).then(
      () => undefined,
      (e: unknown) => e as Error,
    );
    expect(error).toMatchObject({ code: "numeric" });
    expect(error!.message).toContain("gradient norm");
    expect(error!.message).toContain(name);
    expect(error!.message).toContain("no checkpoint was written yet");
  });
});

describe("stopping", () => {
  it("early, when the held-out metric has not improved for as long as patience lasts", async () => {
    const trainer = await trainerFor("dpo", { model, evaluation: true });
    const output = join(folder.path, "early");
    const values: number[] = [];
    let last: StepReport | undefined;
    const result = await fitToEnd(trainer, {
      backend,
      output,
      maxSteps: 40,
      evalSteps: 1,
      learningRate: 0.05,
      schedule: "constant",
      earlyStopping: { metric: "eval_loss", patience: 3, greaterIsBetter: false },
      onStep: (r) => {
        last = r;
        values.push(r.evaluation!.metrics["eval_loss"]!);
      },
    });
    expect(last!.finished).toBe("early-stopping");
    const best = values.indexOf(Math.min(...values)) + 1;
    expect(values.length).toBeLessThan(40);
    expect(result.state).toMatchObject({ withoutGain: 3, best: { step: best } });
    expect(listCheckpoints(output)).toContain(best);
  });

  it("early is for good: resumed, the run says so and trains no further, unless it has more patience", async () => {
    const output = join(folder.path, "early-again");
    const run = async (patience: number | undefined, resume: boolean) => {
      const steps: number[] = [];
      const result = await fitToEnd(await trainerFor("dpo", { model, evaluation: true }), {
        backend,
        output,
        resume,
        maxSteps: 40,
        evalSteps: 1,
        learningRate: 0.05,
        schedule: "constant",
        ...(patience !== undefined && {
          earlyStopping: { metric: "eval_loss", patience, greaterIsBetter: false },
        }),
        onStep: (r) => steps.push(r.step),
      });
      return { steps, ...result };
    };
    const first = await run(2, false);
    expect(first.finished).toBe("early-stopping");
    const again = await run(2, true);
    expect(again.steps).toEqual([]);
    expect(again.finished).toBe("early-stopping");
    expect([...again.parameters]).toEqual([...first.parameters]);
    const further = await run(4, true);
    expect(further.steps[0]).toBe(first.state.step + 1);
    expect(further.finished).toBe("early-stopping");
    // What an uninterrupted run with that patience would have done.
    rmSync(output, { recursive: true });
    const whole = await run(4, false);
    expect(further.state).toEqual(whole.state);
    expect([...further.parameters]).toEqual([...whole.parameters]);
  });

  it("on request during a step that is evaluated loses no evaluation", async () => {
    const stopped = async (output: string, at: number | undefined) => {
      const stop = new AbortController();
      const evaluated: number[] = [];
      let last: StepReport | undefined;
      const go = async (resume: boolean, signal?: AbortSignal) =>
        fitToEnd(await trainerFor("dpo", { model, evaluation: true }), {
          backend,
          output: join(folder.path, output),
          resume,
          maxSteps: 6,
          evalSteps: 2,
          best: { metric: "eval_rewards/margins", greaterIsBetter: true },
          ...(signal && { signal }),
          onStep: (r) => {
            last = r;
            if (r.evaluation) evaluated.push(r.step);
            // The next step is in hand when the request comes.
            if (r.step === at) stop.abort();
          },
        });
      let result = await go(false, stop.signal);
      const first = last!;
      if (at !== undefined && at < 5) result = await go(true);
      return { evaluated, result, first };
    };
    const whole = await stopped("never", undefined);
    const middle = await stopped("in-the-middle", 3);
    expect(middle.first).toMatchObject({ step: 4, finished: "interrupted", evaluation: { rows: 5 } });
    expect(middle.evaluated).toEqual([2, 4, 6]);
    expect(middle.result.state).toEqual(whole.result.state);
    const end = await stopped("at-the-end", 5);
    expect(end.first).toMatchObject({ step: 6, finished: "done", evaluation: { rows: 5 } });
    expect(end.result.state).toEqual(whole.result.state);
  });

  it("on request during an evaluation waits for no further step", async () => {
    const stop = new AbortController();
    const base = await trainerFor("dpo", { model, evaluation: true });
    const evaluation = base.evaluation!;
    const trainer: Trainer<unknown> = {
      ...base,
      evaluation: { ...evaluation, load: (at) => (stop.abort(), evaluation.load(at)) },
    };
    const steps: number[] = [];
    const result = await fitToEnd(trainer, {
      backend,
      maxSteps: 6,
      evalSteps: 2,
      signal: stop.signal,
      onStep: (r) => steps.push(r.step),
    });
    expect(steps).toEqual([1, 2]);
    expect(result.finished).toBe("interrupted");
  });

  it("refuses a metric that the evaluation does not have before the first step, and names those that it has", async () => {
    const trainer = await trainerFor("dpo", { model, evaluation: true });
    const steps: number[] = [];
    const run = (metric: string) =>
      fitToEnd(trainer, {
        backend,
        maxSteps: 1,
        best: { metric, greaterIsBetter: true },
        onStep: (r) => steps.push(r.step),
      });
    await expect(run("eval_rewards/margin")).rejects.toMatchObject({
      code: "config",
      got: "eval_rewards/margin",
      expected: expect.stringContaining("eval_rewards/accuracies"),
      fix: "did you mean eval_rewards/margins?",
    });
    expect(steps).toEqual([]);
    for (const metric of ["eval_loss", "eval_rewards/margins", "eval_entropy"]) await run(metric);
    expect(steps).toEqual([1, 1, 1]);
  });
});

describe("the start", () => {
  it("shows what was checked", async () => {
    let first: StepReport | undefined;
    await fitToEnd(await trainerFor("dpo", { model }), { backend, maxSteps: 1, onStep: (r) => (first = r) });
    expect(first!.start!.map((c) => c.name)).toEqual([
      "policy equals reference",
      "no reward for chosen answers yet",
      "no reward for rejected answers yet",
      "loss",
      "tokens averaged over",
    ]);
    expect(first!.start!.every((c) => c.holds)).toBe(true);
    expect(first!.start![3]).toMatchObject({ expected: "loss = ln 2 = 0.693147" });
    expect(Number(first!.start![3]!.got)).toBeCloseTo(Math.log(2), 5);
  });

  it("is refused when the reference is not the model that training starts from", async () => {
    const trainer = poisoned(await trainerFor("dpo", { model }), "model.norm.weight", 1.5);
    await expect(fitToEnd(trainer, { backend, maxSteps: 1 })).rejects.toMatchObject({
      code: "invariant",
      where: "step 0: policy equals reference",
      fix: expect.stringContaining("reference"),
    });
  });

  it("is refused when nothing is trained", async () => {
    const base = await trainerFor("sft", { model });
    const masked = examples(4, { completions: 1 }).map((e) => ({
      ...e,
      completions: e.completions.map((c) => ({ ...c, mask: c.tokens.map(() => 0) })),
    }));
    const run = fitToEnd(sft({ policy: base.policy, train: exampleSource(masked) }), {
      backend,
      maxSteps: 1,
    });
    await expect(run).rejects.toMatchObject({
      code: "invariant",
      expected: expect.stringContaining("trainable tokens"),
    });
  });
});

describe("a run gives back all it took", () => {
  const check = async (
    method: Method,
    use: (held: ReturnType<typeof counting>) => Promise<unknown>,
  ): Promise<void> => {
    const held = counting(backend);
    await use(held);
    expect(held.compiled(), method).toBeGreaterThan(0);
    expect([...held.residents]).toEqual([]);
    expect(held.programs()).toBe(0);
  };

  it("when it ends", async () => {
    for (const method of ["sft", "dpo", "kto", "reward"] as const) {
      const trainer = await trainerFor(method, {
        model,
        evaluation: method !== "kto",
        ...(method === "dpo" && { lora: { r: 2 } }),
      });
      await check(method, ({ backend: own }) =>
        fitToEnd(trainer, { backend: own, maxSteps: 3, gradientAccumulationSteps: 2 }),
      );
    }
  });

  it("when its reader goes away in the middle", async () => {
    const trainer = await trainerFor("dpo", { model });
    await check("dpo", async ({ backend: own }) => {
      for await (const report of fit(trainer, { backend: own, maxSteps: 10 })) if (report.step === 2) break;
    });
  });

  it("when a checkpoint is refused", async () => {
    const output = join(folder.path, "refused");
    const trainer = await trainerFor("sft", { model });
    await fitToEnd(trainer, { backend, maxSteps: 1, output, fingerprint: { model: "a" } });
    const held = counting(backend);
    await expect(
      fitToEnd(trainer, {
        backend: held.backend,
        maxSteps: 2,
        output,
        resume: true,
        fingerprint: { model: "b" },
      }),
    ).rejects.toMatchObject({ code: "checkpoint" });
    expect([...held.residents]).toEqual([]);
    expect(held.programs()).toBe(0);
  });
});
