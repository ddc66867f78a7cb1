/** Every golden case of the critic-free methods' advantages, and what they do with rewards that say nothing. */
import { describe, expect, it } from "vitest";

import {
  bestOfNKlBound,
  chooseBest,
  choosePairs,
  type CombineOptions,
  groupAdvantages,
  type GroupOptions,
  informativeGroups,
  leaveOneOut,
  movingBaseline,
  reinforce,
  reinforcePlusPlus,
  remaxAdvantages,
  samplingCorrection,
  type SamplingMode,
} from "../../src/losses/index.js";
import { golden, missing } from "../support/shared.js";
import { policyInputs, type Tensors } from "./policy.js";
import { expectAll, padded, rowsOf, widthOf } from "./rollouts.js";
import { type Built, checkCase, flatten, type GoldenCase, loadCases, type Nested } from "./support.js";

const perFunction = ({ inputs }: GoldenCase): number[][] =>
  (inputs["rewards_per_func"] as Nested[]).map((row) => flatten(row));

const options = <T>(c: GoldenCase, name: string): T | undefined =>
  (c.options[name] ?? undefined) as T | undefined;

const groups = (c: GoldenCase): GroupOptions & CombineOptions => ({
  numGenerations: c.options["num_generations"] as number,
  rewardWeights: options(c, "reward_weights"),
  rewardNames: perFunction(c)[0]!.map((_, k) => `r${k}`),
});

function checkGroups(c: GoldenCase): void {
  const { advantages, metrics } = groupAdvantages(perFunction(c), {
    ...groups(c),
    scaleRewards: options(c, "scale_rewards"),
    aggregation: options(c, "multi_objective_aggregation"),
  });
  expectAll(c, { advantages: [...advantages], metrics });
}

function checkLeaveOneOut(c: GoldenCase): void {
  const logps = rowsOf(c, "old_per_token_logps");
  const { advantages, metrics } = leaveOneOut(perFunction(c), {
    ...groups(c),
    logps,
    refLogps: rowsOf(c, "ref_per_token_logps"),
    beta: options(c, "beta"),
    normalizeAdvantages: options(c, "normalize_advantages"),
    rewardClipRange: options(c, "reward_clip_range"),
  });
  const oldLogps = logps.map((row) => row.reduce((a, b) => a + b, 0));
  expectAll(c, { advantages: [...advantages], metrics, old_logps: oldLogps });
}

function buildCorrection(c: GoldenCase, { old_per_token_logps: logps, ...t }: Tensors): Built {
  const { ratio, metrics, metricRules } = samplingCorrection(
    { logps: logps!, samplingLogps: t["sampling_per_token_logps"]!, mask: t["mask"]! },
    {
      mode: c.options["vllm_importance_sampling_mode"] as SamplingMode,
      clipMin: options(c, "vllm_importance_sampling_clip_min"),
      clipMax: options(c, "vllm_importance_sampling_clip_max"),
    },
  );
  return { result: { loss: ratio, metrics, metricRules }, extra: { importance_sampling_ratio: ratio } };
}

function checkReinforcePlusPlus(c: GoldenCase): void {
  const { advantages, returns } = reinforcePlusPlus(
    {
      scores: flatten(c.inputs["rewards"]!),
      logps: rowsOf(c, "old_per_token_logps"),
      refLogps: rowsOf(c, "ref_per_token_logps"),
    },
    {
      klCoef: options(c, "kl_coef"),
      gamma: options(c, "gamma"),
      baselineGroup: c.options["baseline"] === true ? (c.options["num_generations"] as number) : 0,
    },
  );
  const width = widthOf(c);
  expectAll(c, { advantages: padded(advantages, width), returns: padded(returns, width) });
}

function checkMovingBaseline(c: GoldenCase): void {
  const baseline = movingBaseline({ decay: options(c, "decay"), value: options(c, "init") });
  const trace = flatten(c.inputs["rewards"]!).map((r) => {
    baseline.update(r);
    return baseline.value;
  });
  expectAll(c, { baseline: trace });
}

