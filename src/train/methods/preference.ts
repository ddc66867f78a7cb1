/**
 * A pairwise trainer from names in the registry of losses: `sigmoid` is DPO, `orpo`, `simpo`, and all the others; several
 * names are added up with weights.
 */
import type { Batch } from "../../data/index.js";
import { AttuneError } from "../../errors.js";
import {
  type AnyPairInputs,
  combine,
  type LossResult,
  type OptionValue,
  PAIR_LOSSES,
  type PairLossEntry,
  resolveOptions,
} from "../../losses/index.js";
import type { Policy } from "../policy.js";
import type { BatchSource, StartInvariant, Trainer } from "../trainer.js";
import { type PairExtra, pairTrainer, type PairTensors, type ReferenceMode } from "./pairs.js";
import { pairStartLoss, type StartLoss, startTolerance, sumOfStarts } from "./start-loss.js";

export interface PreferenceOptions {
  policy: Policy;
  train: BatchSource<Batch>;
  evaluation?: BatchSource<Batch> | undefined;
  /** Name in the registry of losses, or several, which are added up. Default "sigmoid" (DPO). */
  lossType?: string | readonly string[];
  /** One a loss type. Default 1 each (TRL `loss_weights`). */
  lossWeights?: readonly number[];
  /** The loss's own options, e.g. `{ beta: 0.1 }`; of several losses, each takes those that it has. */
  loss?: Readonly<Record<string, OptionValue>>;
  /** Default: live for losses that need a reference, none for the others. */
  reference?: ReferenceMode;
  /** Of the sampler, where the answers are one's own: precomputed sums are at the same. Default 1. */
  temperature?: number;
  /** ORPO: the likelihood term covers the prompt too, as in TRL. Default false: the answer only, as in the paper. */
  promptLikelihood?: boolean;
}

const notTheStart =
  "the reference is not the model that training starts from: recompute the reference's log-probabilities, or check where the model's files come from";

/** What holds where the policy equals its reference: no answer has a reward yet, and the loss is what its formula says. */
function startInvariants(start: StartLoss | undefined): StartInvariant[] {
  const none = { expected: 0, tolerance: 1e-3, fix: notTheStart };
  const rules: StartInvariant[] = [
    { name: "policy equals reference", metric: "rewards/margins", ...none },
    { name: "no reward for chosen answers yet", metric: "rewards/chosen", ...none },
    { name: "no reward for rejected answers yet", metric: "rewards/rejected", ...none },
  ];
  if (start === undefined) return rules;
  const { value: expected, formula } = start;
  return [
    ...rules,
    {
      name: "loss",
      metric: "loss",
      expected,
      formula,
      tolerance: startTolerance(expected),
      fix: notTheStart,
    },
  ];
}

export function preference(o: PreferenceOptions): Trainer<Batch> {
  const names = typeof o.lossType === "string" ? [o.lossType] : (o.lossType ?? ["sigmoid"]);
  const entries = names.map((name) => ({ name, entry: entryOf(name) }));
  const needsReference = entries.some(({ entry }) => entry.needsReference);
  const reference = o.reference ?? (needsReference ? "live" : "none");
  const options = o.loss ?? {};
  const extras = [...new Set(entries.flatMap(({ entry }) => extrasOf(entry, options)))];
  refuseImpossible(entries, { reference, needsReference, extras });
  const start = sumOfStarts(
    entries.map(({ name, entry }, i) => ({
      start: pairStartLoss(name, resolveOptions(name, entry.options, ownOptions(entry, options))),
      weight: o.lossWeights?.[i] ?? 1,
    })),
  );
  return pairTrainer({
    name: names.map((name) => (name === "sigmoid" ? "dpo" : name)).join("+"),
    policy: o.policy,
    train: o.train,
    evaluation: o.evaluation,
    loss: lossOf(entries, { options, weights: o.lossWeights }),
    reference,
    temperature: o.temperature,
    promptLikelihood: o.promptLikelihood ?? false,
    extras,
    likelihoodOf: entries.some(({ entry }) => entry.averagesTokens === "gold") ? goldAnswer(extras) : 0,
    state: Object.assign({}, ...entries.map(({ entry }) => entry.state)) as Record<string, number>,
    // Of several losses the first one's metrics are logged.
    invariants: entries[0]!.entry.needsReference ? startInvariants(start) : [],
  });
}

/** Inputs of losses that a trainer of pairs knows how to make. */
const extraOf: Readonly<Record<string, PairExtra>> = {
  chosenKl: "kl",
  rejectedKl: "kl",
  chosenLogSumSquares: "logSumSquares",
  rejectedLogSumSquares: "logSumSquares",
  goldLogps: "gold",
  goldMask: "gold",
};

