/** Methods that weigh log-probabilities by advantages: PPO, GRPO and its kin, RLOO, REINFORCE, REINFORCE++, ReMax. */
import { AttuneError } from "../../errors.js";
import {
  createKlController,
  type Advantages,
  generalisedAdvantages,
  groupAdvantages,
  leaveOneOut,
  movingBaseline,
  type OptionSpec,
  type OptionSpecs,
  type OptionValue,
  POLICY_LOSSES,
  reinforcePlusPlus,
  remaxAdvantages,
  type RewardKl,
  shapeRewards,
} from "../../losses/index.js";
import { paid } from "./answer-use.js";
import { policyTrainer, type PolicyTrainerOptions } from "./policy-trainer.js";
import type { Made, Recipe } from "./recipe.js";
import { klOfRow, type RolloutRow } from "./rollout.js";
import type { OnlineSettings } from "./settings.js";

type Given = Readonly<Record<string, OptionValue>>;

const filled = (row: RolloutRow, x: number): Float64Array => new Float64Array(row.tokens.length).fill(x);

interface Weighted {
  /** A number a token. */
  advantages: readonly ArrayLike<number>[];
  metrics: Readonly<Record<string, number>>;
  informative?: readonly number[];
  extra?: (row: number) => Readonly<Record<string, readonly ArrayLike<number>[]>>;
  /** Rows without a gradient are left out: the loss has no term but the advantages'. */
  mayskip: boolean;
  /** See `MakeContext`; default true. */
  scored?: boolean;
}

/** Items of one answer each. Without `oldLogps` an update takes its ratio against itself. */
function weightedItems(rows: readonly RolloutRow[], s: OnlineSettings, w: Weighted): Made {
  const known = rows.every(({ samplerLogps, tokens }) => samplerLogps.length === tokens.length);
  const items = rows.flatMap((row, r): Made["items"] => {
    if (row.tokens.length === 0) return [];
    const advantages = w.advantages[r]!;
    const unread = Number.isNaN(row.score) || (s.mask_truncated_completions && !row.ended);
    return [
      {
        id: row.id,
        prompt: row.prompt.tokens,
        completions: [row.tokens],
        perToken: {
          advantages: [unread ? filled(row, 0) : advantages],
          ...(w.scored !== false && { oldLogps: [row.logps] }),
          refLogps: [row.refLogps],
          ...(known && { samplingLogps: [row.samplerLogps] }),
          ...w.extra?.(r),
        },
        skip:
          (unread && s.mask_truncated_completions) ||
          (w.mayskip && Array.from(advantages).every((a) => a === 0)),
      },
    ];
  });
  return {
    items,
    metrics: w.metrics,
    ...(w.informative && { informative: w.informative }),
  };
}

/** Options of the loss that have settings of their own, and those of `loss_options`. */
function lossOptions(lossType: string, own: Given, { loss_options: more }: OnlineSettings): Given {
  const { options } = POLICY_LOSSES[lossType as keyof typeof POLICY_LOSSES];
  const fitting = Object.fromEntries(Object.entries(own).filter(([name]) => name in options));
  return { ...fitting, ...(more as Given | undefined) };
}

/** What is given; a given lower end is the upper one too, where the loss can take that. */
function clipOf(lossType: string, { epsilon, epsilon_high: high }: OnlineSettings): Given {
  const { options } = POLICY_LOSSES[lossType as keyof typeof POLICY_LOSSES];
  const upper: OptionSpec | undefined = (options as OptionSpecs)["epsilonHigh"];
  return {
    ...(epsilon > 0 && { epsilon }),
    ...(high > 0 && { epsilonHigh: high }),
    ...(epsilon > 0 && high === 0 && upper?.min === 0 && { epsilonHigh: 0 }),
  };
}

const trainerOf =
  (name: string, lossType: string, loss: Given, s: OnlineSettings): Recipe["trainer"] =>
  (o) =>
    policyTrainer({ ...o, name, lossType, loss, temperature: s.temperature, sampling: samplingOf(s) });

const samplingOf = (s: OnlineSettings): PolicyTrainerOptions["sampling"] => ({
  mode: s.sampling_correction,
  clipMax: s.sampling_clip_max,
});

const bare = (loss: Given): boolean =>
  !(Number(loss["beta"] ?? 0) > 0) &&
  !(Number(loss["entropyCoef"] ?? 0) > 0) &&
  !(Number(loss["topEntropyQuantile"] ?? 1) < 1);