const HOST: readonly (readonly [RegExp, (c: GoldenCase) => void])[] = [
  [/^(grpo|gdpo)_/, checkGroups],
  [/^rloo/, checkLeaveOneOut],
  [/^reinforce_pp/, checkReinforcePlusPlus],
  [/^moving_average/, checkMovingBaseline],
  [
    /^remax$/,
    (c) =>
      expectAll(c, {
        advantages: [...remaxAdvantages(flatten(c.inputs["rewards"]!), flatten(c.inputs["greedy_rewards"]!))],
      }),
  ],
  [
    /^dr_grpo$/,
    (c) => {
      const rewards = flatten(c.inputs["rewards"]!).map((r) => [r]);
      const numGenerations = c.options["num_generations"] as number;
      const { advantages } = groupAdvantages(rewards, { numGenerations, scaleRewards: "none" });
      expectAll(c, { advantages: [...advantages] });
    },
  ],
];

function graphOf(c: GoldenCase): ((t: Tensors) => Built) | undefined {
  if (c.name.startsWith("sampling_correction")) return (t) => buildCorrection(c, t);
  if (!c.name.startsWith("reinforce_loss")) return undefined;
  const average = c.name.endsWith("token_mean") ? "token" : "sequence";
  return (t) => ({
    result: reinforce(policyInputs(t), { average }),
    counts: { tokenMask: t["mask"]! },
  });
}

const file = "advantages.json";
const reason = missing(golden("losses", file));

describe.skipIf(reason !== undefined)(`advantages${reason ? `: ${reason}` : ""}`, () => {
  const unhandled: string[] = [];
  for (const c of reason === undefined ? loadCases(file) : []) {
    const build = graphOf(c);
    const host = HOST.find(([pattern]) => pattern.test(c.name))?.[1];
    if (build !== undefined) it(`${c.name} agrees`, () => checkCase(c, { build }));
    else if (host !== undefined) it(`${c.name} agrees`, () => host(c));
    else unhandled.push(c.name);
  }
  it("every case is handled", () => expect(unhandled).toEqual([]));
});

describe("groups", () => {
  it("whose rewards are all equal are counted, and are not informative", () => {
    expect(informativeGroups([1, 1, 0, 1, NaN, NaN], { numGenerations: 2 })).toEqual({
      fraction: 1 / 3,
      informative: [1],
    });
  });
  it("give advantages of 0 where they are equal, and none are NaN", () => {
    const { advantages, metrics } = groupAdvantages([[2], [2], [NaN], [NaN]], { numGenerations: 2 });
    expect([...advantages]).toEqual([0, 0, 0, 0]);
    expect(metrics["frac_reward_zero_std"]).toBe(0.5);
  });
  it("of a single answer teach nothing", () => {
    expect([...leaveOneOut([[3], [1]], { numGenerations: 1 }).advantages]).toEqual([0, 0]);
  });
  it("must divide the rows", () => {
    expect(() => groupAdvantages([[1], [2], [3]], { numGenerations: 2 })).toThrow(
      "expected rows in groups of 2, got 3 rows",
    );
  });
});

describe("pairs of one's own answers", () => {
  it("are the best and the worst; ties are dropped and named", () => {
    const { pairs, dropped } = choosePairs([1, 3, 2, 5, 5, 5], { numGenerations: 3 });
    expect(pairs).toEqual([{ prompt: 0, chosen: 1, rejected: 0 }]);
    expect(dropped).toEqual([1]);
  });
  it("leave out answers without a reward", () => {
    expect(choosePairs([NaN, 1, 2, NaN]).pairs).toEqual([]);
    expect(choosePairs([NaN, 1, 2], { numGenerations: 3 }).pairs).toEqual([
      { prompt: 0, chosen: 2, rejected: 1 },
    ]);
  });
});

describe("best of n", () => {
  it("stays below its bound, and reaches it where no answer is likely", () => {
    const klOf = (outcomes: number, n: number): number =>
      Array.from({ length: outcomes }, (_, k) => {
        const p = ((k + 1) / outcomes) ** n - (k / outcomes) ** n;
        return p * Math.log(p * outcomes);
      }).reduce((a, b) => a + b, 0);
    for (const n of [1, 2, 4, 16]) {
      expect(klOf(8, n)).toBeLessThanOrEqual(bestOfNKlBound(n) + 1e-12);
      expect(klOf(100_000, n)).toBeCloseTo(bestOfNKlBound(n), 3);
    }
    expect(() => bestOfNKlBound(0)).toThrow("at least 1");
  });
  it("is the first of the best, or nobody", () => {
    expect(chooseBest([1, 3, 3, NaN, NaN, NaN], { numGenerations: 3 })).toEqual([1, undefined]);
  });
});
