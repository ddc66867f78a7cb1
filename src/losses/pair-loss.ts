/** What a trainer must know of a pairwise loss beside its formula: one entry of the table. Knows no loss. */
import type { Tensor } from "../tensor/index.js";
import type { LossResult } from "./contract.js";
import type { OptionsOf, OptionSpecs, OptionValue } from "./options.js";
import type { PairInputs } from "./pairs.js";

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
