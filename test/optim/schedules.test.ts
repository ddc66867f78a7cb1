/** Schedules give transformers' rates at every step, and refuse settings that do not fit. */
import { describe, expect, it } from "vitest";

import {
  schedule,
  SCHEDULE_NAMES,
  type ScheduleName,
  type ScheduleSettings,
  warmupSteps,
} from "../../src/optim/index.js";
import { golden, missing, readJson } from "../support/shared.js";

interface ScheduleCase {
  name: string;
  inputs: { learning_rate: number; num_training_steps: number | number[] };
  options: {
    lr_scheduler_type?: ScheduleName;
    warmup_steps: number | number[];
    lr_scheduler_kwargs?: ScheduleSettings;
  };
  expected: { num_warmup_steps: number | number[][]; lr?: number[] };
}

const file = golden("losses", "schedules.json");
const reason = missing(file);

describe.skipIf(reason !== undefined)(`schedules${reason === undefined ? "" : `: ${reason}`}`, () => {
  const { cases } = reason === undefined ? readJson<{ cases: ScheduleCase[] }>(file) : { cases: [] };
  it.each(cases)("$name agrees", ({ inputs, options, expected }) => {
    const { lr_scheduler_type: name, warmup_steps: given, lr_scheduler_kwargs: settings = {} } = options;
    if (name === undefined) {
      const table = (inputs.num_training_steps as number[]).map((total) =>
        (given as number[]).map((w) => warmupSteps(w, { total })),
      );
      expect(table).toEqual(expected.num_warmup_steps);
      return;
    }
    const total = inputs.num_training_steps as number;
    const warmup = warmupSteps(given as number, { total });
    expect(warmup).toBe(expected.num_warmup_steps);
    const factor = schedule(name, { warmup, total, learningRate: inputs.learning_rate, settings });
    expected.lr!.forEach((want, t) => {
      const got = inputs.learning_rate * factor(t);
      expect(Math.abs(got - want), `step ${t}: ${got} for ${want}`).toBeLessThanOrEqual(
        1e-12 * Math.abs(want) + 1e-20,
      );
    });
  });
});

describe("schedules refuse", () => {
  const run = { warmup: 0, total: 10, learningRate: 1e-4 };
  it("an unknown name, listing the known ones", () => {
    expect(() => schedule("cosin" as ScheduleName, { ...run, settings: {} })).toThrow(
      SCHEDULE_NAMES.join(" | "),
    );
  });
  it("a cosine with a floor given twice or not at all", () => {
    expect(() => schedule("cosine_with_min_lr", { ...run, settings: {} })).toThrow("neither");
    expect(() =>
      schedule("cosine_with_min_lr", { ...run, settings: { min_lr: 1e-5, min_lr_rate: 0.1 } }),
    ).toThrow("both");
  });
  it("a polynomial that ends above its start", () => {
    expect(() => schedule("polynomial", { ...run, settings: { lr_end: 1e-3 } })).toThrow("lr_end below");
  });
  it("a stable phase without the length of its decay", () => {
    expect(() => schedule("warmup_stable_decay", { ...run, settings: {} })).toThrow("num_decay_steps");
  });
});
