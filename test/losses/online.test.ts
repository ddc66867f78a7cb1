/** Every golden case of the online preference methods: online DPO, Nash-MD, XPO. */
import { describe, expect, it } from "vitest";

import {
  choosePairs,
  dpo,
  geometricMixture,
  ipoSum,
  type LossResult,
  nashMd,
  type OptionValue,
  xpo,
} from "../../src/losses/index.js";
import { constant, gather, type Tensor } from "../../src/tensor/index.js";
import { golden, missing } from "../support/shared.js";
import { type Tensors } from "./policy.js";
import {
  type Built,
  checkCase,
  evaluate,
  expectClose,
  flatten,
  type GoldenCase,
  loadCases,
  shapeOf,
} from "./support.js";

/** Rows i and i + half answer one prompt in TRL; ours stand side by side. */
function chosenOf(c: GoldenCase): {
  chosen: number[];
  rejected: number[];
  metrics: Readonly<Record<string, number>>;
} {
  const rewards = flatten(c.inputs["rewards"]!);
  const hasEos = c.inputs["has_eos"] as boolean[];
  const half = rewards.length / 2;
  const order = Array.from({ length: half }, (_, i) => [i, i + half]).flat();
  const { pairs, metrics } = choosePairs(
    order.map((row) => rewards[row]!),
    {
      hasEos: order.map((row) => hasEos[row]!),
      missingEosPenalty: (c.options["missing_eos_penalty"] ?? 0) as number,
      ties: "first",
    },
  );
  return {
    chosen: pairs.map(({ chosen }) => order[chosen]!),
    rejected: pairs.map(({ rejected }) => order[rejected]!),
    metrics,
  };
}

function onlineDpo(c: GoldenCase, t: Tensors): Built {
  const { chosen, rejected } = chosenOf(c);
  const rows = (x: Tensor, of: readonly number[]): Tensor => gather(x, constant(of, [of.length], "int32"));
  const inputs = {
    chosenLogps: rows(t["logprobs"]!, chosen),
    rejectedLogps: rows(t["logprobs"]!, rejected),
    refChosenLogps: rows(t["ref_logprobs"]!, chosen),
    refRejectedLogps: rows(t["ref_logprobs"]!, rejected),
    chosenMask: rows(t["mask"]!, chosen),
    rejectedMask: rows(t["mask"]!, rejected),
  };
  const options = { beta: c.options["beta"] as number };
  return { result: c.options["loss_type"] === "ipo" ? ipoSum(inputs, options) : dpo(inputs, options) };
}

function checkChoice(c: GoldenCase): void {
  const { chosen, rejected, metrics } = chosenOf(c);
  expect(chosen).toEqual(c.expected["chosen_indices"]);
  expect(rejected).toEqual(c.expected["rejected_indices"]);
  const want = c.expected["metrics"] as Record<string, number>;
  for (const name of ["objective/scores", "objective/scores_margin", "val/contain_eos_token"])
    expectClose([metrics[name]!], [want[name]!], { what: name });
}

const CHOICE = "compared as numbers of the host";
const ON_HOST = {
  chosen_indices: CHOICE,
  rejected_indices: CHOICE,
  "objective/scores": CHOICE,
  "objective/scores_margin": CHOICE,
  "val/contain_eos_token": CHOICE,
};

function buildXpo(c: GoldenCase, t: Tensors): Built {
  const { loss_type: lossType, ...others } = c.options as Record<string, OptionValue>;
  const result: LossResult = xpo(
    {
      policyLogps: t["policy_logps_on_policy_answer"]!,
      refOfPolicyLogps: t["ref_logps_on_policy_answer"]!,
      policyMask: t["policy_answer_mask"]!,
      policyOfRefLogps: t["policy_logps_on_ref_answer"]!,
      refLogps: t["ref_logps_on_ref_answer"]!,
      refMask: t["ref_answer_mask"]!,
      policyChosen: t["policy_answer_chosen"]!,
    },
    { ...others, lossType: lossType as "sigmoid" | "ipo" },
  );
  return { result };
}

const buildNash = (c: GoldenCase, t: Tensors): Built => ({
  result: nashMd(
    { logps: t["logps"]!, refLogps: t["ref_logps"]!, probability: t["probability"]!, mask: t["mask"]! },
    { beta: c.options["beta"] as number },
  ),
});

async function checkMixture(c: GoldenCase): Promise<void> {
  const tensor = (name: string): Tensor => constant(flatten(c.inputs[name]!), shapeOf(c.inputs[name]!));
  const { mixture } = await evaluate({
    mixture: geometricMixture(tensor("logits"), tensor("ref_logits"), {
      mixtureCoef: c.options["mixture_coef"] as number,
    }),
  });
  expectClose(mixture!, flatten(c.expected["log_probs"]!), { what: "log_probs" });
}

const file = "online.json";
const reason = missing(golden("losses", file));

describe.skipIf(reason !== undefined)(`online preference methods${reason ? `: ${reason}` : ""}`, () => {
  const unhandled: string[] = [];
  for (const c of reason === undefined ? loadCases(file) : []) {
    if (c.name.startsWith("online_dpo"))
      it(`${c.name} agrees`, async () => {
        checkChoice(c);
        await checkCase(c, { build: (t) => onlineDpo(c, t), deviation: { without: ON_HOST } });
      });
    else if (c.name.startsWith("geometric_mixture")) it(`${c.name} agrees`, () => checkMixture(c));
    else if (c.name === "nash_md")
      it(`${c.name} agrees`, () => checkCase(c, { build: (t) => buildNash(c, t) }));
    else if (c.name.startsWith("xpo"))
      it(`${c.name} agrees`, () => checkCase(c, { build: (t) => buildXpo(c, t) }));
    else unhandled.push(c.name);
  }
  it("every case is handled", () => expect(unhandled).toEqual([]));
});
