/** One call from prompts and a reward to a run: `trainOnline`. Reads the table of methods and names none. */
import { AttuneError } from "../../errors.js";
import type { Reward } from "../../rewards/index.js";
import type { Backend } from "../../tensor/index.js";
import type { Tokenizer } from "../../text/index.js";
import { fit, type FitOptions, type FitResult, type StepReport } from "../fit.js";
import type { Policy } from "../policy.js";
import { type CriticOptions, withCritic } from "./critic.js";
import { OnlineRun } from "./online-run.js";
import type { PretrainingText } from "./pretraining-mix.js";
import { encodePrompts, type OnlinePrompt } from "./prompts.js";
import type { OnlineMethodEntry } from "./recipe.js";
import type { RolloutReport } from "./rollout.js";
import type { Sampler } from "./sampler.js";
import { type OnlineSettings, onlineSections, readOnlineSettings } from "./settings.js";
import { ONLINE_METHODS, type OnlineMethodName } from "./table.js";
import { rolloutsBetweenLooks, type Watch } from "./watch.js";

export interface TrainOnlineOptions {
  readonly backend: Backend;
  readonly method: OnlineMethodName;
  /** Trained whole or by an adapter; the reference is the same model as it was. */
  readonly policy: Policy;
  readonly tokenizer: Tokenizer;
  readonly prompts: readonly OnlinePrompt[];
  /** Judges answers; every method but `spin` needs one. Closing it is the caller's. */
  readonly reward?: Reward;
  /** Under TRL's names; `onlineSettingsOf(method)` lists those that the method takes. */
  readonly settings?: Partial<OnlineSettings>;
  /** PPO's critic. Default: a head of zeros on the policy's own body. */
  readonly critic?: CriticOptions;
  /** Called with every rollout before it is learned from; a promise is waited for. */
  readonly onRollout?: (report: RolloutReport) => void | Promise<void>;
  /**
   * The loop's own: steps, learning rate (default: the method's), schedule, output, checkpoints, resume, signal. `epochs` and
   * accumulation are among `settings`.
   */
  readonly fit?: Omit<FitOptions, "backend" | "epochs" | "gradientAccumulationSteps" | "lossNormalisation">;
  /** Texts that PPO is not to make the policy forget (PPO-ptx); `ptx_coef` weighs them. */
  readonly pretraining?: readonly PretrainingText[];
  /** Looks at the policy while it learns: the guard against over-optimisation is one (`openGuard` of attune/evaluate). */
  readonly watch?: Watch;
  /** Answers from elsewhere (TRL's rollout_func); log-probabilities may be empty. Default: the policy's own. */
  readonly sampler?: Sampler;
  /** The order of a rollout's rows in its updates. Default: shuffled by the seed, anew in every pass. */
  readonly order?: (at: { rollout: number; pass: number; rows: number }) => readonly number[];
}

/** The settings that a method takes, by section, each with its default and meaning. */
export const onlineSettingsOf = (method: OnlineMethodName): ReturnType<typeof onlineSections> => {
  const { defaults, groups }: OnlineMethodEntry = ONLINE_METHODS[method];
  return onlineSections(defaults, groups);
};

/**
 * Trains a policy on its own answers; yields a report after every update, as `fit`. With the same seed it repeats, and a run
 * resumed from a checkpoint equals one that was never stopped.
 *
 * @throws AttuneError `config` for settings, `data` for prompts and for rewards that give no numbers (what was learned is
 *   saved before), `invariant` when the policy collapses (the newest checkpoint is from before)
 */
