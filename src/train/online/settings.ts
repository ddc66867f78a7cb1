/**
 * Settings of the online methods, each declared once, under TRL's names (`GRPOConfig`, `PPOConfig`, `RLOOConfig`,
 * `OnlineDPOConfig` of TRL 1.10 and 0.29). Which group a method takes is in its entry.
 */
import { z } from "zod";
import { AttuneError } from "../../errors.js";
import { SAMPLING_MODES } from "../../losses/index.js";
import { nearestName } from "../../util/nearest-name.js";
import {
  choice,
  expectedOf,
  flag,
  number,
  object,
  optionalNumber,
  optionalWhole,
  settingInfo,
  whole,
} from "../job/setting.js";

export interface OnlineDefaults {
  /** Answers of a prompt. */
  numGenerations: number;
  /** Updates of one pass over a rollout. */
  miniBatches: number;
  /** Passes over a rollout. */
  passes: number;
  lossTypes: readonly [string, ...string[]];
  beta: number;
  betaSource: string;
}

const grpo = "TRL GRPOConfig";
const ppo = "TRL PPOConfig";

export function onlineGroups(d: OnlineDefaults) {
  return {
    Rollouts: {
      num_generations: whole(d.numGenerations, { min: 1, doc: "Answers to each prompt.", source: "TRL" }),
      max_completion_length: whole(256, { min: 1, doc: "Most tokens of an answer.", source: grpo }),
      temperature: number(1, {
        above: 0,
        doc: "Divides the logits, of the trainer's log-probabilities too.",
        source: grpo,
      }),
      top_k: whole(0, { min: 0, doc: "Draw from the k likeliest tokens; 0: from all.", source: grpo }),
      top_p: number(1, {
        above: 0,
        max: 1,
        doc: "Draw from the likeliest tokens that reach this together.",
        source: grpo,
      }),
      min_p: number(0, {
        min: 0,
        max: 1,
        doc: "Least share of the likeliest token's probability.",
        source: grpo,
      }),
      per_device_train_batch_size: whole(8, {
        min: 1,
        doc: "Answers (pairs) of a micro-batch. They are packed into rows that hold no more tokens than so many could have, so that an update may take fewer or more runs than the next setting says; its answers are the same.",
        source: grpo,
      }),
      gradient_accumulation_steps: whole(1, {
        min: 1,
        doc: "Micro-batches of an update: this times the above are its answers.",
        source: grpo,
      }),
      num_mini_batches: whole(d.miniBatches, {
        min: 1,
        doc: "Updates of one pass over a rollout; answers of a rollout: this times the two above.",
        source: ppo,
      }),
      num_iterations: whole(d.passes, {
        min: 1,
        doc: "Passes over a rollout (PPO's num_ppo_epochs).",
        source: "TRL",
      }),
      num_train_epochs: number(1, {
        above: 0,
        doc: "Passes over the prompts.",
        source: "TRL PPO: 1 of total_episodes",
      }),
      total_episodes: optionalWhole({
        min: 1,
        doc: "Answers in all; wins over num_train_epochs.",
        source: ppo,
      }),
      mask_truncated_completions: flag(false, {
        doc: "Answers that did not end are not learned from.",
        source: grpo,
      }),
      reward_timeout: number(180, {
        above: 0,
        doc: "Seconds that a call of the reward may take.",
        source: "OpenRLHF",
      }),
      reward_retries: whole(0, { min: 0, doc: "Times that a failed call is made again.", source: "ours" }),
      seed: whole(42, { min: 0, doc: "Of prompts' order and what is sampled.", source: "transformers" }),
      stop_kl: number(200, {
        min: 0,
        doc: "Stop where the mean KL of an answer against the reference passes this, nats; 0: never.",
        source: "ours",
      }),
      stop_entropy: number(0, {
        min: 0,
        doc: "Stop where the mean entropy of a token, as sampled, falls below this, nats; 0: never.",
        source: "ours",
      }),
    },
    Endings: {
      missing_eos_penalty: number(0, {
        min: 0,
        doc: "Taken off the reward of an answer that did not end.",
        source: `${ppo}: none`,
      }),
    },
    "Off-policy care": {
      sampling_correction: choice("token_truncate", {
        choices: ["none", ...SAMPLING_MODES],
        doc: "Weight for the gap between sampler and trainer; rloo and gmpo take a whole answer's.",
        source: "TRL vllm_importance_sampling_mode, there sequence_mask",
      }),
      sampling_clip_max: number(3, {
        above: 0,
        doc: "Cap of that weight.",
        source: "TRL vllm_importance_sampling_cap",
      }),
    },
    Loss: {
      loss_type: choice(d.lossTypes[0], {
        choices: d.lossTypes,
        doc: "The loss.",
        source: "the method's own",
      }),
      beta: number(d.beta, { min: 0, doc: "Weight of the KL against the reference.", source: d.betaSource }),
      loss_options: object({
        doc: "Further options of the loss, e.g. { epsilon: 0.1 }.",
        source: "the loss's own",
      }),
    },
    Clip: {
      epsilon: number(0, {
        min: 0,
        below: 1,
        doc: "The ratio is clipped at 1 - epsilon; 0: as the loss's paper has it (0.2; gmpo 0.4, gspo 3e-4, luspo 2e-3).",
        source: `the papers; ${grpo} has 0.2 for all`,
      }),
      epsilon_high: number(0, {
        min: 0,
        doc: "And at 1 + this; 0: the same where epsilon is given, else the paper's (dapo 0.28, cispo 5, gspo 4e-4, luspo 2.5e-3).",
        source: `the papers; ${grpo}: as epsilon`,
      }),
    },
    Groups: {
      scale_rewards: choice("group", {
        choices: ["group", "batch", "none"],
        doc: "What differences are divided by.",
        source: grpo,
      }),
      dynamic_sampling: flag(false, {
        doc: "Ask further prompts until every group of the rollout has different rewards (DAPO).",
        source: "off; DAPO on",
      }),
      max_resample: whole(10, {
        min: 1,
        doc: "Rollouts at most for one, with dynamic_sampling.",
        source: "DAPO: verl's max_num_gen_batches 10",
      }),
    },
    Rloo: {
      normalize_advantages: flag(false, {
        doc: "Divide advantages by their deviation.",
        source: "TRL RLOOConfig",
      }),
    },
    Baseline: {
      baseline_decay: number(0.9, {
        min: 0,
        below: 1,
        doc: "Of the moving mean of rewards.",
        source: "ours",
      }),
    },
    "Reinforce++": {
      kl_coef: number(0.01, { min: 0, doc: "Weight of the KL (k1) in the reward.", source: "OpenRLHF" }),
      group_baseline: flag(false, {
        doc: "Take off the mean of the prompt's answers first.",
        source: "OpenRLHF reinforce: off",
      }),
    },
    PPO: {
      kl_coef: number(0.05, { min: 0, doc: "Weight of the KL.", source: ppo }),
      kl_estimator: choice("k1", {
        choices: ["k1", "k2", "k3", "abs", "k1+", "k3+"],
        doc: "Its estimate; + is straight-through, in the loss only.",
        source: ppo,
      }),
      kl_in: choice("reward", { choices: ["reward", "loss"], doc: "Where the KL is paid.", source: ppo }),
      kl_controller: choice("fixed", {
        choices: ["fixed", "adaptive"],
        doc: "adaptive: towards kl_target (Ziegler et al.).",
        source: ppo,
      }),
      kl_target: number(6, { above: 0, doc: "KL of an answer, nats.", source: "Ziegler et al." }),
      kl_horizon: number(10000, {
        min: 1,
        doc: "Answers over which the coefficient can move by a fifth.",
        source: "Ziegler et al.",
      }),
      cliprange: number(0.2, { above: 0, below: 1, doc: "The ratio is clipped at 1 - this.", source: ppo }),
      cliprange_high: number(0, {
        min: 0,
        doc: "And at 1 + this; 0: the same.",
        source: "PPO: as cliprange",
      }),
      dual_clip: number(0, {
        min: 0,
        doc: "Cap of the loss where the advantage is negative; 0: none.",
        source: "TRL: none; verl 3",
      }),
      cliprange_value: number(0.2, {
        min: 0,
        doc: "How far a value moves in one rollout; 0: no clip.",
        source: ppo,
      }),
      vf_coef: number(0.1, { above: 0, doc: "Weight of the critic's loss.", source: ppo }),
      gamma: number(1, { min: 0, max: 1, doc: "Discount.", source: ppo }),
      lam: number(0.95, { min: 0, max: 1, doc: "Of generalised advantage estimation.", source: ppo }),
      whiten_rewards: flag(false, { doc: "Divide rewards of tokens by their deviation.", source: ppo }),
      whiten_advantages: flag(true, { doc: "Whiten advantages over the rollout's tokens.", source: ppo }),
      reward_clip: number(0, {
        min: 0,
        doc: "Scores are held within +- this; 0: not.",
        source: "TRL: not; OpenRLHF 10",
      }),
      bootstrap_truncated: flag(false, {
        doc: "The critic's value stands for what an answer cut off would still earn.",
        source: "TRL: off",
      }),
      entropy_coef: number(0, { min: 0, doc: "Weight of the entropy bonus.", source: "TRL: off" }),
      target_kl: optionalNumber({
        above: 0,
        doc: "Leave a rollout early once policy/approxkl_avg of an update passes this.",
        source: "TRL: off",
      }),
      ptx_coef: number(0.05, {
        min: 0,
        doc: "Weight of the loss on texts not to be forgotten (PPO-ptx), where some are given.",
        source: "OpenRLHF",
      }),
      critic_warmup: whole(0, {
        min: 0,
        doc: "Rollouts in which only the critic learns.",
        source: "verl: 0",
      }),
    },
    Pairs: {
      ties: choice("drop", {
        choices: ["drop", "first"],
        doc: "What becomes of equal rewards.",
        source: "ours; TRL first",
      }),
    },
    Iterations: {
      iterations: optionalWhole({
        min: 1,
        doc: "Whole iterations: each asks every prompt once and then learns from all the answers; wins over num_train_epochs, total_episodes and num_mini_batches.",
        source: "none: an iteration is a rollout of num_mini_batches updates",
      }),
      reference_update: choice("iteration", {
        choices: ["start", "iteration"],
        doc: "The reference: the model before training, or as it was when the answers were sampled.",
        source: "SPIN: iteration",
      }),
    },
    Mixture: {
      mixture_coef: number(0.5, {
        min: 0,
        max: 1,
        doc: "The opponent is the geometric mixture of policy (0) and reference (1).",
        source: "TRL NashMDConfig",
      }),
    },
    Optimism: {
      alpha: number(1e-5, { min: 0, doc: "Weight of the optimism term.", source: "TRL XPOConfig" }),
    },
  } as const;
}

