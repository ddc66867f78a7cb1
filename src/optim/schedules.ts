/**
 * Learning-rate schedules: step -> factor of the base rate, under `transformers`' names and with its arithmetic.
 * Step 0 is the first update, so that a warm-up starts at 0. Knows no optimiser.
 *
 * `reduce_lr_on_plateau` and `greedy` are not here: they depend on the run's own losses.
 */
import { AttuneError } from "../errors.js";

export interface ScheduleOptions {
  /** Steps of warm-up (see `warmupSteps`). */
  warmup: number;
  /** Optimiser steps of the whole run. */
  total: number;
  /** The base rate, for schedules whose end is given as a rate. */
  learningRate: number;
  /** `lr_scheduler_kwargs`, under transformers' names. */
  settings: ScheduleSettings;
}

export interface ScheduleSettings {
  /** cosine: waves (default 0.5, transformers); cosine_with_restarts: restarts (default 1). */
  num_cycles?: number;
  /** polynomial: the last rate (default 1e-7) and the power (default 1). */
  lr_end?: number;
  power?: number;
  /** cosine_with_min_lr and cosine_warmup_with_min_lr: one of the two, a rate or a share of the base rate. */
  min_lr?: number;
  min_lr_rate?: number;
  /** cosine_warmup_with_min_lr: where the warm-up starts, as a share (default: 1 / warm-up steps). */
  warmup_lr_rate?: number;
  /** inverse_sqrt: default the warm-up, or 10,000. */
  timescale?: number;
  /** warmup_stable_decay. */
  num_decay_steps?: number;
  num_stable_steps?: number;
  warmup_type?: Shape;
  decay_type?: Shape;
  min_lr_ratio?: number;
}

type Shape = "linear" | "cosine" | "1-sqrt";
/** Factor of the base rate for the update of this index (0 is the first). */
export type Schedule = (step: number) => number;
type Maker = (options: ScheduleOptions) => Schedule;

const SHAPES: readonly Shape[] = ["linear", "cosine", "1-sqrt"];

function fail(name: string, parts: { expected: string; got: string }): never {
  throw new AttuneError("config", { where: `optim.schedule: ${name}`, ...parts });
}

const warmingUp = (step: number, warmup: number): number => step / Math.max(1, warmup);
const wave = (cycles: number, progress: number): number =>
  0.5 * (1 + Math.cos(Math.PI * cycles * 2 * progress));

/** A linear warm-up from 0, then `after(progress)` with progress from 0 to 1 (and beyond) over the rest. */
const warmedUp =
  ({ warmup, total }: ScheduleOptions, after: (progress: number, step: number) => number): Schedule =>
  (step) =>
    step < warmup ? warmingUp(step, warmup) : after((step - warmup) / Math.max(1, total - warmup), step);

function minRate(name: string, { settings: { min_lr, min_lr_rate }, learningRate }: ScheduleOptions): number {
  if ((min_lr === undefined) === (min_lr_rate === undefined)) {
    fail(name, { expected: "one of min_lr and min_lr_rate", got: min_lr === undefined ? "neither" : "both" });
  }
  return min_lr_rate ?? min_lr! / learningRate;
}

function stableDecay(options: ScheduleOptions): Schedule {
  const { warmup, total, settings } = options;
  const {
    warmup_type = "linear",
    decay_type = "cosine",
    min_lr_ratio = 0,
    num_cycles = 0.5,
    num_decay_steps,
  } = settings;
  if (num_decay_steps === undefined) {
    fail("warmup_stable_decay", { expected: "num_decay_steps", got: "nothing" });
  }
  for (const type of [warmup_type, decay_type]) {
    if (!SHAPES.includes(type))
      fail("warmup_stable_decay", { expected: SHAPES.join(" | "), got: String(type) });
  }
  const stable = settings.num_stable_steps ?? total - warmup - num_decay_steps;
  const rise: Record<Shape, (x: number) => number> = {
    linear: (x) => x,
    cosine: (x) => 0.5 * (1 - Math.cos(Math.PI * x)),
    "1-sqrt": (x) => 1 - Math.sqrt(1 - x),
  };
  const fall: Record<Shape, (x: number) => number> = {
    linear: (x) => 1 - x,
    cosine: (x) => wave(num_cycles, x),
    "1-sqrt": (x) => 1 - Math.sqrt(x),
  };
  const raised = (factor: number): number => Math.max(0, factor * (1 - min_lr_ratio) + min_lr_ratio);
  return (step) => {
    if (step < warmup) return raised(rise[warmup_type](warmingUp(step, warmup)));
    if (step < warmup + stable) return 1;
    const into = step - warmup - stable;
    return into < num_decay_steps
      ? raised(fall[decay_type](into / Math.max(1, num_decay_steps)))
      : min_lr_ratio;
  };
}