export function grpoRecipe(s: OnlineSettings): Recipe {
  const loss = lossOptions(
    s.loss_type,
    {
      beta: s.beta,
      ...clipOf(s.loss_type, s),
      maxCompletionLength: s.max_completion_length,
    },
    s,
  );
  return {
    fresh: true,
    make: (rows, { samples, scored }) => {
      const got = groupAdvantages(
        rows.map((row) => [paid(row, s)]),
        { numGenerations: samples, scaleRewards: s.scale_rewards },
      );
      const advantages = rows.map((row, r) => filled(row, got.advantages[r]!));
      const { frac_reward_zero_std } = got.metrics as { frac_reward_zero_std: number };
      return weightedItems(rows, s, {
        advantages,
        metrics: { frac_reward_zero_std },
        informative: got.informative,
        mayskip: bare(loss),
        scored,
      });
    },
    trainer: trainerOf(s.loss_type, s.loss_type, loss, s),
  };
}

export function rlooRecipe(s: OnlineSettings): Recipe {
  const loss = lossOptions("rloo", clipOf("rloo", s), s);
  return {
    make: (rows, { samples }) => {
      const got = leaveOneOut(
        rows.map((row) => [paid(row, s)]),
        {
          numGenerations: samples,
          beta: s.beta,
          logps: rows.map(({ logps }) => logps),
          refLogps: rows.map(({ refLogps }) => refLogps),
          normalizeAdvantages: s.normalize_advantages,
        },
      );
      const { frac_reward_zero_std, kl } = got.metrics as Record<string, number>;
      return weightedItems(rows, s, {
        advantages: rows.map((row, r) => filled(row, got.advantages[r]!)),
        metrics: { frac_reward_zero_std: frac_reward_zero_std!, ...(kl !== undefined && { kl }) },
        informative: got.informative,
        mayskip: true,
      });
    },
    trainer: trainerOf("rloo", "rloo", loss, s),
  };
}

/** Rewards less beta KL, less a moving mean of them. */
export function reinforceRecipe(s: OnlineSettings): Recipe {
  let baseline = movingBaseline({ decay: s.baseline_decay });
  let first = true;
  const loss = lossOptions("reinforce", {}, s);
  return {
    make: (rows) => {
      const rewards = rows.map((row) => paid(row, s) - s.beta * klOfRow(row));
      const real = rewards.filter((x) => !Number.isNaN(x));
      const mean = real.reduce((a, b) => a + b, 0) / Math.max(1, real.length);
      // The first rollout has no past: its own mean stands for it.
      const value = first ? mean : baseline.value;
      baseline = movingBaseline({ decay: s.baseline_decay, value });
      baseline.update(mean);
      first = false;
      return weightedItems(rows, s, {
        advantages: rows.map((row, r) => filled(row, orZero(rewards[r]! - value))),
        metrics: { "objective/baseline": value, "objective/rlhf_reward": mean },
        mayskip: bare(loss),
      });
    },
    state: () => ({ first, ...baseline.state() }),
    restore: (saved) => {
      const { first: begun, value } = saved as { first: boolean; value: number };
      first = begun;
      baseline = movingBaseline({ decay: s.baseline_decay, value });
    },
    trainer: trainerOf("reinforce", "reinforce", loss, s),
  };
}

export function remaxRecipe(s: OnlineSettings): Recipe {
  const loss = lossOptions("reinforce", {}, s);
  return {
    make: async (rows, { samples, greedy }) => {
      const base = await greedy();
      const of = rows.map((_, r) => base[Math.floor(r / samples)]!);
      const rewards = rows.map((row) => paid(row, s) - s.beta * klOfRow(row));
      const advantages = remaxAdvantages(rewards, of);
      return weightedItems(rows, s, {
        advantages: rows.map((row, r) => filled(row, orZero(advantages[r]!))),
        metrics: { "objective/greedy_scores": base.reduce((a, b) => a + b, 0) / Math.max(1, base.length) },
        mayskip: bare(loss),
      });
    },
    trainer: trainerOf("remax", "reinforce", loss, s),
  };
}

const orZero = (x: number): number => (Number.isNaN(x) ? 0 : x);

