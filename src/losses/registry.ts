/**
 * The table of pairwise losses: one line a loss, from which trainers learn what to prepare and the command line its
 * flags. Knows no formula.
 */
import type { Tensor } from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import { dpo, DPO_OPTIONS } from "./dpo.js";
import { ipo, IPO_OPTIONS } from "./ipo.js";
import { ipoSum, IPO_SUM_OPTIONS } from "./ipo-sum.js";
import type { OptionsOf, OptionSpecs, OptionValue } from "./options.js";
import { orpo, ORPO_OPTIONS } from "./orpo.js";
import type { PairInputs } from "./pairs.js";
import { simpo, SIMPO_OPTIONS } from "./simpo.js";

/** Every input that some pairwise loss reads; which of them a loss needs, its entry says. */
export type AnyPairInputs = PairInputs & Readonly<Record<string, Tensor | undefined>>;

export interface PairLossEntry {
  /** Which method this is, in a few words. */
  readonly summary: string;
  /** The paper. */
  readonly paper: string;
  readonly options: OptionSpecs;
  /** Reads `refChosenLogps` and `refRejectedLogps`. */
  readonly needsReference: boolean;
  /** What it reads of the reference: sums of a completion (so that `[pairs]` will do), or each token's. */
  readonly reads: "sums" | "tokens";
  /** Has a `tokenTerm`, a mean over the tokens of these completions of the whole accumulated batch. */
  readonly averagesTokens: "chosen" | "gold" | undefined;
  /** Looks across rows: k micro-batches are not one batch. */
  readonly wholeBatch: boolean;
  /** Inputs beyond PairInputs and the reference that it needs, by name. */
  readonly extraInputs: readonly string[];
  /** Inputs carried from batch to batch through `LossResult.state`, and where they start. */
  readonly state: Readonly<Record<string, number>>;
  loss(inputs: AnyPairInputs, options?: Readonly<Record<string, OptionValue>>): LossResult;
}

interface Given<S extends OptionSpecs, I> extends Partial<Omit<PairLossEntry, "options" | "loss">> {
  summary: string;
  paper: string;
  options: S;
  loss: (inputs: I, options?: Partial<OptionsOf<S>>) => LossResult;
}

/** Fills in what most losses have in common. Losses check their inputs themselves, so that the wide type is safe. */
export function pairLoss<S extends OptionSpecs, I extends PairInputs>(given: Given<S, I>): PairLossEntry {
  return {
    needsReference: true,
    reads: "sums",
    averagesTokens: undefined,
    wholeBatch: false,
    extraInputs: [],
    state: {},
    ...given,
    loss: given.loss as unknown as PairLossEntry["loss"],
  };
}

export const PAIR_LOSSES = {
  sigmoid: pairLoss({ summary: "DPO: the default", paper: "2305.18290", options: DPO_OPTIONS, loss: dpo }),
  ipo: pairLoss({ summary: "IPO per token (TRL's)", paper: "2310.12036", options: IPO_OPTIONS, loss: ipo }),
  ipo_sum: pairLoss({
    summary: "IPO on sums (the paper's)",
    paper: "2310.12036",
    options: IPO_SUM_OPTIONS,
    loss: ipoSum,
  }),
  orpo: pairLoss({
    summary: "SFT and odds ratio in one",
    paper: "2403.07691",
    options: ORPO_OPTIONS,
    loss: orpo,
    needsReference: false,
    averagesTokens: "chosen",
  }),
  simpo: pairLoss({
    summary: "mean log-probability with a margin",
    paper: "2405.14734",
    options: SIMPO_OPTIONS,
    loss: simpo,
    needsReference: false,
  }),
} as const satisfies Readonly<Record<string, PairLossEntry>>;

export type PairLossName = keyof typeof PAIR_LOSSES;
