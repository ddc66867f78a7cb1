/** Every golden case of PPO: whitening, GAE, shaped rewards, KL controllers, clipped losses, entropy, KL estimates. */
import { describe, expect, it } from "vitest";

import {
  combine,
  createKlController,
  entropyFromLogits,
  fullKl,
  generalisedAdvantages,
  guardRatio,
  klEstimate,
  type KlEstimator,
  type LossResult,
  momentsOf,
  ppo,
  reduceLoss,
  type RewardKl,
  shapeRewards,
  valueLoss,
  whiten,
} from "../../src/losses/index.js";
import { mul, type Tensor } from "../../src/tensor/index.js";
import { golden, missing } from "../support/shared.js";
import { type Tensors } from "./policy.js";
import { expectAll, padded, rowsOf, slopes, widthOf } from "./rollouts.js";
import { type Built, checkCase, flatten, type GoldenCase, loadCases } from "./support.js";

const numberOf = (c: GoldenCase, name: string): number => c.options[name] as number;

/** A loss whose tokens are averaged, and nothing else. */
const tokens = (loss: Tensor, mask: Tensor, extra: Record<string, Tensor>): Built => ({
  result: { loss: mul(loss, mask), metrics: {} },
  counts: { tokenMask: mask },
  extra,
});

/** TRL 0.11.4's metric names to the canonical ones of 0.29. */
const RENAMED: Readonly<Record<string, string>> = {
  "loss/policy": "loss/policy_avg",
  "loss/value": "loss/value_avg",
  "policy/approxkl": "policy/approxkl_avg",
  "policy/clipfrac": "policy/clipfrac_avg",
  "val/clipfrac": "val/clipfrac_avg",
  "policy/entropy": "entropy",
  clipfrac: "policy/clipfrac_avg",
  dual_clipfrac: "policy/dual_clipfrac_avg",
};

const rename = ({ metrics, metricRules = {}, ...rest }: LossResult): LossResult => {
  const old = Object.entries(RENAMED).filter(([, ours]) => ours in metrics);
  return {
    ...rest,
    metrics: { ...metrics, ...Object.fromEntries(old.map(([name, ours]) => [name, metrics[ours]!])) },
    metricRules: {
      ...metricRules,
      ...Object.fromEntries(old.map(([name, ours]) => [name, metricRules[ours]!])),
    },
  };
};

function actorCritic(c: GoldenCase, t: Tensors): Built {
  const mask = t["mask"]!;
  const inputs = {
    logps: t["logprobs"]!,
    oldLogps: t["old_logprobs"]!,
    advantages: t["advantages"]!,
    entropies: entropyFromLogits(t["logits"]!),
    mask,
  };
  const actor = ppo(inputs, { epsilon: numberOf(c, "cliprange") });
  const critic = valueLoss(
    { values: t["vpreds"]!, oldValues: t["values"]!, returns: t["returns"]!, mask },
    { cliprangeValue: numberOf(c, "cliprange_value"), vfCoef: numberOf(c, "vf_coef") },
  );
  // The bound of the case's source: 1e9.
  const guarded = (result: LossResult): LossResult => guardRatio(result, inputs, { ratioThreshold: 1e9 });
  const both = combine([
    { result: actor, weight: 1 },
    { result: critic, weight: 1 },
  ]);
  const mean = (result: LossResult): Tensor => reduceLoss(guarded(result), { tokenMask: mask });
  return {
    result: rename(guarded(both)),
    counts: { tokenMask: mask },
    extra: { policy_loss: mean(actor), value_loss_times_vf_coef: mean(critic) },
  };
}

/** Variances are the host's: a sum over micro-batches cannot give them. */
function checkVariances(c: GoldenCase): void {
  const want = c.expected["metrics"] as Record<string, number>;
  for (const [name, rows] of [
    ["returns/var", rowsOf(c, "returns")],
    ["val/var", rowsOf(c, "values")],
  ] as const)
    expect(momentsOf(rows.flatMap((row) => [...row])).variance).toBeCloseTo(want[name]!, 12);
}

const ON_HOST = {
  "returns/var": "compared on the host",
  "val/var": "compared on the host",
  "loss/total": "the loss itself",
};

function clipped(c: GoldenCase, t: Tensors): Built {
  const result = ppo(
    {
      logps: t["logprobs"]!,
      oldLogps: t["old_logprobs"]!,
      advantages: t["advantages"]!,
      mask: t["mask"]!,
    },
    {
      epsilon: numberOf(c, "cliprange_low"),
      epsilonHigh: numberOf(c, "cliprange_high"),
      dualClip: c.options["dual_clip"] as number | undefined,
    },
  );
  return { result: rename(result), counts: { tokenMask: t["mask"]! } };
}