/**
 * What a loss with these options asks for beyond two answers. Exported for those who prepare the data: `gold` is a third
 * answer in every example.
 */
export function extrasOf({ extraInputs }: Pick<PairLossEntry, "extraInputs">, options: Options): PairExtra[] {
  const extras = new Set(extraInputs.flatMap((name) => extraOf[name] ?? []));
  // Without weight, the gold answer's likelihood is not asked for.
  if (options["tpoAlpha"] === 0) extras.delete("gold");
  return [...extras];
}

/** Place in a group of the answer whose tokens are counted. */
const goldAnswer = (extras: readonly PairExtra[]): number => (extras.includes("gold") ? 2 : 0);

interface Named {
  name: string;
  entry: PairLossEntry;
}

function entryOf(name: string): PairLossEntry {
  const table: Readonly<Record<string, PairLossEntry>> = PAIR_LOSSES;
  if (Object.hasOwn(table, name)) return table[name]!;
  throw new AttuneError("config", {
    where: "loss_type",
    expected: Object.keys(PAIR_LOSSES).join(", "),
    got: name,
  });
}

type Options = Readonly<Record<string, OptionValue>>;

/** Of the options of several losses, those that this one has. */
const ownOptions = ({ options: specs }: PairLossEntry, options: Options): Options =>
  Object.fromEntries(Object.entries(options).filter(([key]) => key in specs));

function lossOf(
  entries: readonly Named[],
  { options, weights }: { options: Options; weights: readonly number[] | undefined },
): (inputs: PairTensors) => LossResult {
  if (weights !== undefined && weights.length !== entries.length) {
    throw new AttuneError("config", {
      where: "loss_weights",
      expected: `one a loss type, ${entries.length}`,
      got: String(weights.length),
    });
  }
  const unknown = Object.keys(options).find((key) => !entries.some(({ entry }) => key in entry.options));
  if (unknown !== undefined) {
    const known = [...new Set(entries.flatMap(({ entry }) => Object.keys(entry.options)))];
    throw new AttuneError("config", {
      where: `options of the loss ${entries.map(({ name }) => name).join(", ")}`,
      expected: known.join(", ") || "none",
      got: unknown,
    });
  }
  if (entries.length === 1 && weights === undefined) {
    const { entry } = entries[0]!;
    return (inputs) => entry.loss(inputs as unknown as AnyPairInputs, options);
  }
  return (inputs) =>
    combine(
      entries.map(({ entry }, i) => ({
        result: entry.loss(inputs as unknown as AnyPairInputs, ownOptions(entry, options)),
        weight: weights?.[i] ?? 1,
      })),
    );
}

function refuseImpossible(
  entries: readonly Named[],
  o: { reference: ReferenceMode; needsReference: boolean; extras: readonly PairExtra[] },
): void {
  const { reference, needsReference } = o;
  const where = `loss_type ${entries.map(({ name }) => name).join(", ")}`;
  if (needsReference && reference === "none") {
    throw new AttuneError("config", { where, expected: "a reference: live or precomputed", got: "none" });
  }
  if (!needsReference && reference !== "none") {
    throw new AttuneError("config", {
      where,
      expected: "no reference, because the loss uses none",
      got: reference,
    });
  }
  const readsTokens = entries.some(({ entry }) => entry.needsReference && entry.reads === "tokens");
  if (reference === "precomputed" && (readsTokens || o.extras.includes("kl"))) {
    throw new AttuneError("config", {
      where,
      expected: "a live reference, because the loss reads more than each answer's sum",
      got: "precomputed sums",
    });
  }
  const given = new Set(["chosenPromptLogps", "chosenPromptMask", ...Object.keys(extraOf)]);
  const missing = entries.flatMap(({ entry }) => entry.extraInputs).filter((input) => !given.has(input));
  if (missing.length > 0) {
    throw new AttuneError("config", {
      where,
      expected: "a loss that pairs of answers are enough for",
      got: `one that also needs ${missing.join(", ")}`,
      fix: "call it from a trainer of your own (docs: a loss of your own)",
    });
  }
}

type NamedOptions = Omit<PreferenceOptions, "lossType" | "lossWeights">;

/** DPO (arXiv 2305.18290): `preference` with the loss `sigmoid`; `loss: { beta }`, default 0.1. */
export const dpo = (o: NamedOptions): Trainer<Batch> => preference({ ...o, lossType: "sigmoid" });
/** ORPO (arXiv 2403.07691): likelihood and odds ratio, without a reference. */
export const orpo = (o: NamedOptions): Trainer<Batch> => preference({ ...o, lossType: "orpo" });
/** SimPO (arXiv 2405.14734): mean log-probabilities with a margin, without a reference. */
export const simpo = (o: NamedOptions): Trainer<Batch> => preference({ ...o, lossType: "simpo" });
