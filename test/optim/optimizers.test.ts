/** Optimisers follow the golden traces of PyTorch, transformers and the papers, as one compiled graph on float64. */
import { describe, expect, it } from "vitest";

import { referenceBackend } from "../../src/backends/index.js";
import {
  adafactor,
  adam,
  adamw,
  chain,
  clipByGlobalNorm,
  type DecayMask,
  ema,
  lion,
  optimizerGraph,
  referenceSync,
  rmsprop,
  sgd,
  type Transform,
} from "../../src/optim/index.js";
import type { HostTensor, Resident, Shape } from "../../src/tensor/index.js";
import { golden, missing, readJson } from "../support/shared.js";

type Nested = number | readonly Nested[];
type ByName = Record<string, Nested>;
interface TraceCase {
  name: string;
  inputs: { params: ByName; grads: ByName };
  options: Record<string, number | boolean | null | number[]>;
  expected: {
    params: ByName;
    grad_norm?: number[];
    ema?: ByName;
    ref_params?: ByName;
    final_state?: Record<string, ByName>;
  };
}

const flat = (x: Nested): number[] => (typeof x === "number" ? [x] : x.flatMap(flat));
const shapeOf = (x: Nested): number[] => (typeof x === "number" ? [] : [x.length, ...shapeOf(x[0] ?? 0)]);

/** The traces decay only `weight`. */
const decay: DecayMask = (name) => name === "weight";

function transformOf({ name, options }: TraceCase): Transform | undefined {
  const number = (key: string): number => options[key] as number;
  const flag = (key: string): boolean => options[key] as boolean;
  const weightDecay = number("weight_decay");
  const betas = { beta1: number("beta1"), beta2: number("beta2") };
  if (name === "adamw_scheduled_clipped") {
    return chain(
      clipByGlobalNorm(number("max_norm")),
      adamw({ ...betas, eps: number("eps"), weightDecay, decay }),
    );
  }
  if (name.startsWith("adamw")) return adamw({ ...betas, eps: number("eps"), weightDecay, decay });
  if (name.startsWith("adafactor")) {
    const [eps1, eps2] = options["eps"] as number[];
    return adafactor({
      eps1,
      eps2,
      clipThreshold: number("clip_threshold"),
      decayRate: number("decay_rate"),
      beta1: (options["beta1"] as number | null) ?? undefined,
      scaleParameter: flag("scale_parameter"),
      relativeStep: flag("relative_step"),
      warmupInit: flag("warmup_init"),
      weightDecay,
      decay,
    });
  }
  if (name.startsWith("adam"))
    return adam({ ...betas, eps: number("eps"), weightDecay, decay, amsgrad: name === "adam_amsgrad" });
  if (name.startsWith("sgd")) {
    return sgd({
      momentum: number("momentum"),
      nesterov: flag("nesterov"),
      dampening: number("dampening"),
      weightDecay,
      decay,
    });
  }
  if (name.startsWith("rmsprop")) {
    const rest = {
      alpha: number("alpha"),
      eps: number("eps"),
      centered: flag("centered"),
      weightDecay,
      decay,
    };
    return rmsprop({ momentum: number("momentum"), ...rest });
  }
  if (name.startsWith("lion")) return lion({ ...betas, weightDecay, decay });
  if (name.startsWith("clip")) return chain(clipByGlobalNorm(number("max_norm")), sgd());
  if (name.startsWith("ema")) return chain(sgd(), ema({ decay: number("decay") }));
  if (name === "reference_sync") {
    return chain(
      sgd(),
      referenceSync({ alpha: number("ref_model_mixup_alpha"), steps: number("ref_model_sync_steps") }),
    );
  }
  return undefined;
}

interface Trace {
  /** Every output that a resident holds, by its name in the graph, one array a step. */
  values: Record<string, number[][]>;
  gradNorm: number[];
}