const SCHEDULES = {
  constant: () => () => 1,
  constant_with_warmup: (o) => warmedUp(o, () => 1),
  linear: (o) => warmedUp(o, (progress) => Math.max(0, 1 - progress)),
  cosine: (o) => warmedUp(o, (progress) => Math.max(0, wave(o.settings.num_cycles ?? 0.5, progress))),
  cosine_with_restarts: (o) =>
    warmedUp(o, (progress) =>
      progress >= 1 ? 0 : 0.5 * (1 + Math.cos(Math.PI * (((o.settings.num_cycles ?? 1) * progress) % 1))),
    ),
  cosine_with_min_lr: (o) => {
    const floor = minRate("cosine_with_min_lr", o);
    return warmedUp(o, (progress) =>
      Math.max(0, wave(o.settings.num_cycles ?? 0.5, progress) * (1 - floor) + floor),
    );
  },
  cosine_warmup_with_min_lr: (o) => {
    const floor = minRate("cosine_warmup_with_min_lr", o);
    const { warmup, total, settings } = o;
    const start = settings.warmup_lr_rate;
    return (step) => {
      if (step < warmup && start === undefined) return (step + 1) / Math.max(1, warmup);
      if (step < warmup) return start! + ((1 - start!) * step) / Math.max(1, warmup - 1);
      const progress = (step - warmup + 1) / Math.max(1, total - warmup);
      return Math.max(0, wave(settings.num_cycles ?? 0.5, progress) * (1 - floor) + floor);
    };
  },
  polynomial: (o) => {
    const { lr_end = 1e-7, power = 1 } = o.settings;
    if (!(o.learningRate > lr_end)) {
      fail("polynomial", {
        expected: `lr_end below the learning rate ${o.learningRate}`,
        got: String(lr_end),
      });
    }
    const end = lr_end / o.learningRate;
    return warmedUp(o, (progress, step) =>
      step > o.total ? end : (1 - end) * (1 - progress) ** power + end,
    );
  },
  inverse_sqrt: (o) => {
    const timescale = o.settings.timescale ?? (o.warmup || 10_000);
    return warmedUp(o, (_, step) => 1 / Math.sqrt((step + timescale - o.warmup) / timescale));
  },
  warmup_stable_decay: stableDecay,
} as const satisfies Readonly<Record<string, Maker>>;

export type ScheduleName = keyof typeof SCHEDULES;
export const SCHEDULE_NAMES = Object.keys(SCHEDULES) as readonly ScheduleName[];

/**
 * The schedule of a run. Throws `config` for an unknown name or settings that do not fit.
 *
 * @example
 * const factor = schedule("linear", { warmup: 2, total: 4, learningRate: 1e-4, settings: {} });
 * const factors = [0, 1, 2, 3, 4].map(factor);
 * // factors = [0, 0.5, 1, 0.5, 0]
 */
export function schedule(name: ScheduleName, options: ScheduleOptions): Schedule {
  const make: Maker | undefined = SCHEDULES[name];
  if (make === undefined) fail(String(name), { expected: SCHEDULE_NAMES.join(" | "), got: String(name) });
  return make(options);
}

/** transformers' rule: below 1 a share of the run, rounded up; from 1 on, a number of steps (its whole part). */
export function warmupSteps(warmup: number, { total }: { total: number }): number {
  return warmup >= 1 ? Math.trunc(warmup) : Math.ceil(total * warmup);
}
