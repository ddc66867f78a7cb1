/** How golden pairwise cases (TRL's names of losses, options and inputs) map to ours. */
import {
  type AnyPairInputs,
  combine,
  ipo,
  type OptionValue,
  PAIR_LOSSES,
  type PairLossEntry,
  type ReferencedPairInputs,
  type WpoWeightInputs,
  wpoWeights,
} from "../../src/losses/index.js";
import { exp, logSoftmax, max, mul, sub, sum, take, type Tensor } from "../../src/tensor/index.js";
import type { Built, GoldenCase } from "./support.js";

type Tensors = Readonly<Record<string, Tensor>>;

const INPUT_NAMES: Readonly<Record<string, string>> = {
  policy_chosen_logps: "chosenLogps",
  policy_rejected_logps: "rejectedLogps",
  policy_chosen_prompt_logps: "chosenPromptLogps",
  policy_reference_logps: "goldLogps",
  reference_mask: "goldMask",
  chosen_log_sum_sq_probs: "chosenLogSumSquares",
  rejected_log_sum_sq_probs: "rejectedLogSumSquares",
};

const OPTION_NAMES: Readonly<Record<string, string>> = { a: "dynamicAlpha", momentum: "gapMomentum" };

const camel = (name: string): string => name.replace(/_([a-z])/g, (_, c: string) => c.toUpperCase());

export const pairInputs = (t: Tensors): AnyPairInputs & ReferencedPairInputs & WpoWeightInputs =>
  Object.fromEntries(
    Object.entries(t).map(([name, x]) => [INPUT_NAMES[name] ?? camel(name), x]),
  ) as unknown as AnyPairInputs & ReferencedPairInputs & WpoWeightInputs;

type Options = Record<string, OptionValue>;

/** The options of a case under our names; each must be one that the loss declares. */
export function optionsOf(
  { options, name }: GoldenCase,
  entry: PairLossEntry,
  without: readonly string[],
): Options {
  const given: Options = {};
  for (const [key, value] of Object.entries(options)) {
    if (key === "loss_type" || without.includes(key)) continue;
    const ours = OPTION_NAMES[key] ?? camel(key);
    if (!(ours in entry.options)) throw new Error(`${name}: ${key} has no counterpart`);
    given[ours] = value as OptionValue;
  }
  return given;
}

const TRL_NAMES =
  /^(batch_of_one|equal|huge|empty|all_empty|tie|reference_free|step_dpo|spin|forward_kl|js_div|alpha_div)/;

/** Which loss of the table a case is about; a paper's case carries the loss's name, TRL's its loss_type. */
function lossName({ name, options }: GoldenCase): string {
  if (name.startsWith("cdpo")) return "sigmoid";
  const own = Object.keys(PAIR_LOSSES).filter((n) => name === n || name.startsWith(`${n}_`));
  const longest = own.toSorted((a, b) => b.length - a.length)[0];
  if (longest !== undefined && !TRL_NAMES.test(name)) return longest;
  return String(options["loss_type"]);
}

/** Log-probabilities and per-token KL from whole logits, as a model with a small vocabulary would give them. */
function fromLogits(t: Tensors): AnyPairInputs {
  const side = (name: "chosen" | "rejected"): Record<string, Tensor> => {
    const policy = logSoftmax(t[`policy_${name}_logits`]!);
    const ref = logSoftmax(t[`ref_${name}_logits`]!);
    const labels = t[`${name}_labels`]!;
    const Name = camel(`_${name}`);
    return {
      [`${name}Logps`]: take(policy, labels),
      [`ref${Name}Logps`]: take(ref, labels),
      [`${name}Kl`]: sum(mul(exp(ref), sub(ref, policy)), { axes: [-1] }),
      [`${name}Mask`]: t[`${name}_mask`]!,
    };
  };
  return { ...side("chosen"), ...side("rejected") } as unknown as AnyPairInputs;
}

/** Builds a case, or gives nothing where no loss of ours is meant. */
export function buildPair(c: GoldenCase): ((t: Tensors) => Built) | undefined {
  const { name, options } = c;
  const weights = options["loss_weights"] as readonly number[] | undefined;
  const beta = options["beta"] as number;
  if (name === "wpo_ipo") {
    return (t) => {
      const plain = ipo(pairInputs(t), { beta });
      return { result: { ...plain, loss: mul(plain.loss, wpoWeights(pairInputs(t))) } };
    };
  }
  if (name === "mpo") {
    const parts = (options["loss_type"] as readonly string[]).map((type) => entryOf(type)!);
    return (t) => ({
      result: combine(
        parts.map((entry, i) => ({ result: entry.loss(pairInputs(t), { beta }), weight: weights![i]! })),
      ),
    });
  }
  if (name === "rpo_trl")
    return (t) => ({ result: PAIR_LOSSES.rpo.loss(pairInputs(t), { beta, rpoAlpha: weights![1]! }) });

  const loss = lossName(c);
  const entry = entryOf(loss);
  if (entry === undefined) return undefined;
  const type = options["loss_type"] as OptionValue;
  if (loss.startsWith("tdpo")) {
    return (t) => {
      const result = entry.loss(fromLogits(t), optionsOf(c, entry, []));
      return {
        result,
        extra: {
          chosen_seq_kl: result.metrics["kl/chosen"]!,
          rejected_seq_kl: result.metrics["kl/rejected"]!,
        },
      };
    };
  }
  if (loss === "beta_dpo") {
    return (t) => {
      const state = { gapMean: t["gap_mean"]! };
      const result = entry.loss({ ...pairInputs(t), ...state }, optionsOf(c, entry, ["gap_mean"]));
      return {
        result,
        extra: { gap_mean: result.state!["gapMean"]!, beta_used: max(result.metrics["beta_used"]!) },
      };
    };
  }
  // TRL spells pure SimPO, AlphaPO and CPO as variants of one trainer.
  const without: Record<string, readonly string[]> = {
    simpo: ["cpo_alpha"],
    alphapo: ["cpo_alpha"],
    orpo: ["nll_over"],
    wpo: ["use_weighting"],
  };
  const variant: Options =
    loss === "cpo" ? { cpoLossType: type } : loss === "tpo" ? { tpoLossType: type } : {};
  return (t) => ({
    result: entry.loss(pairInputs(t), { ...optionsOf(c, entry, without[loss] ?? []), ...variant }),
  });
}

export const entryOf = (name: string): PairLossEntry | undefined =>
  (PAIR_LOSSES as Readonly<Record<string, PairLossEntry>>)[name];