/** Runs a transformation for some steps, state kept in the backend. */
async function trace(
  transform: Transform,
  run: { params: ByName; grads: ByName; lr: (step: number) => number; steps: number },
): Promise<Trace> {
  const shapes: Record<string, Shape> = Object.fromEntries(
    Object.entries(run.params).map(([name, p]) => [name, shapeOf(p)]),
  );
  const { graph, state, scalars } = optimizerGraph(transform, shapes);
  const backend = referenceBackend();
  const host = (shape: Shape, data: readonly number[]): HostTensor => ({
    shape,
    dtype: "float32",
    data: Float64Array.from(data),
  });
  const upload = (name: string): Promise<Resident> =>
    backend.upload(host(shapes[name]!, flat(run.params[name]!)));
  const held: Record<string, Resident> = {};
  for (const name of Object.keys(shapes)) held[`param:${name}`] = await upload(name);
  for (const [name, { shape, start }] of Object.entries(state)) {
    held[name] =
      start === "zeros" ? await backend.zeros({ shape, dtype: "float32" }) : await upload(start.copyOf);
  }
  const program = await backend.compile(graph);
  const values: Record<string, number[][]> = {};
  const gradNorm: number[] = [];
  for (let t = 0; t < run.steps; t++) {
    const feeds: Record<string, HostTensor | Resident> = { ...held };
    for (const [name, g] of Object.entries(run.grads))
      feeds[`grad:${name}`] = host(shapes[name]!, flat((g as Nested[])[t]!));
    for (const [name, x] of Object.entries(scalars({ step: t + 1, lr: run.lr(t) })))
      feeds[name] = host([], [x]);
    const out = await program.run(feeds, { into: held });
    gradNorm.push(out["grad_norm"]!.data[0]!);
    for (const [name, resident] of Object.entries(held)) {
      (values[name] ??= []).push([...(await backend.download(resident)).data]);
    }
  }
  await backend.close();
  return { values, gradNorm };
}

function expectClose(got: readonly number[], want: readonly number[], what: string): void {
  expect(got.length, what).toBe(want.length);
  want.forEach((w, i) => {
    expect(Math.abs(got[i]! - w), `${what}[${i}]: ${got[i]} for ${w}`).toBeLessThanOrEqual(
      1e-10 * Math.abs(w) + 1e-14,
    );
  });
}

/** Our state is scaled (see each optimiser); these factors give the oracle's. */
function stateFactor(buffer: string, { name, options }: TraceCase): { key: string; factor: number } {
  const prefix = name === "adamw_scheduled_clipped" ? "adamw/" : "";
  const one = (key: string): number => 1 - (options[key] as number);
  if (name.startsWith("adafactor")) return { key: prefix + buffer, factor: 1 };
  if (buffer === "exp_avg" && name.startsWith("lion")) return { key: "momentum", factor: one("beta2") };
  if (buffer === "exp_avg") return { key: prefix + buffer, factor: one("beta1") };
  if (buffer.endsWith("exp_avg_sq") || buffer === "max_exp_avg_sqs")
    return { key: prefix + buffer.replace(/sqs$/, "sq"), factor: one("beta2") };
  if (buffer === "square_avg" || buffer === "grad_avg") return { key: buffer, factor: one("alpha") };
  if (buffer === "momentum_buffer")
    return { key: "momentum", factor: name.startsWith("rmsprop") ? Math.sqrt(one("alpha")) ** -1 : 1 };
  throw new Error(`${name}: no counterpart of ${buffer}`);
}

const file = golden("losses", "optimizers.json");
const reason = missing(file);

describe.skipIf(reason !== undefined)(`optimisers${reason === undefined ? "" : `: ${reason}`}`, () => {
  const { cases } = reason === undefined ? readJson<{ cases: TraceCase[] }>(file) : { cases: [] };

  it.each(cases)("$name follows its trace", async (c) => {
    const { inputs, options, expected } = c;
    const transform = transformOf(c);
    if (transform === undefined) throw new Error(`${c.name}: not handled`);
    const steps = (Object.values(inputs.grads)[0] as Nested[]).length;
    const rates = options["lr_per_step"] as number[] | undefined;
    const lr = (step: number): number => rates?.[step] ?? (options["lr"] as number | null) ?? 0;
    const { values, gradNorm } = await trace(transform, { ...inputs, lr, steps });
    const compare = (prefix: string, want: ByName): void => {
      for (const [name, byStep] of Object.entries(want)) {
        expectClose(values[`${prefix}${name}`]!.flat(), flat(byStep), `${prefix}${name}`);
      }
    };
    compare("param:", expected.params);
    if (expected.ema) compare("state:ema/average/", expected.ema);
    if (expected.ref_params) compare("state:reference-sync/reference/", expected.ref_params);
    if (expected.grad_norm) expectClose(gradNorm, expected.grad_norm, "grad_norm");
    for (const [name, byBuffer] of Object.entries(expected.final_state ?? {})) {
      for (const [buffer, want] of Object.entries(byBuffer)) {
        const { key, factor } = stateFactor(buffer, c);
        expectClose(
          values[`state:${key}/${name}`]!.at(-1)!.map((x) => x * factor),
          flat(want),
          `${buffer} of ${name}`,
        );
      }
    }
  });
});
