/** How golden cases of losses on sampled answers (TRL's names of losses, options and inputs) map to ours. */
import {
  dapo,
  type OptionValue,
  POLICY_LOSSES,
  type PolicyInputs,
  type PolicyLossEntry,
} from "../../src/losses/index.js";
import { concat, exp, log, maximum, mul, slice, sub, sum, type Tensor } from "../../src/tensor/index.js";
import { type Built, type Deviation, type GoldenCase } from "./support.js";

export type Tensors = Readonly<Record<string, Tensor>>;

const INPUT_NAMES: Readonly<Record<string, string>> = {
  per_token_logps: "logps",
  logprobs: "logps",
  old_per_token_logps: "oldLogps",
  old_logprobs: "oldLogps",
  old_logps: "oldLogps",
  ref_per_token_logps: "refLogps",
  importance_sampling_ratio: "samplingRatio",
};

const OPTION_NAMES: Readonly<Record<string, string>> = {
  importance_sampling_level: "importanceLevel",
  use_bias_correction_kl: "biasCorrectedKl",
  off_policy_mask_threshold: "offPolicyThreshold",
};

const camel = (name: string): string => name.replace(/_([a-z])/g, (_, c: string) => c.toUpperCase());

export const policyInputs = (t: Tensors): PolicyInputs =>
  Object.fromEntries(
    Object.entries(t).map(([name, x]) => [INPUT_NAMES[name] ?? camel(name), x]),
  ) as unknown as PolicyInputs;

/** Cases whose name says more than their loss_type. */
const nameOf = ({ name, options }: GoldenCase): string => {
  if (name.startsWith("gmpo")) return "gmpo";
  return name.startsWith("rloo") ? "rloo" : String(options["loss_type"]);
};

/** What a loop counts, not a loss; a ratio at the sequence's level stands among GRPO's options. */
const NOT_OPTIONS: ReadonlySet<string> = new Set([
  "loss_type",
  "gradient_accumulation_steps",
  "num_items_in_batch",
]);

function optionsOf({ options, name }: GoldenCase, entry: PolicyLossEntry): Record<string, OptionValue> {
  const given: Record<string, OptionValue> = {};
  for (const [key, value] of Object.entries(options)) {
    const ours = OPTION_NAMES[key] ?? camel(key);
    if (NOT_OPTIONS.has(key) || (ours === "epsilon" && !("epsilon" in entry.options))) continue;
    // TRL hands every loss the whole configuration; epsilonHigh of a loss that does not clip says nothing.
    if (ours === "epsilonHigh" && !("epsilonHigh" in entry.options)) continue;
    if (!(ours in entry.options)) throw new Error(`${name}: ${key} has no counterpart`);
    given[ours] = value as OptionValue;
  }
  return given;
}

/** The generator of the numbers took the width of the batch where a case does not say. */
const withLength = (loss: string, options: Record<string, OptionValue>, tokens: number) =>
  loss === "dr_grpo" ? { maxCompletionLength: tokens, ...options } : options;

/**
 * TRL adds up VESPO's sampling ratio over masked places too, where the golden numbers are junk on purpose; ours does not.
 * The same product over real places alone is compared.
 */
function foldMasked(ratio: Tensor, mask: Tensor): Tensor {
  const tokens = mask.shape[1]!;
  const junk = sum(mul(log(maximum(ratio, 1e-8)), sub(1, mask)), { axes: [1], keep: true });
  const first = mul(slice(ratio, 1, { start: 0, end: 1 }), exp(junk));
  return concat([first, slice(ratio, 1, { start: 1, end: tokens })], 1);
}

export function buildPolicy(c: GoldenCase): (t: Tensors) => Built {
  const loss = nameOf(c);
  const entry = (POLICY_LOSSES as Readonly<Record<string, PolicyLossEntry>>)[loss]!;
  return (t) => {
    const { tool_mask: tool, ...others } = t;
    const mask = tool === undefined ? t["mask"]! : mul(t["mask"]!, tool);
    let inputs = policyInputs({ ...others, mask });
    if (loss === "vespo" && inputs.samplingRatio !== undefined)
      inputs = { ...inputs, samplingRatio: foldMasked(inputs.samplingRatio, mask) };
    const options = withLength(loss, optionsOf(c, entry), mask.shape[1]!);
    const result = entry.loss(inputs, options);
    const steps = (c.options["gradient_accumulation_steps"] as number | undefined) ?? 1;
    const rows = mask.shape[0]!;
    const all = c.options["num_items_in_batch"] as number | undefined;
    const tokens = loss === "bnpo" ? mul(sum(mask), steps) : (all ?? undefined);
    return {
      result,
      counts: { rows: rows * steps, tokenMask: mask, ...(tokens !== undefined && { tokens }) },
      extra: unreduced(loss, { inputs, options, mask, result: result.loss }),
    };
  };
}

interface Parts {
  inputs: PolicyInputs;
  options: Record<string, OptionValue>;
  mask: Tensor;
  result: Tensor;
}

/** TRL's numbers before division: per token, and their sums over rows. */
function unreduced(loss: string, { inputs, options, mask, result }: Parts): Record<string, Tensor> {
  if (loss === "rloo" || loss === "gmpo") return {};
  const rowSums = (x: Tensor): Tensor => sum(x, { axes: [1] });
  if (["grpo", "dr_grpo", "luspo"].includes(loss)) {
    const { maxCompletionLength: _, entropyCoef: _c, ...same } = options;
    const perToken = dapo(inputs, same).loss;
    return { token_losses: perToken, losses: rowSums(perToken) };
  }
  if (loss === "sapo") return { losses: mul(result, maximum(sum(mask, { axes: [1] }), 1)) };
  return { token_losses: result, losses: rowSums(result) };
}

export const deviationOf = (c: GoldenCase): Deviation =>
  c.options["loss_type"] === "sapo"
    ? { without: { token_losses: "the loss is a mean over rows already; row sums are compared" } }
    : {};
