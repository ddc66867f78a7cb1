/**
 * A whole run of a method that learns from its own answers, from a configuration: what `attune train ppo` does, for library
 * users too. Writes what `runTraining` writes. Names no method.
 */
import { existsSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { AttuneError } from "../../../errors.js";
import { openModel } from "../../../models/index.js";
import type { ScheduleSettings } from "../../../optim/index.js";
import type { Backend } from "../../../tensor/index.js";
import { ensureFolder, sha256, sha256File, writeFileAtomic } from "../../../util/files.js";
import { versions } from "../../../util/versions.js";
import { checkpointName, listCheckpoints } from "../../checkpoint.js";
import type { FitOptions } from "../../fit.js";
import type { TrainingEvent, TrainingResult } from "../../job/events.js";
import { fingerprintOf } from "../../job/fingerprint.js";
import { createRecorder, finish, follow } from "../../job/follow-run.js";
import type { FollowedJob } from "../../job/job.js";
import { makeOptimiser } from "../../job/make-optimiser.js";
import { hashModel, openPolicy } from "../../job/open-policy.js";
import { openRunFolder, type RunFolder } from "../../job/run-folder.js";
import { type CriticOptions, readValueHead } from "../critic.js";
import type { RolloutReport } from "../rollout.js";
import { trainOnline } from "../train-online.js";
import {
  guardPrompts,
  type GuardPrompts,
  type OpenGuardOptions,
  type OpenRunGuard,
  watchRun,
} from "./guard.js";
import { type OpenedReward, openRewards, type RewardParts } from "./open-rewards.js";
import { readAnswers, readPrompts } from "./read-prompts.js";
import { readTexts } from "./read-texts.js";
import type { OnlineTrainingConfig } from "./settings.js";

export interface RunOnlineOptions {
  /** Makes the engine, e.g. `ortBackend`. It is closed when the run ends. */
  readonly openBackend: (options: { threads?: number; frozenWeights?: "float32" | "int8" }) => Backend;
  /** Called with everything that happens; what it throws ends the run. */
  readonly onEvent?: (event: TrainingEvent) => void;
  /** Makes what watches the run, where its settings ask for a guard. */
  readonly openGuard: OpenRunGuard;
  /** Stops the run: an update in hand is finished, a rollout in hand is given up, and a checkpoint written. */
  readonly signal?: AbortSignal;
}

/**
 * Trains as the configuration says and leaves in the output folder what `runTraining` leaves; with `log_completions` also
 * `answers/rollout-N.jsonl`.
 *
 * @throws AttuneError of every code; what was learned before a reward failed is in the newest checkpoint
 */
export async function runOnlineTraining(
  config: OnlineTrainingConfig,
  options: RunOnlineOptions,
): Promise<TrainingResult> {
  const { settings: s, method } = config;
  const output = s.output ?? join("runs", `${method}-${basename(resolve(s.model)).replace(/@.*/, "")}`);
  config.resolved["output"] = output;
  const folder = await openRunFolder(output, { resume: s.resume });
  const backend = options.openBackend({
    ...(s.threads !== undefined && { threads: s.threads }),
    frozenWeights: s.load_in_8bit ? "int8" : "float32",
  });
  const opened: OpenedReward[] = [];
  try {
    const policy = await openPolicy({ settings: s, entry: { head: undefined } });
    const open = async (
      specs: readonly string[] | undefined,
      how: Partial<RewardParts> = {},
    ): Promise<OpenedReward | undefined> => {
      if (specs === undefined) return undefined;
      const { tokenizer } = policy;
      const [timeoutSeconds, retries] = [s.reward_timeout, s.reward_retries];
      const plain = { combine: "sum", normalise: false, partClip: 0, centreOn: [] } as const;
      const reward = await openRewards({
        ...plain,
        specs,
        backend,
        tokenizer,
        timeoutSeconds,
        retries,
        ...how,
      });
      opened.push(reward);
      return reward;
    };
    const reward = await open(s.reward, {
      combine: s.reward_combine,
      normalise: s.normalize_reward,
      partClip: s.reward_part_clip,
      centreOn: s.centre_reward_on === undefined ? [] : await readAnswers(s.centre_reward_on),
    });
    const watched =
      s.guard === "off" || !judged(s)
        ? undefined
        : { heldOut: await open(s.held_out_reward), ensemble: await open(s.guard_ensemble) };
    return await train(config, { ...options, folder, backend, reward, watched, opened: policy });
  } catch (error) {
    await folder.abandon();
    throw error;
  } finally {
    for (const reward of opened) await reward.close();
    await backend.close();
  }
}

interface Parts extends RunOnlineOptions {
  folder: RunFolder;
  backend: Backend;
  reward: OpenedReward | undefined;
  /** What the guard judges by; undefined: no guard. */
  watched: Pick<OpenGuardOptions, "heldOut" | "ensemble"> | undefined;
  opened: FollowedJob["opened"];
}

async function train(config: OnlineTrainingConfig, p: Parts): Promise<TrainingResult> {
  const { settings: s, method, own, resolved } = config;
  const { folder, backend, opened, signal, onEvent: emit = () => undefined } = p;
  const optimizer = makeOptimiser(s, opened.policy);
  emit({
    kind: "model",
    path: s.model,
    family: opened.opened.model.config.family,
    mode: opened.mode,
    reason: opened.modeReason,
    parameters: opened.parameters,
    trainable: opened.trainable,
  });
  const data = await readPrompts(config, { folder: folder.path, signal });
  data.notes.forEach((text) => emit({ kind: "note", text }));
  const asked = p.watched
    ? guardPrompts(data.prompts, { count: s.guard_prompts, seed: s.seed })
    : { train: data.prompts, looked: [], shared: true };
  const watching =
    p.watched &&
    (await watchRun({
      ...p.watched,
      open: p.openGuard,
      config,
      output: folder.path,
      resumedStep: folder.resumedStep,
      policy: opened.policy,
      reward: p.reward,
      prompts: asked.looked,
      say: (text) => emit({ kind: "note", text }),
    }));
  if (watching) emit({ kind: "note", text: guardNote(asked, p.watched!) });
  const { hash: model, files } = await hashModel(opened);
  const critic = await openCritic(s);
  const mix =
    s.ptx_data === undefined
      ? undefined
      : await readTexts(s.ptx_data, { tokenizer: opened.tokenizer, limit: s.max_rows });
  if (mix) emit({ kind: "note", text: mix.note });
  const hashes = {
    model,
    data: data.hash,
    reward: p.reward?.hash ?? "none",
    // Set aside from what is learned.
    "guard prompts": asked.shared ? "none" : sha256(asked.looked.map(({ id }) => id).join("\n")),
    ...(critic && { critic: critic.hash }),
    ...(mix && { pretraining: mix.hash }),
  };
  const record = {
    status: "running",
    method,
    versions: versions(),
    started: new Date().toISOString(),
    seeds: { seed: s.seed },
    model: {
      named: s.model,
      mode: opened.mode,
      parameters: opened.parameters,
      trainable: opened.trainable,
      sha256: model,
      files,
    },
    data: { sha256: data.hash, ...data.counts, prompts: data.prompts.length },
    reward: { named: s.reward ?? [], sha256: hashes.reward },
    config: resolved,
  };
  const job: FollowedJob = {
    config: {
      method,
      settings: { model: s.model, logging_steps: s.logging_steps, load_best_model_at_end: false },
      entry: { accuracy: undefined },
      resolved,
    },
    folder,
    opened,
    record,
    emit,
    ...(watching && { guard: watching.guard }),
  };
  emit({
    kind: "start",
    output: folder.path,
    resumedStep: folder.resumedStep,
    lossType: own.loss_type ?? method,
    reference: opened.mode === "lora" ? "adapter-off" : "frozen-copy",
  });
  const recorder = createRecorder(job);
  const reports = trainOnline({
    backend,
    method,
    policy: opened.policy,
    tokenizer: opened.tokenizer,
    prompts: asked.train,
    ...(p.reward && { reward: p.reward.reward }),
    settings: own,
    ...(critic && { critic: critic.options }),
    ...(mix && { pretraining: mix.texts }),
    ...(watching && { watch: watching.watch }),
    onRollout: async (report) => {
      if (s.log_completions) await writeAnswers(folder.path, report);
      emit({ kind: "rollout", report });
    },
    fit: {
      ...fitOptions(config, { folder, signal }),
      optimizer,
      fingerprint: fingerprintOf(resolved, hashes),
      onStart: (checks) => emit({ kind: "checks", title: "before the first step", checks }),
      beforeCheckpoint: (report) => recorder.note(report, { beforeCheckpoint: true }),
    },
  });
  try {
    return await finish(job, await follow(job, { recorder, reports }));
  } catch (error) {
    const newest = listCheckpoints(folder.path).at(-1);
    const asked = error instanceof AttuneError && error.code === "interrupted" && signal?.aborted === true;
    if (!asked || newest === undefined) throw error;
    await folder.write("run.json", { ...record, status: "interrupted", ended: new Date().toISOString() });
    return {
      finished: "interrupted",
      already: undefined,
      output: folder.path,
      steps: newest,
      model: undefined,
      checkpoint: join(folder.path, checkpointName(newest)),
      best: null,
      evaluation: undefined,
      guard: watching?.guard.verdict(),
      resume: `attune train ${method} --config ${join(folder.path, "config.json")} --resume`,
    };
  }
}

type Settings = OnlineTrainingConfig["settings"];

/** A run without a reward (SPIN's) is looked at only where something is to judge the looks. */
const judged = (s: Settings): boolean =>
  [s.reward, s.held_out_reward, s.guard_ensemble].some((specs) => specs !== undefined);
type OnlineFit = Omit<FitOptions, "backend" | "epochs" | "gradientAccumulationSteps" | "lossNormalisation">;

function fitOptions(
  { settings: s }: OnlineTrainingConfig,
  { folder, signal }: { folder: RunFolder; signal: AbortSignal | undefined },
): OnlineFit {
  return {
    ...(s.max_steps !== undefined && { maxSteps: s.max_steps }),
    learningRate: s.learning_rate,
    schedule: s.lr_scheduler_type,
    scheduleSettings: s.lr_scheduler_kwargs as ScheduleSettings,
    // A ratio of 1 means all steps, which a bare 1 would not.
    warmup: s.warmup_steps ?? Math.min(s.warmup_ratio ?? 0, 1 - 1e-12),
    recompute: s.gradient_checkpointing ? "layers" : "attention",
    detailSteps: s.detail_steps,
    output: folder.path,
    saveSteps: s.save_steps,
    saveTotalLimit: s.save_total_limit,
    resume: folder.resume ?? false,
    ...(signal && { signal }),
  };
}

function guardNote(
  { looked, shared }: GuardPrompts,
  { heldOut, ensemble }: NonNullable<Parts["watched"]>,
): string {
  const whose = shared ? "also trained on, because the data has too few" : "set aside";
  const by = heldOut ? "a held-out reward" : ensemble ? "the lower bound of an ensemble" : undefined;
  const what = by ? `judged by ${by}` : "hints only: --held-out-reward or --guard-ensemble would tell more";
  return `guard: looks at ${looked.length} prompts, ${whose}; ${what}`;
}

/** Undefined: a head of zeros on the policy's own body. */
async function openCritic(s: Settings): Promise<{ options: CriticOptions; hash: string } | undefined> {
  if (s.critic_model === undefined && s.value_head === undefined) return undefined;
  if (s.value_head !== undefined && !existsSync(s.value_head)) {
    throw new AttuneError("io", { where: s.value_head, expected: "a safetensors file", got: "no such file" });
  }
  const model = s.critic_model === undefined ? undefined : await openModel(s.critic_model);
  const files = new Set([...(model?.model.tensors.values() ?? [])].map(({ file }) => file));
  if (s.value_head !== undefined) files.add(s.value_head);
  const hashes = await Promise.all([...files].map((file) => sha256File(file)));
  const head = s.value_head === undefined ? undefined : readValueHead(s.value_head);
  return { options: { ...(model && { model }), ...(head && { head }) }, hash: hashes.join(" ") };
}

/** One file a rollout, so that a run that makes it again after a kill has it once. */
async function writeAnswers(folder: string, report: RolloutReport): Promise<void> {
  await ensureFolder(join(folder, "answers"));
  const lines = report.texts.map((answer, i) =>
    JSON.stringify({
      prompt: report.prompts[i]!.prompt,
      answer,
      reward: report.rewards[i],
      ...Object.fromEntries(Object.entries(report.components).map(([name, list]) => [name, list[i]])),
      kl: report.kl[i],
      tokens: report.lengths[i],
      ended: report.ended[i],
    }),
  );
  const name = `rollout-${String(report.rollout).padStart(5, "0")}.jsonl`;
  await writeFileAtomic(join(folder, "answers", name), `${lines.join("\n")}\n`);
}
