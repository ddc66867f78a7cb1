/**
 * The recorded reinforcement-learning runs of golden/runs, replayed through `trainOnline`: the recorded answers come out of a
 * sampler, the recorded rewards out of a reward; log-probabilities, advantages, losses, clips and updates are ours. All steps in
 * float32 on ONNX Runtime; in float64 on the reference backend the first of grpo_dapo and ppo (grpo goes the same way and
 * would cost as long again), held to float32's precision, because a rollout's numbers are kept as float32.
 *
 * trl logs kl, entropy and clip shares as means over micro-batches of their own means; ours are over the whole step, so
 * these are not compared. Rewards, lengths, losses, gradient norms, log-probabilities and final parameters are.
 */
import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ortBackend, referenceBackend } from "../../src/backends/index.js";
import { openModel } from "../../src/models/index.js";
import { adamw, chain, clipByGlobalNorm, type ScheduleName } from "../../src/optim/index.js";
import { functionReward } from "../../src/rewards/index.js";
import type { Backend } from "../../src/tensor/index.js";
import { loadTokenizer } from "../../src/text/index.js";
import {
  createPolicy,
  type FitResult,
  type OnlineMethodName,
  type OnlineSettings,
  readValueHead,
  type RolloutReport,
  type StepReport,
  trainOnline,
} from "../../src/train/index.js";
import { createRandom } from "../../src/util/random.js";
import { data, golden, missing, readJson } from "../support/shared.js";

interface Answer {
  completion_ids: number[];
  reward: number;
}

interface Group {
  prompt: string;
  prompt_ids: number[];
  completions: Answer[];
}

interface Slice {
  norm: number;
  first_8: number[];
}

interface Step {
  loss: number;
  grad_norm: number;
  metrics: Record<string, number>;
}

interface Expected {
  steps: Step[];
  final_parameters: Record<string, Slice>;
  /** PPO: by rollout and row. */
  rollouts?: { metrics: Record<string, number>; old_logps: number[][]; ref_logps: number[][] }[];
  /** GRPO: by step and micro-batch. */
  derived?: { old_per_token_logps: number[][]; ref_per_token_logps: number[][] }[][];
}

interface Recorded {
  method: OnlineMethodName;
  groups: Group[];
  settings: Partial<OnlineSettings>;
  /** Rows of a rollout's pass in the order they were learned from. */
  order: (at: { rollout: number; pass: number }) => number[];
  options: Record<string, number | boolean | string | string[]>;
  head: string | undefined;
  expected: { float32: Expected; float64: Expected };
}

interface GrpoCase {
  inputs: { rollouts: Group[]; batches: { completion_ids: number[][]; completion_mask: number[][] }[][] };
  options: Record<string, number | boolean | string | string[]>;
  expected: Recorded["expected"];
}

const seed = 42;
const generationSize = 2;

function grpoRun(file: string): Recorded {
  const {
    inputs,
    options: o,
    expected,
  } = readJson<{ cases: GrpoCase[] }>(golden("runs", `${file}.json`)).cases[0]!;
  const num = (name: string): number => o[name] as number;
  const order = ({ rollout, pass }: { rollout: number; pass: number }): number[] => {
    const rows = inputs.rollouts
      .slice(rollout * generationSize, (rollout + 1) * generationSize)
      .flatMap(({ completions }) => completions.map(({ completion_ids: ids }) => ids.join()));
    const step = rollout * num("num_iterations") + pass;
    return inputs.batches[step]!.flatMap(({ completion_ids: ids, completion_mask: mask }) =>
      ids.map((row, r) => rows.indexOf(row.filter((_, t) => mask[r]![t] === 1).join())),
    );
  };
  return {
    method: "grpo",
    groups: inputs.rollouts,
    order,
    options: o,
    head: undefined,
    expected,
    settings: {
      num_generations: num("num_generations"),
      max_completion_length: num("max_completion_length"),
      per_device_train_batch_size: num("per_device_train_batch_size"),
      gradient_accumulation_steps: num("gradient_accumulation_steps"),
      num_iterations: num("num_iterations"),
      beta: num("beta"),
      epsilon: num("epsilon"),
      epsilon_high: num("epsilon_high"),
      scale_rewards: "group",
      loss_type: o["loss_type"] as string,
      loss_options: { biasCorrectedKl: o["use_bias_correction_kl"] as boolean },
    },
  };
}

interface PpoCase {
  inputs: {
    rollouts: { prompt: string; prompt_ids: number[]; completion_ids: number[]; score: number }[][];
    mini_batches: number[][][][];
    value_head_init: string;
  };
  options: Record<string, number | string | string[]>;
  expected: Recorded["expected"];
}

