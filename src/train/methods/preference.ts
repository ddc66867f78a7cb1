/** A pairwise trainer from the name of a loss in the registry: `sigmoid` is DPO, `orpo`, `simpo`, and all the others. */
import type { Batch } from "../../data/index.js";
import { AttuneError } from "../../errors.js";
import { type AnyPairInputs, type OptionValue, PAIR_LOSSES, type PairLossEntry } from "../../losses/index.js";
import type { Policy } from "../policy.js";
import type { BatchSource, StartInvariant, Trainer } from "../trainer.js";
import { pairTrainer, type ReferenceMode } from "./pairs.js";

export interface PreferenceOptions {
  policy: Policy;
  train: BatchSource<Batch>;
  evaluation?: BatchSource<Batch> | undefined;
  /** Name in the registry of losses. Default "sigmoid" (DPO). */
  lossType?: string;
  /** The loss's own options, e.g. `{ beta: 0.1 }`. */
  loss?: Readonly<Record<string, OptionValue>>;
  /** Default: live for losses that need a reference, none for the others. */
  reference?: ReferenceMode;
  /** ORPO: the likelihood term covers the prompt too, as in TRL. Default false: the answer only, as in the paper. */
  promptLikelihood?: boolean;
}

/** Losses read this when the reference equals the policy. */
const startsAtReference: readonly StartInvariant[] = [
  {
    name: "policy equals reference",
    metric: "rewards/margins",
    expected: 0,
    tolerance: 1e-3,
    fix: "the reference is not the model that training starts from: merge an adapter that the model came with, or recompute the reference's log-probabilities",
  },
];

export function preference(o: PreferenceOptions): Trainer<Batch> {
  const name = o.lossType ?? "sigmoid";
  const entry = (PAIR_LOSSES as Readonly<Record<string, PairLossEntry>>)[name];
  if (!entry) {
    throw new AttuneError("config", { where: "loss_type", expected: Object.keys(PAIR_LOSSES).join(", "), got: name });
  }
  const reference = o.reference ?? (entry.needsReference ? "live" : "none");
  refuseImpossible(name, { entry, reference });
  return pairTrainer({
    name: name === "sigmoid" ? "dpo" : name,
    policy: o.policy,
    train: o.train,
    evaluation: o.evaluation,
    loss: (inputs) => entry.loss(inputs as unknown as AnyPairInputs, o.loss ?? {}),
    reference,
    promptLikelihood: o.promptLikelihood ?? false,
    invariants: entry.needsReference ? startsAtReference : [],
  });
}

function refuseImpossible(name: string, { entry, reference }: { entry: PairLossEntry; reference: ReferenceMode }): void {
  const where = `loss_type ${name}`;
  if (entry.needsReference && reference === "none") {
    throw new AttuneError("config", { where, expected: "a reference: live or precomputed", got: "none" });
  }
  if (!entry.needsReference && reference !== "none") {
    throw new AttuneError("config", { where, expected: "no reference, because the loss uses none", got: reference });
  }
  if (reference === "precomputed" && entry.reads === "tokens") {
    throw new AttuneError("config", {
      where,
      expected: "a live reference, because the loss reads every token's log-probability",
      got: "precomputed sums",
    });
  }
  const given = new Set(["chosenPromptLogps", "chosenPromptMask"]);
  const missing = entry.extraInputs.filter((input) => !given.has(input));
  if (missing.length > 0) {
    throw new AttuneError("config", {
      where,
      expected: "a loss that pairs of answers are enough for",
      got: `one that also needs ${missing.join(", ")}`,
      fix: "call it from a trainer of your own (docs: a loss of your own)",
    });
  }
}