/** Builds a case that is a graph. */
function graphOf(c: GoldenCase): ((t: Tensors) => Built) | undefined {
  if (c.name.startsWith("ppo")) return (t) => actorCritic(c, t);
  if (c.name.startsWith("clip_")) return (t) => clipped(c, t);
  if (c.name.startsWith("entropy"))
    return (t) => {
      const entropy = entropyFromLogits(t["logits"]!);
      return tokens(entropy, t["mask"]!, { entropy });
    };
  if (c.name === "kl_full")
    return (t) => {
      const kl = mul(fullKl(t["logits"]!, t["ref_logits"]!), t["mask"]!);
      return tokens(kl, t["mask"]!, { kl });
    };
  if (c.name.startsWith("kl_"))
    return (t) => {
      const estimator = c.options["kl_estimator"] as KlEstimator;
      const kl = mul(klEstimate(t["logprobs"]!, t["ref_logprobs"]!, estimator), t["mask"]!);
      return tokens(kl, t["mask"]!, { kl });
    };
  return undefined;
}

const PENALTIES: Readonly<Record<string, RewardKl>> = { kl: "k1", mse: "k2", abs: "abs" };

function checkShaping(c: GoldenCase): void {
  const estimator = (c.options["kl_estimator"] ?? PENALTIES[String(c.options["kl_penalty"])]) as RewardKl;
  const after = c.name.startsWith("shaping_score_after_last");
  const shaped = shapeRewards(
    {
      logps: rowsOf(c, "logprobs"),
      refLogps: rowsOf(c, "ref_logprobs"),
      scores: flatten(c.inputs["scores"]!),
      hasEos: c.inputs["has_eos"] as boolean[],
    },
    {
      klCoef: numberOf(c, "kl_coef"),
      klEstimator: estimator,
      missingEosPenalty: (c.options["missing_eos_penalty"] ?? 0) as number,
    },
  );
  const width = widthOf(c);
  const { kl, nonScoreRewards, scores, metrics } = shaped;
  // TRL 0.29 puts the score one place later where there is room; the same parts are compared, put together its way.
  const rewards = after
    ? padded(
        nonScoreRewards.map((row, r) => {
          const at = Math.min(row.length, width - 1);
          return Array.from({ length: width }, (_, i) => (row[i] ?? 0) + (i === at ? scores[r]! : 0));
        }),
        width,
      )
    : padded(shaped.rewards, width);
  expectAll(c, {
    rewards,
    non_score_rewards: padded(nonScoreRewards, width),
    kl: padded(kl, width),
    metrics,
  });
}

function checkGae(c: GoldenCase): void {
  const got = generalisedAdvantages(
    {
      values: rowsOf(c, "values"),
      rewards: rowsOf(c, "rewards"),
      truncated: c.inputs["truncated"] as boolean[] | undefined,
      bootstrapValues: c.inputs["bootstrap_values"] as number[] | undefined,
    },
    {
      gamma: numberOf(c, "gamma"),
      lam: numberOf(c, "lam"),
    },
  );
  const width = widthOf(c);
  expectAll(c, {
    advantages: padded(got.advantages, width),
    returns: padded(got.returns, width),
    raw_advantages: padded(got.rawAdvantages, width),
  });
}

/**
 * TRL whitens masked places too, keeping the mean, so that rewards stand after the end of an answer and flow back into it.
 * Ours ends where the answer ends. Here the answers are made longer by TRL's rewards, and cut again.
 */
function checkWhitenedRewards(c: GoldenCase): void {
  const [rewards, values, width] = [rowsOf(c, "rewards"), rowsOf(c, "values"), widthOf(c)];
  const { mean, variance } = momentsOf(rewards.flatMap((row) => [...row]));
  const beyond = mean - mean / Math.sqrt(variance + 1e-8);
  const longer = (rows: readonly Float64Array[], fill: number): number[][] =>
    rows.map((row) => Array.from({ length: width }, (_, t) => row[t] ?? fill));
  const { rawAdvantages } = generalisedAdvantages(
    { rewards: longer(whiten(rewards, { shiftMean: false }), beyond), values: longer(values, 0) },
    { gamma: numberOf(c, "gamma"), lam: numberOf(c, "lam"), whitenAdvantages: false },
  );
  const cut = rawAdvantages.map((row, r) => row.slice(0, values[r]!.length));
  expectAll(c, {
    advantages: padded(whiten(cut), width),
    returns: padded(
      cut.map((row, r) => row.map((a, t) => a + values[r]![t]!)),
      width,
    ),
  });
}