export function reinforcePlusPlusRecipe(s: OnlineSettings): Recipe {
  const loss = lossOptions("ppo", clipOf("ppo", s), s);
  return {
    make: (rows, { samples }) => {
      const got = reinforcePlusPlus(
        {
          scores: rows.map((row) => orZero(paid(row, s))),
          logps: rows.map(({ logps }) => logps),
          refLogps: rows.map(({ refLogps }) => refLogps),
        },
        { klCoef: s.kl_coef, baselineGroup: s.group_baseline ? samples : 0 },
      );
      return weightedItems(rows, s, {
        advantages: got.advantages,
        metrics: got.metrics,
        mayskip: bare(loss),
      });
    },
    trainer: trainerOf("reinforce++", "ppo", loss, s),
  };
}

export function ppoRecipe(s: OnlineSettings): Recipe {
  const inReward = s.kl_in === "reward";
  if (inReward && s.kl_estimator.endsWith("+")) {
    throw new AttuneError("config", {
      where: "ppo: kl_estimator",
      expected: "k1, k2, k3 or abs in the reward",
      got: s.kl_estimator,
      fix: "straight-through estimates have a gradient: set kl_in to loss",
    });
  }
  if (!inReward && s.kl_controller === "adaptive") {
    throw new AttuneError("config", {
      where: "ppo: kl_controller",
      expected: "fixed, where the KL is in the loss",
      got: "adaptive",
      fix: "set kl_in to reward",
    });
  }
  const settings = {
    kind: s.kl_controller,
    klCoef: s.kl_coef,
    target: s.kl_target,
    horizon: s.kl_horizon,
  };
  let controller = createKlController(settings);
  const loss = lossOptions(
    "ppo",
    {
      epsilon: s.cliprange,
      epsilonHigh: s.cliprange_high,
      dualClip: s.dual_clip,
      entropyCoef: s.entropy_coef,
      beta: inReward ? 0 : s.kl_coef,
      klEstimator: inReward ? "k1" : s.kl_estimator,
    },
    s,
  );
  const value = { cliprangeValue: s.cliprange_value, vfCoef: s.vf_coef };
  return {
    make: (given, { number }) => {
      // A row that the reward does not judge, or without a token, has nothing to estimate.
      const rows = given.filter(({ score, tokens }) => !Number.isNaN(score) && tokens.length > 0);
      const klCoef = controller.value;
      const shaped = shapeRewards(
        {
          logps: rows.map(({ logps }) => logps),
          refLogps: rows.map(({ refLogps }) => refLogps),
          scores: rows.map(({ score }) => score),
          hasEos: rows.map(({ ended }) => ended),
        },
        {
          klCoef: inReward ? klCoef : 0,
          klEstimator: (inReward ? s.kl_estimator : "k1") as RewardKl,
          missingEosPenalty: s.missing_eos_penalty,
          rewardClip: s.reward_clip > 0 ? s.reward_clip : Infinity,
        },
      );
      const { advantages, returns }: Advantages = generalisedAdvantages(
        {
          rewards: shaped.rewards,
          values: rows.map(({ values }) => values),
          truncated: rows.map(({ ended }) => s.bootstrap_truncated && !ended),
          bootstrapValues: rows.map(({ lastValue }) => lastValue),
        },
        {
          gamma: s.gamma,
          lam: s.lam,
          whitenRewards: s.whiten_rewards,
          whitenAdvantages: s.whiten_advantages,
        },
      );
      controller.update(
        rows.reduce((sum, row) => sum + klOfRow(row), 0) / Math.max(1, rows.length),
        rows.length,
      );
      const extra = (r: number): Readonly<Record<string, readonly ArrayLike<number>[]>> => ({
        oldValues: [rows[r]!.values],
        returns: [returns[r]!],
      });
      const made = weightedItems(rows, s, {
        advantages,
        metrics: { ...shaped.metrics, "objective/kl_coef": klCoef },
        extra,
        mayskip: false,
      });
      return { ...made, criticOnly: number < s.critic_warmup };
    },
    state: () => controller.state(),
    restore: (saved) => {
      controller = createKlController(settings, saved as { value: number });
    },
    trainer: (o) =>
      policyTrainer({
        ...o,
        name: "ppo",
        lossType: "ppo",
        loss,
        value,
        temperature: s.temperature,
        sampling: samplingOf(s),
        pretrainingWeight: s.ptx_coef,
      }),
    leave: (metrics) => s.target_kl !== undefined && (metrics["policy/approxkl_avg"] ?? 0) > s.target_kl,
  };
}
