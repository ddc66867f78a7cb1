/** How a step is cut into micro-batches, rows and graphs does not change what it computes. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ortBackend, referenceBackend } from "../../src/backends/index.js";
import { fitToEnd, type FitResult, StepPrograms, uploadParameters } from "../../src/train/index.js";
import { sgd } from "../../src/optim/index.js";
import { distance, type Method, scratch, type Setup, trainerFor, writeTinyModel } from "./setup.js";

const backends = { reference: referenceBackend(), ort: ortBackend({ threads: 1 }) };
const folder = scratch();
let model: string;
beforeAll(async () => {
  model = await writeTinyModel(folder.path);
});
afterAll(async () => {
  for (const backend of Object.values(backends)) await backend.close();
  folder.remove();
});

describe("accumulation", () => {
  for (const [kind, backend] of Object.entries(backends)) {
    const tolerance = kind === "reference" ? 1e-6 : 2e-5;
    for (const method of ["sft", "reward", "dpo", "orpo", "simpo"] as const) {
      it(`8 micro-batches of one row equal one of 8, for ${method} on ${kind}`, async () => {
        // Plain gradient steps: the first of Adam divides by the gradient's own size and would blow rounding up.
        const run = async (
          perDeviceBatchSize: number,
          gradientAccumulationSteps: number,
        ): Promise<{ result: FitResult; losses: number[] }> => {
          const trainer = await trainerFor(method, { model, count: 8, perDeviceBatchSize, shuffle: false });
          const losses: number[] = [];
          const result = await fitToEnd(trainer, {
            backend,
            maxSteps: 3,
            gradientAccumulationSteps,
            learningRate: 0.05,
            optimizer: sgd(),
            onStep: (r) => losses.push(r.metrics["loss"]!),
          });
          return { result, losses };
        };
        const whole = await run(8, 1);
        const cut = await run(1, 8);
        expect(distance(whole.result.parameters, cut.result.parameters)).toBeLessThan(tolerance);
        cut.losses.forEach((x, i) => expect(Math.abs(x / whole.losses[i]! - 1)).toBeLessThan(tolerance));
        expect(whole.losses[2]).not.toBe(whole.losses[0]);
      });
    }
  }

  it("a mean over each micro-batch's own tokens is something else, for ragged rows", async () => {
    const losses = await Promise.all(
      (["step", "micro-batch"] as const).map(async (lossNormalisation) => {
        const trainer = await trainerFor("sft", { model, count: 8, perDeviceBatchSize: 1, shuffle: false });
        let loss = 0;
        const onStep = (r: { metrics: Record<string, number> }): void => void (loss = r.metrics["loss"]!);
        await fitToEnd(trainer, {
          backend: backends.ort,
          maxSteps: 1,
          gradientAccumulationSteps: 8,
          lossNormalisation,
          onStep,
        });
        return loss;
      }),
    );
    expect(Math.abs(losses[0]! - losses[1]!)).toBeGreaterThan(1e-3);
  });

  it("the evaluation does not depend on how the held-out rows are cut", async () => {
    for (const method of ["sft", "dpo", "orpo"] as const) {
      const reports = [];
      for (const perDeviceBatchSize of [1, 2, 5]) {
        const trainer = await trainerFor(method, { model, perDeviceBatchSize, evaluation: true });
        const reports_: Record<string, number>[] = [];
        await fitToEnd(trainer, {
          backend: backends.ort,
          maxSteps: 1,
          learningRate: 0,
          onStep: (r) => reports_.push(r.evaluation!.metrics),
        });
        reports.push(reports_[0]!);
      }
      for (const other of reports.slice(1)) {
        for (const [name, x] of Object.entries(reports[0]!)) {
          if (name !== "eval_runtime")
            expect(Math.abs(other[name]! - x), name).toBeLessThan(1e-5 * Math.max(1, Math.abs(x)));
        }
      }
    }
  });
});

describe("gradients", () => {
  async function gradientsOf(
    method: Method,
    o: Setup & { recompute: "none" | "attention" | "layers"; kind: keyof typeof backends },
  ) {
    const backend = backends[o.kind];
    const trainer = await trainerFor(method, o);
    const parameters = await uploadParameters(trainer.policy, backend);
    const gradients: typeof parameters = {};
    for (const [name, r] of Object.entries(parameters)) gradients[name] = await backend.zeros(r);
    const programs = new StepPrograms(trainer, backend, parameters, gradients, { recompute: o.recompute });
    const batch = await trainer.train.load({ epoch: 0, index: 0 });
    const { loss } = await programs.gradient({ batch, totals: trainer.counts(batch), detail: false }, "only");
    const values = new Map<string, Float32Array>();
    for (const [name, r] of Object.entries(gradients))
      values.set(name, Float32Array.from((await backend.download(r)).data));
    await programs.release();
    await backend.free([...Object.values(parameters), ...Object.values(gradients)]);
    return { loss, values };
  }

  for (const kind of Object.keys(backends) as (keyof typeof backends)[]) {
    for (const method of ["sft", "dpo", "reward", "kto"] as const) {
      it(`are the same whatever the backward pass makes again, for ${method} on ${kind}`, async () => {
        const lora = method === "dpo" ? { r: 2 } : undefined;
        const setup = { model, kind, ...(lora && { lora }) };
        const none = await gradientsOf(method, { ...setup, recompute: "none" });
        for (const recompute of ["attention", "layers"] as const) {
          const other = await gradientsOf(method, { ...setup, recompute });
          expect(distance(none.values, other.values), recompute).toBeLessThan(
            kind === "reference" ? 1e-7 : 5e-6,
          );
          expect(Math.abs(other.loss - none.loss)).toBeLessThan(1e-6);
        }
      });
    }

    it(`do not depend on whether prompts are shared and rows packed, on ${kind}`, async () => {
      for (const method of ["dpo", "reward"] as const) {
        const shared = await gradientsOf(method, { model, kind, recompute: "attention" });
        const apart = await gradientsOf(method, {
          model,
          kind,
          recompute: "attention",
          layout: { sharePrompt: false, pack: false },
        });
        expect(distance(shared.values, apart.values), method).toBeLessThan(
          kind === "reference" ? 1e-7 : 5e-6,
        );
      }
    });
  }
});
