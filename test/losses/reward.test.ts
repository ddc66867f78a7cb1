/** Every golden case on scalar rewards and on step labels. */
import { describe, expect, it } from "vitest";

import {
  davidson,
  type LossResult,
  plackettLuce,
  prm,
  prmSoft,
  rankedPairs,
  raoKupper,
  reward,
  rewardRegression,
} from "../../src/losses/index.js";
import {
  cast,
  concat,
  constant,
  less,
  reshape,
  slice,
  softmax,
  type Tensor,
} from "../../src/tensor/index.js";
import { golden, missing } from "../support/shared.js";
import { type Built, checkCase, type Deviation, type GoldenCase, loadCases } from "./support.js";

type Tensors = Readonly<Record<string, Tensor>>;
type Builder = (t: Tensors, c: GoldenCase) => Built;

/** The columns of a result's probabilities, as the oracle lists them. */
function probabilities({ metrics }: LossResult): Record<string, Tensor> {
  const column = (name: string): Tensor => reshape(metrics[`probability/${name}`]!, [-1, 1]);
  return { probabilities: concat([column("a"), column("b"), column("tie")], 1) };
}

const tie = (t: Tensors) => ({
  rewardsA: t["rewards_a"]!,
  rewardsB: t["rewards_b"]!,
  outcome: t["outcome"]!,
});
const ranked = (t: Tensors) => ({ rewards: t["rewards"]!, mask: t["mask"]! });

const bradleyTerry: Builder = (t, { options }) => ({
  result: reward(
    {
      chosenRewards: t["rewards_chosen"]!,
      rejectedRewards: t["rewards_rejected"]!,
      margin: t["margin"],
      probability: t["probability"],
    },
    {
      centerRewardsCoefficient: options["center_rewards_coefficient"] as number | undefined,
      labelSmoothing: options["label_smoothing"] as number | undefined,
    },
  ),
});

const BUILDERS: readonly (readonly [RegExp, Builder])[] = [
  [/^(bradley_terry|batch_of_one|equal|huge_gaps|soft_label)/, bradleyTerry],
  [
    /^rao_kupper/,
    (t) => {
      const result = raoKupper({ ...tie(t), logTheta: t["log_theta"]! });
      return { result, extra: probabilities(result) };
    },
  ],
  [
    /^davidson/,
    (t) => {
      const result = davidson({ ...tie(t), logNu: t["log_nu"]! });
      return { result, extra: probabilities(result) };
    },
  ],
  [/^plackett_luce_length_mean/, (t) => ({ result: plackettLuce(ranked(t), { normalize: "choices" }) })],
  [/^plackett_luce/, (t) => ({ result: plackettLuce(ranked(t)) })],
  [/^ranked_list_pairs/, (t) => ({ result: rankedPairs(ranked(t)) })],
  [
    /^regression_mse/,
    (t) => ({ result: rewardRegression({ rewards: t["rewards"]!, targets: t["targets"]! }) }),
  ],
  [
    /^regression_multi_attribute/,
    (t) => ({
      result: rewardRegression({ rewards: t["rewards"]!, targets: t["targets"]!, mask: t["mask"]! }),
      counts: { tokenMask: t["mask"]! },
    }),
  ],
  [
    /^prm_soft_labels/,
    (t) => ({
      result: prmSoft({ rewards: t["rewards"]!, targets: t["targets"]!, mask: t["mask"]! }),
      counts: { tokenMask: t["mask"]! },
    }),
  ],
  [
    /^prm/,
    (t) => {
      const labels = t["labels"]!;
      const mask = cast(less(constant(-100, [], "int32"), labels), "float32");
      const good = slice(softmax(t["logits"]!), 2, { start: 1, end: 2 });
      return {
        result: prm({ logits: t["logits"]!, labels, mask }),
        counts: { tokenMask: mask },
        extra: { step_probability: reshape(good, labels.shape) },
      };
    },
  ],
];

const DEVIATIONS: Readonly<Record<string, Deviation>> = {
  regression_multi_attribute: { without: { losses: "ours is per attribute; the oracle's a row's mean" } },
  prm_no_labels: { finite: "no label gives 0 here" },
};

/** Tokenisation of steps is text's, not a loss's: test/text/tokenise-steps.test.ts. */
const NOT_HANDLED: Readonly<Record<string, readonly string[]>> = {
  "prm.json": [
    "tokenize_two_steps",
    "tokenize_long_separator",
    "tokenize_truncated",
    "tokenize_last_only",
    "tokenize_bos",
  ],
};

function runFile(file: string): void {
  const reason = missing(golden("losses", file));
  if (reason !== undefined) {
    it.skip(`${file}: ${reason}`, () => undefined);
    return;
  }
  const unhandled: string[] = [];
  for (const c of loadCases(file)) {
    const build = BUILDERS.find(([pattern]) => pattern.test(c.name))?.[1];
    if (build === undefined) unhandled.push(c.name);
    else
      it(`${c.name} agrees`, () =>
        checkCase(c, { build: (t) => build(t, c), deviation: DEVIATIONS[c.name] }));
  }
  it(`${file}: cases that are not handled are listed`, () =>
    expect(unhandled).toEqual(NOT_HANDLED[file] ?? []));
}

describe("reward models", () => runFile("reward.json"));
describe("process reward models", () => runFile("prm.json"));