type Groups = ReturnType<typeof onlineGroups>;
export type GroupName = keyof Groups;
type Merge<T> = (T extends unknown ? (x: T) => void : never) extends (x: infer U) => void ? U : never;
type Shape = Merge<Omit<Groups, "Reinforce++">[Exclude<GroupName, "Reinforce++">]> & Groups["Reinforce++"];
/** Every setting; a method reads those of its own groups. */
export type OnlineSettings = { [K in keyof Shape]: Shape[K] extends z.ZodType ? z.output<Shape[K]> : never };

/** The groups that a method takes, for help and flags. */
export const onlineSections = (
  defaults: OnlineDefaults,
  names: readonly GroupName[],
): Record<string, Record<string, z.ZodType>> => {
  const groups = onlineGroups(defaults);
  return Object.fromEntries(names.map((name) => [name, groups[name] as Record<string, z.ZodType>]));
};

/** Checks settings and fills in defaults. Throws `config` and names the setting. */
export function readOnlineSettings(
  method: string,
  given: Readonly<Record<string, unknown>>,
  sections: Readonly<Record<string, Readonly<Record<string, z.ZodType>>>>,
): OnlineSettings {
  const shape = Object.assign({}, ...Object.values(sections)) as Record<string, z.ZodType>;
  const where = (name: string): string => `${method}: ${name}`;
  const unknown = Object.keys(given).find((name) => !(name in shape));
  if (unknown !== undefined) {
    const near = nearestName(unknown, Object.keys(shape));
    throw new AttuneError("config", {
      where: where(unknown),
      expected: "a setting of this method",
      got: unknown,
      ...(near !== undefined && { fix: `did you mean ${near}?` }),
    });
  }
  const parsed = z.object(shape).safeParse(given);
  if (parsed.success) return parsed.data as OnlineSettings;
  const issue = parsed.error.issues[0]!;
  const name = String(issue.path[0]);
  throw new AttuneError("config", {
    where: where(name),
    expected: given[name] === undefined ? wanted(shape[name]!) : expectedOf(issue.message),
    got: JSON.stringify(given[name]) ?? "nothing",
  });
}

/** What a setting without a default is for. */
const wanted = (schema: z.ZodType): string => {
  const { doc } = settingInfo(schema);
  return `a value (${doc[0]!.toLowerCase()}${doc.slice(1).replace(/\.$/, "")})`;
};