function checkWhitening(c: GoldenCase): void {
  const rows = rowsOf(c, "values");
  const width = widthOf(c);
  const apply = (values: readonly Float64Array[]): Float64Array[] =>
    whiten(values, { shiftMean: c.options["shift_mean"] === true });
  const loss = (values: readonly Float64Array[]): number =>
    apply(values).reduce((total, row) => row.reduce((sum, x, t) => sum + x * (t + 1), total), 0);
  const { output: _, grad, ...expected } = c.expected;
  expectAll({ ...c, expected }, { masked_output: padded(apply(rows), width), loss: [loss(rows)] });
  const want = flatten((grad as Record<string, number[][]>)["values"]!);
  padded(slopes(rows, loss), width).forEach((slope, i) => expect(slope).toBeCloseTo(want[i]!, 8));
}

function checkController(c: GoldenCase): void {
  const controller = createKlController({
    kind: c.name === "fixed_kl" ? "fixed" : "adaptive",
    klCoef: numberOf(c, "init_kl_coef"),
    target: c.options["target"] as number | undefined,
    horizon: c.options["horizon"] as number | undefined,
  });
  const trace = flatten(c.inputs["kl"]!).map((kl) => {
    controller.update(kl, (c.options["n_steps"] ?? 1) as number);
    return controller.value;
  });
  expectAll(c, { kl_coef: trace });
}

/** Checks a case that is plain numbers. */
function hostOf({ name }: GoldenCase): ((c: GoldenCase) => void) | undefined {
  if (name.startsWith("masked_whiten")) return checkWhitening;
  if (name === "gae_whiten_rewards") return checkWhitenedRewards;
  if (name.startsWith("gae")) return checkGae;
  if (name.startsWith("shaping")) return checkShaping;
  if (/^(adaptive|fixed)_kl/.test(name)) return checkController;
  if (name !== "masked_mean_var") return undefined;
  return (c) => {
    const { mean, variance, populationVariance } = momentsOf(rowsOf(c, "values").flatMap((row) => [...row]));
    expectAll(c, { mean: [mean], var: [variance], var_population: [populationVariance] });
  };
}

const file = "ppo.json";
const reason = missing(golden("losses", file));

describe.skipIf(reason !== undefined)(`PPO${reason ? `: ${reason}` : ""}`, () => {
  const unhandled: string[] = [];
  for (const c of reason === undefined ? loadCases(file) : []) {
    const graph = graphOf(c);
    const host = hostOf(c);
    if (graph !== undefined)
      it(`${c.name} agrees`, async () => {
        await checkCase(c, { build: graph, deviation: { without: ON_HOST } });
        if (c.name.startsWith("ppo")) checkVariances(c);
      });
    else if (host !== undefined) it(`${c.name} agrees`, () => host(c));
    else unhandled.push(c.name);
  }
  it("every case is handled", () => expect(unhandled).toEqual([]));
});

describe("whitened rewards", () => {
  it("are the given ones, whitened: nothing flows in from beyond an answer's end", () => {
    const rewards = [Float64Array.of(1, -2), Float64Array.of(0.5)];
    const values = [[0.3, 0.1], [0.2]];
    const whitened = generalisedAdvantages({ rewards, values }, { whitenRewards: true });
    const before = generalisedAdvantages({ rewards: whiten(rewards, { shiftMean: false }), values });
    expect(whitened).toEqual(before);
  });
});

describe("a KL controller", () => {
  it("continues from its state as if it had not stopped", () => {
    const settings = { kind: "adaptive", klCoef: 0.2, target: 6, horizon: 100 } as const;
    const whole = createKlController(settings);
    whole.update(9, 32);
    const resumed = createKlController(settings, JSON.parse(JSON.stringify(whole.state())));
    whole.update(2, 32);
    resumed.update(2, 32);
    expect(resumed.value).toBe(whole.value);
  });
  it("refuses a KL that is no number, and settings out of range", () => {
    expect(() => createKlController({ kind: "adaptive" }).update(Number.NaN, 1)).toThrow(
      "expected a finite KL",
    );
    expect(() => createKlController({ kind: "adaptive", target: 0 })).toThrow("target");
    expect(() => createKlController({ klCoef: -1 })).toThrow("klCoef: expected >= 0, got -1");
  });
});
