/** The table of losses on unpaired data: one line a loss. Knows no formula. */
import type { Tensor } from "../tensor/index.js";
import { APO_ZERO_UNPAIRED_OPTIONS, apoZeroUnpaired } from "./apo-zero-unpaired.js";
import { bco, BCO_OPTIONS } from "./bco.js";
import type { LossResult } from "./contract.js";
import { kto, KTO_OPTIONS } from "./kto.js";
import type { OptionsOf, OptionSpecs, OptionValue } from "./options.js";
import type { UnpairedInputs } from "./unpaired.js";

export interface UnpairedLossEntry {
  readonly summary: string;
  readonly paper: string;
  readonly options: OptionSpecs;
  /** Reads `kl`, made by `ktoKl` from mismatched completions over the whole accumulated batch. */
  readonly needsKl: boolean;
  /** Looks across rows: k micro-batches are not one batch. */
  readonly wholeBatch: boolean;
  /** Inputs carried from batch to batch through `LossResult.state`, and where they start. */
  readonly state: Readonly<Record<string, number>>;
  loss(
    inputs: UnpairedInputs & Readonly<Record<string, Tensor | undefined>>,
    options?: Readonly<Record<string, OptionValue>>,
  ): LossResult;
}

interface Given<S extends OptionSpecs, I> extends Partial<Omit<UnpairedLossEntry, "options" | "loss">> {
  summary: string;
  paper: string;
  options: S;
  loss: (inputs: I, options?: Partial<OptionsOf<S>>) => LossResult;
}

const entry = <S extends OptionSpecs, I extends UnpairedInputs>(given: Given<S, I>): UnpairedLossEntry => ({
  needsKl: false,
  wholeBatch: false,
  state: {},
  ...given,
  loss: given.loss as unknown as UnpairedLossEntry["loss"],
});

export const UNPAIRED_LOSSES = {
  kto: entry({
    summary: "KTO: the default",
    paper: "2402.01306",
    options: KTO_OPTIONS,
    loss: kto,
    needsKl: true,
  }),
  apo_zero_unpaired: entry({
    summary: "anchored, no KL estimate",
    paper: "2408.06266",
    options: APO_ZERO_UNPAIRED_OPTIONS,
    loss: apoZeroUnpaired,
  }),
  bco: entry({
    summary: "classifier with a running mean",
    paper: "2404.04656",
    options: BCO_OPTIONS,
    loss: bco,
    wholeBatch: true,
    state: { runningMean: 0, runningVar: 1, runningCount: 1e-24 },
  }),
} as const satisfies Readonly<Record<string, UnpairedLossEntry>>;

export type UnpairedLossName = keyof typeof UNPAIRED_LOSSES;
