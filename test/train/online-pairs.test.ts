/** Pairs and opponents: which answers are used, at which temperature they are scored, and what the log calls things. */
import { describe, expect, it } from "vitest";
import {
  ONLINE_METHODS,
  onlineSettingsOf,
  type OnlineMethodName,
  type OnlineSettings,
} from "../../src/train/index.js";
import type { MakeContext, OpponentAnswers } from "../../src/train/online/recipe.js";
import type { RolloutRow } from "../../src/train/online/rollout.js";
import { readOnlineSettings } from "../../src/train/online/settings.js";
import { errorOf, runOnline, sharedSetting } from "./online-setup.js";

const setting = await sharedSetting();

describe("before the first update", () => {
  const advantaged = ["ppo", "grpo", "rloo", "reinforce", "reinforce++", "remax"] as const;
  it.each(advantaged)("%s says that policy and reference are one model", async (method) => {
    const settings = { num_generations: method === "grpo" || method === "rloo" ? 2 : 1, temperature: 0.7 };
    const { reports } = await runOnline(setting, method, { settings });
    const [check] = reports[0]!.start!.filter(({ name }) => name === "policy equals reference");
    expect(check).toMatchObject({ expected: "diag/kl_k1 = nats a token = 0", holds: true });
  });
});

describe("answers drawn at another temperature", () => {
  it.each([
    ["online-dpo", "rewards/margins"],
    ["iterative-dpo", "rewards/margins"],
    ["spin", "rewards/margins"],
    ["xpo", "rewards/margins"],
    ["nash-md", "loss/kl"],
  ] as const)("are scored at it by policy and reference alike: %s", async (method, distance) => {
    const settings = { temperature: 0.5, num_generations: method.endsWith("dpo") ? 2 : 1 };
    const { reports } = await runOnline(setting, method, { settings: { ...settings, num_mini_batches: 1 } });
    // Before the first update policy and reference are one model.
    expect(reports[0]!.start!.map(({ name }) => name)).toContain("policy equals reference");
    expect(Math.abs(reports[0]!.metrics[distance]!)).toBeLessThan(1e-4);
  });
});

const settingsOf = (method: OnlineMethodName, given: Partial<OnlineSettings>): OnlineSettings =>
  readOnlineSettings(method, given, onlineSettingsOf(method));

/** Of one prompt; the score is the number of the answer, the last one was cut off. */
const rows = [1, 2, 3].map((score, i): RolloutRow => ({
  id: `a#${i}`,
  prompt: { id: "a", prompt: "a", tokens: [5], answerTokens: [9] },
  tokens: [20 + i],
  text: String(i),
  ended: i < 2,
  samplerLogps: [-1],
  logps: [-1],
  refLogps: [-1],
  values: [],
  lastValue: 0,
  score,
  components: {},
}));
const opponent: OpponentAnswers = {
  tokens: [[30], [31], [32]],
  scores: [2, 2, 2],
  ended: [true, false, true],
};
const context: MakeContext = {
  scored: true,
  number: 0,
  samples: 3,
  prompts: [rows[0]!.prompt],
  score: (items) =>
    Promise.resolve(
      items.map(() => ({
        logps: Float32Array.of(-1),
        refLogps: Float32Array.of(-1),
        values: new Float32Array(0),
        lastValue: 0,
      })),
    ),
  greedy: () => Promise.resolve([0]),
  fromReference: () => Promise.resolve(opponent),
  fromMixture: () => Promise.resolve(opponent),
};
/** Tokens of the answers that are learned from, and the items' numbers. */
const made = async (method: OnlineMethodName, given: Partial<OnlineSettings>) => {
  const { items } = await ONLINE_METHODS[method].recipe(settingsOf(method, given)).make(rows, context);
  return items.map(({ completions, values }) => ({ said: completions.map(([token]) => token), values }));
};
const said = async (method: OnlineMethodName, given: Partial<OnlineSettings>) =>
  (await made(method, given)).map((item) => item.said);