export async function* trainOnline(options: TrainOnlineOptions): AsyncGenerator<StepReport, FitResult> {
  const { method, tokenizer, reward, backend } = options;
  const entry: OnlineMethodEntry = ONLINE_METHODS[method];
  const given = readOnlineSettings(method, options.settings ?? {}, onlineSettingsOf(method));
  if (entry.rewarded && reward === undefined)
    throw new AttuneError("usage", { where: method, expected: "a reward", got: "none" });
  if (options.pretraining && !entry.groups.includes("PPO")) {
    throw new AttuneError("config", {
      where: `${method}: pretraining`,
      expected: "a method that takes texts beside its answers (ppo)",
      got: `${options.pretraining.length} texts`,
    });
  }
  const critic = entry.critic ? withCritic(options.policy, options.critic) : undefined;
  const policy = critic?.policy ?? options.policy;
  const prompts = await encodePrompts(tokenizer, options.prompts, {
    room: policy.folder.config.maxPositions - given.max_completion_length,
    answers: entry.demonstrations,
  });
  const { settings: s, answers, rollouts } = rolloutsOf(method, given, prompts.rows.length);
  const promptsARollout = answers / s.num_generations;
  const recipe = entry.recipe(s);
  const updates = s.num_mini_batches * s.num_iterations;
  const run = new OnlineRun({
    policy,
    critic,
    tokenizer,
    prompts,
    reward,
    recipe,
    settings: s,
    promptsARollout,
    rollouts,
    onRollout: options.onRollout,
    sampler: options.sampler,
    order: options.order,
    pretraining: options.pretraining,
    watch: options.watch && { every: everyOf(options, { rollouts, answers, updates }), ...options.watch },
  });
  const trainer = recipe.trainer({ policy, critic, train: run, companion: run });
  const { learningRate = entry.learningRate, maxSteps, ...rest } = options.fit ?? {};
  return yield* fit(trainer, {
    // A second graph without them would cost more than they do.
    detailSteps: 1,
    ...rest,
    backend,
    learningRate,
    maxSteps: maxSteps ?? rollouts * updates,
    // One micro-batch's token mean is what bnpo divides by.
    ...(s.loss_type === "bnpo" && { lossNormalisation: "micro-batch" as const }),
  });
}

function everyOf(
  { watch, fit: { maxSteps = Infinity } = {} }: TrainOnlineOptions,
  { rollouts, answers, updates }: { rollouts: number; answers: number; updates: number },
): number {
  const made = Math.min(rollouts, Math.ceil(maxSteps / updates));
  const looked = watch!.prompts.length * (watch!.samples ?? 1);
  return rolloutsBetweenLooks({ rollouts: made, answers, looked });
}

/** How many answers a rollout has, and how many rollouts there are; whole iterations have every prompt once. */
function rolloutsOf(
  method: OnlineMethodName,
  s: OnlineSettings,
  prompts: number,
): { settings: OnlineSettings; answers: number; rollouts: number } {
  const whole = prompts * s.num_generations;
  if (s.iterations !== undefined) {
    const rows = itemsArePrompts(method) ? prompts : whole;
    const update = s.per_device_train_batch_size * s.gradient_accumulation_steps;
    const settings = { ...s, num_mini_batches: Math.ceil(rows / update) };
    return { settings, answers: whole, rollouts: s.iterations };
  }
  const answers = checkedAnswers(method, s);
  const episodes = s.total_episodes ?? s.num_train_epochs * whole;
  return { settings: s, answers, rollouts: Math.max(1, Math.ceil(episodes / answers)) };
}

/** Answers of a rollout: those of all its updates. Pairs and best answers are made of several. */
function checkedAnswers(method: OnlineMethodName, s: OnlineSettings): number {
  const rows = s.per_device_train_batch_size * s.gradient_accumulation_steps * s.num_mini_batches;
  const perItem = itemsArePrompts(method) ? s.num_generations : 1;
  const answers = rows * perItem;
  if (answers % s.num_generations === 0) return answers;
  throw new AttuneError("config", {
    where: `${method}: num_generations`,
    expected: `a divisor of the ${rows} answers of a rollout (per_device_train_batch_size * gradient_accumulation_steps * num_mini_batches)`,
    got: String(s.num_generations),
  });
}

/** A row of the loss is a prompt's pair or best answer, not one of its answers. */
const itemsArePrompts = (method: OnlineMethodName): boolean => ONLINE_METHODS[method].rowOf === "prompt";
