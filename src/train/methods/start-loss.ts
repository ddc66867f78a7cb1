/**
 * What each loss is where the policy equals its reference, from its formula: the value that a run must begin with.
 * Losses that depend on the data there (a likelihood term, lengths, weights from the policy) have none. Knows no model.
 */
import type { OptionValue } from "../../losses/index.js";

export interface StartLoss {
  readonly value: number;
  /** As one would write it; undefined where the number says all. */
  readonly formula?: string;
}

type Options = Readonly<Record<string, OptionValue>>;
type Rule = (options: Readonly<Record<string, number>>) => StartLoss;

const ln2 = Math.LN2;
const logistic: Rule = () => ({ value: ln2, formula: "ln 2" });
const twice: Rule = () => ({ value: 2 * ln2, formula: "2 ln 2" });
const one: Rule = () => ({ value: 1 });
const squared: Rule = ({ beta }) => ({ value: 1 / (4 * beta! ** 2), formula: "1 / (4 beta^2)" });

/** By the names of the registry of pairwise losses; r is 0 for both answers. */
const rules: Readonly<Record<string, Rule>> = {
  sigmoid: logistic,
  sigmoid_norm: logistic,
  robust: logistic,
  aot: logistic,
  aot_unpaired: logistic,
  ld_dpo: logistic,
  dpop: logistic,
  beta_dpo: logistic,
  tdpo1: logistic,
  tdpo2: logistic,
  hinge: one,
  apo_zero: one,
  apo_down: one,
  nca_pair: twice,
  bco_pair: twice,
  ipo: squared,
  ipo_sum: squared,
  sppo_hard: ({ beta }) => ({ value: 1 / (2 * beta! ** 2), formula: "1 / (2 beta^2)" }),
  cal_dpo: ({ beta }) => ({ value: ln2 + 1 / (2 * beta! ** 2), formula: "ln 2 + 1 / (2 beta^2)" }),
  // exp(0) and ln 2, half each.
  discopop: () => ({ value: 0.5 + 0.5 * ln2, formula: "(1 + ln 2) / 2" }),
  exo_pair: ({ labelSmoothing: e }) => ({
    value: -ln2 - 0.5 * (Math.log1p(-e!) + Math.log(e!)),
    formula: "-ln 2 - ln(e (1 - e)) / 2",
  }),
};

/** The start of a pairwise loss with its options, defaults filled in; undefined where it has none of its own. */
export function pairStartLoss(name: string, options: Options): StartLoss | undefined {
  return Object.hasOwn(rules, name) ? rules[name]!(options as Readonly<Record<string, number>>) : undefined;
}

/** The start of a weighted sum; undefined where a part has none. */
export function sumOfStarts(
  parts: readonly { start: StartLoss | undefined; weight: number }[],
): StartLoss | undefined {
  const known = parts.flatMap(({ start, weight }) => (start ? [{ start, weight }] : []));
  if (known.length < parts.length || known.length === 0) return undefined;
  if (known.length === 1 && known[0]!.weight === 1) return known[0]!.start;
  return { value: known.reduce((sum, { start, weight }) => sum + weight * start.value, 0) };
}

/** Rounding of float32 sums over a few thousand tokens, seen through a loss of this size. */
export const startTolerance = (value: number): number => 2e-3 * Math.max(1, Math.abs(value));