describe("an answer that was cut off", () => {
  it("is the best where it earned most", async () => {
    expect(await said("best-of-n", {})).toEqual([[22]]);
    expect(await said("online-dpo", {})).toEqual([[22, 20]]);
  });
  it("is not where that is paid for", async () => {
    expect(await said("best-of-n", { missing_eos_penalty: 1.5 })).toEqual([[21]]);
    expect(await said("online-dpo", { missing_eos_penalty: 2.5 })).toEqual([[21, 22]]);
  });
  it("is not learned from with mask_truncated_completions", async () => {
    const mask = { mask_truncated_completions: true };
    expect(await said("best-of-n", mask)).toEqual([[21]]);
    expect(await said("online-dpo", mask)).toEqual([[21, 20]]);
    expect(await said("iterative-dpo", mask)).toEqual([[21, 20]]);
    expect(await said("spin", mask)).toEqual([
      [9, 20],
      [9, 21],
    ]);
    expect(await said("xpo", mask)).toEqual([
      [20, 30],
      [21, 31],
    ]);
    expect(await said("nash-md", mask)).toEqual([[20], [21]]);
  });
  it("costs an opponent the same as the policy", async () => {
    // 1 against 2, 2 against 2 - 5, 3 - 5 against 2.
    const wins = (await made("xpo", { missing_eos_penalty: 5 })).map(
      ({ values }) => values!["policy_chosen"],
    );
    expect(wins).toEqual([0, 1, 0]);
    const [low, high] = (await made("nash-md", { missing_eos_penalty: 5 })).map(
      ({ values }) => values!["probability"]!,
    );
    expect(low).toBeCloseTo(1 / (1 + Math.E), 6);
    expect(high).toBeCloseTo(1 / (1 + Math.exp(-5)), 6);
  });
});

it.each(["xpo", "nash-md"] as const)("%s refuses an option that its loss does not have", async (method) => {
  const error = await errorOf(runOnline(setting, method, { settings: { loss_options: { epsilon: 0.1 } } }));
  expect(error.code).toBe("config");
  expect(error.message).toContain("epsilon");
});

const lengths = ["mean_length", "min_length", "max_length"];
const ofAll = [
  "loss",
  "grad_norm",
  "learning_rate",
  "num_tokens",
  "reward",
  "reward_std",
  "rewards/letters/mean",
  "rewards/letters/std",
  "objective/kl",
  "objective/entropy",
  "objective/scores",
  "completions/clipped_ratio",
  ...lengths.map((name) => `completions/${name}`),
];
const grouped = [
  "frac_reward_zero_std",
  "policy_loss",
  "entropy",
  "clip_ratio/region_mean",
  "clip_ratio/low_mean",
  "clip_ratio/low_min",
  "clip_ratio/high_mean",
  "clip_ratio/high_max",
  "sampling/sampling_logp_difference/mean",
  "sampling/sampling_logp_difference/max",
  "sampling/importance_sampling_ratio/min",
  "sampling/importance_sampling_ratio/mean",
  "sampling/importance_sampling_ratio/max",
];
const pairs = [
  ...["chosen", "rejected", "accuracies", "margins"].map((name) => `rewards/${name}`),
  "logps/chosen",
  "logps/rejected",
  "beta",
];
const players = ["val/model_contain_eos_token", "val/ref_contain_eos_token"];

describe("the log has TRL's names", () => {
  it.each<[OnlineMethodName, Partial<OnlineSettings>, string[]]>([
    [
      "ppo",
      {},
      [
        "objective/non_score_reward",
        "objective/rlhf_reward",
        "policy/approxkl_avg",
        "policy/clipfrac_avg",
        "policy/entropy_avg",
        "loss/policy_avg",
        "loss/value_avg",
        "val/clipfrac_avg",
        "val/ratio",
        "val/ratio_var",
        "val/num_eos_tokens",
        "episode",
      ],
    ],
    ["grpo", { num_generations: 2, beta: 0.1 }, [...grouped, "kl"]],
    ["rloo", { num_generations: 2 }, [...grouped, "kl"]],
    [
      "online-dpo",
      { num_generations: 2 },
      [
        ...pairs,
        "objective/non_score_reward",
        "objective/rlhf_reward",
        "objective/scores_margin",
        "val/contain_eos_token",
      ],
    ],
    ["nash-md", {}, [...pairs, ...players, "loss/kl", "loss/score", "rewards/probabilities", "mixture_coef"]],
    [
      "xpo",
      {},
      [
        ...pairs,
        ...players,
        "loss/dpo",
        "loss/xpo",
        "objective/model_scores",
        "objective/ref_scores",
        "objective/scores_margin",
        "alpha",
      ],
    ],
  ])("%s", async (method, settings, names) => {
    const { reports } = await runOnline(setting, method, { settings });
    const { metrics } = reports[0]!;
    expect([...ofAll, ...names].filter((name) => !Number.isFinite(metrics[name]))).toEqual([]);
  });
});