function ppoRun(): Recorded {
  const {
    inputs,
    options: o,
    expected,
  } = readJson<{ cases: PpoCase[] }>(golden("runs", "ppo.json")).cases[0]!;
  const num = (name: string): number => o[name] as number;
  const rows = inputs.rollouts.flat();
  return {
    method: "ppo",
    groups: rows.map(({ score, completion_ids, ...prompt }) => ({
      ...prompt,
      completions: [{ completion_ids, reward: score }],
    })),
    order: ({ rollout, pass }) => inputs.mini_batches[rollout]![pass]!.flat(),
    options: o,
    head: inputs.value_head_init,
    expected,
    settings: {
      max_completion_length: Math.max(...rows.map(({ completion_ids: ids }) => ids.length)),
      per_device_train_batch_size: inputs.rollouts[0]!.length / num("num_mini_batches"),
      num_mini_batches: num("num_mini_batches"),
      num_iterations: num("num_ppo_epochs"),
      kl_coef: num("kl_coef"),
      gamma: num("gamma"),
      lam: num("lam"),
      cliprange: num("cliprange"),
      cliprange_value: num("cliprange_value"),
      vf_coef: num("vf_coef"),
    },
  };
}

interface Replayed {
  steps: StepReport[];
  rollouts: RolloutReport[];
  result: FitResult;
}

/** Names prompts so that the run's own walk over them is the recorded one. */
function walked(groups: readonly Group[]): { id: string; prompt: string; group: Group }[] {
  const places = createRandom(seed, { stream: "prompts/0" }).shuffle(groups.map((_, i) => i));
  const rows: { id: string; prompt: string; group: Group }[] = [];
  places.forEach((source, at) => {
    rows[source] = { id: `group ${at}`, prompt: groups[at]!.prompt, group: groups[at]! };
  });
  return rows;
}

async function replay(run: Recorded, backend: Backend, maxSteps?: number): Promise<Replayed> {
  const model = data("stories260K");
  const o = run.options;
  const num = (name: string): number => o[name] as number;
  const rows = walked(run.groups);
  const groupOf = (id: string): Group =>
    rows.find((row) => id === row.id || id.endsWith(`:${row.id}`))!.group;
  const still = (o["no_weight_decay"] ?? []) as string[];
  const steps: StepReport[] = [];
  const rollouts: RolloutReport[] = [];
  const reports = trainOnline({
    backend,
    method: run.method,
    policy: createPolicy(await openModel(model)),
    tokenizer: await loadTokenizer(model),
    prompts: rows.map(({ id, prompt }) => ({ id, prompt })),
    sampler: ({ prompts }) =>
      Promise.resolve(
        prompts.flatMap(({ id, tokens }) => {
          expect(tokens).toEqual(groupOf(id).prompt_ids);
          return groupOf(id).completions.map(({ completion_ids: ids }) => ({
            tokens: ids,
            logProbs: [],
            ended: ids.at(-1) === 2,
          }));
        }),
      ),
    reward: functionReward("given", (items) =>
      items.map(({ id }) => {
        const [, name, sample] = /^(.*)#(\d+)$/.exec(id)!;
        return groupOf(name!).completions[Number(sample)]!.reward;
      }),
    ),
    order: run.order,
    settings: { ...run.settings, seed },
    ...(run.head !== undefined && { critic: { head: readValueHead(golden("runs", run.head)) } }),
    onRollout: (report) => void rollouts.push(report),
    fit: {
      ...(maxSteps !== undefined && { maxSteps }),
      learningRate: num("learning_rate"),
      schedule: o["lr_scheduler_type"] as ScheduleName,
      optimizer: chain(
        clipByGlobalNorm(num("max_grad_norm")),
        adamw({
          beta1: num("adam_beta1"),
          beta2: num("adam_beta2"),
          eps: num("adam_epsilon"),
          weightDecay: num("weight_decay"),
          decay: (name) => !still.includes(name),
        }),
      ),
      detailSteps: 1,
    },
  });
  for (;;) {
    const next = await reports.next();
    if (next.done) return { steps, rollouts, result: next.value };
    steps.push(next.value);
  }
}

const close = (got: number, wanted: number, within: number, what: string): void =>
  expect(Math.abs(got - wanted), `${what}: ${got} for ${wanted}`).toBeLessThanOrEqual(
    within * Math.max(1, Math.abs(wanted)),
  );

const total = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);

/** Metrics that mean the same on both sides, by trl's name (PPO: by the script's). */
const compared: Readonly<Record<OnlineMethodName | string, Readonly<Record<string, string>>>> = {
  grpo: Object.fromEntries(
    [
      "reward",
      "frac_reward_zero_std",
      "completions/mean_length",
      "completions/min_length",
      "completions/max_length",
      "completions/clipped_ratio",
      "completions/mean_terminated_length",
    ].map((name) => [name, name]),
  ),
  ppo: { policy_loss: "policy_loss", value_loss: "value_loss", ratio: "val/ratio", entropy: "entropy" },
};

function checkSteps(run: Recorded, { steps }: Replayed, expected: Expected, within: number): void {
  steps.forEach(({ metrics }, i) => {
    const wanted = expected.steps[i]!;
    close(metrics["loss"]!, wanted.loss, within, `step ${i + 1}: loss`);
    close(metrics["grad_norm"]!, wanted.grad_norm, within, `step ${i + 1}: grad_norm`);
    for (const [theirs, ours] of Object.entries(compared[run.method]!))
      if (wanted.metrics[theirs] !== undefined && metrics[ours] !== undefined)
        close(metrics[ours], wanted.metrics[theirs], within * 2, `step ${i + 1}: ${theirs}`);
  });
}

/** Log-probabilities of every answer when it was sampled, from what the rollout reports: sums over its tokens. */
function checkRollouts(run: Recorded, { rollouts }: Replayed, expected: Expected, within: number): void {
  rollouts.forEach(({ entropies, kl, metrics }, r) => {
    if (expected.rollouts) {
      const { old_logps: old, ref_logps: ref, metrics: wanted } = expected.rollouts[r]!;
      old.forEach((row, i) => {
        close(-entropies[i]!, total(row), within, `rollout ${r}, row ${i}: old_logps`);
        close(kl[i]!, total(row) - total(ref[i]!), within, `rollout ${r}, row ${i}: KL`);
      });
      for (const name of ["objective/kl", "objective/scores", "objective/rlhf_reward"])
        close(metrics[name]!, wanted[name]!, within, `rollout ${r}: ${name}`);
    }
    if (expected.derived) {
      const step = r * (run.settings.num_iterations ?? 1);
      const micro = expected.derived[step]!;
      const [old, ref] = (["old_per_token_logps", "ref_per_token_logps"] as const).map((name) =>
        micro.flatMap((each) => each[name].map(total)),
      ) as [number[], number[]];
      run.order({ rollout: r, pass: 0 }).forEach((row, at) => {
        close(-entropies[row]!, old[at]!, within, `rollout ${r}, row ${row}: old_per_token_logps`);
        close(kl[row]!, old[at]! - ref[at]!, within, `rollout ${r}, row ${row}: KL`);
      });
    }
  });
}

function checkParameters({ result }: Replayed, expected: Expected, within: number): void {
  for (const [name, { norm, first_8: first }] of Object.entries(expected.final_parameters)) {
    const values = result.parameters.get(name)!;
    close(Math.hypot(...values), norm, within, `${name}: norm`);
    first.forEach((x, i) => close(values[i]!, x, within, `${name}[${i}]`));
  }
}

const absent = missing(golden("runs", "ppo.json")) ?? missing(data("stories260K"));
if (absent !== undefined) process.stderr.write(`skipped: ${absent}\n`);

describe.skipIf(absent !== undefined)(`recorded RL runs${absent ? ` (${absent})` : ""}`, () => {
  const files = absent
    ? []
    : readdirSync(golden("runs")).flatMap((name) => /^(grpo.*|ppo)\.json$/.exec(name)?.[1] ?? []);
  const read = (name: string): Recorded => (name === "ppo" ? ppoRun() : grpoRun(name));
  it.each(files)(
    "%s: all steps in float32",
    async (name) => {
      const run = read(name);
      const backend = ortBackend({ threads: 1 });
      const replayed = await replay(run, backend);
      await backend.close();
      expect(replayed.steps).toHaveLength(run.expected.float64.steps.length);
      checkSteps(run, replayed, run.expected.float64, 1e-4);
      // A difference of two sums of log-probabilities, behind several updates at a high rate.
      checkRollouts(run, replayed, run.expected.float64, 5e-4);
      checkParameters(replayed, run.expected.float64, 2e-5);
    },
    300_000,
  );

  // One of GRPO's is enough: the slow backend takes its time.
  const slow = [...files.filter((name) => name !== "ppo").slice(-1), "ppo"];
  it.each(slow.map((name) => [name, name === "ppo" ? 2 : 1] as const))(
    "%s: the first %d of its steps in float64",
    async (name, steps) => {
      const run = read(name);
      const replayed = await replay(run, referenceBackend(), steps);
      checkSteps(run, replayed, run.expected.float64, 1e-5);
      checkRollouts(run, replayed, run.expected.float64, 1e-5);
    },
    300_000,
  );
});
