/** The table of losses on sampled answers: one line a loss, from which trainers learn what to prepare. Knows no formula. */
import { bnpo } from "./bnpo.js";
import { cispo, CISPO_OPTIONS } from "./cispo.js";
import type { LossResult } from "./contract.js";
import { dapo, DAPO_OPTIONS } from "./dapo.js";
import { DR_GRPO_OPTIONS, drGrpo } from "./dr-grpo.js";
import { gmpo, GMPO_OPTIONS } from "./gmpo.js";
import { grpo, GRPO_OPTIONS } from "./grpo.js";
import { gspo, GSPO_OPTIONS } from "./gspo.js";
import { luspo, LUSPO_OPTIONS } from "./luspo.js";
import type { OptionsOf, OptionSpecs, OptionValue } from "./options.js";
import type { PolicyInputs } from "./policy.js";
import { ppo, PPO_OPTIONS } from "./ppo.js";
import { reinforce, REINFORCE_OPTIONS } from "./reinforce.js";
import { rloo, RLOO_OPTIONS } from "./rloo.js";
import { sapo, SAPO_OPTIONS } from "./sapo.js";
import { vespo, VESPO_OPTIONS } from "./vespo.js";

type Given = Readonly<Record<string, OptionValue>>;

export interface PolicyLossEntry {
  readonly summary: string;
  /** The paper; a year where it has no arXiv number. */
  readonly paper: string;
  readonly options: OptionSpecs;
  /** Shape of `advantages`: one a row only, or one a token too. */
  readonly advantages: "rows" | "rows or tokens";
  /** Its loss is [rows, tokens] (with these options): divided by the real tokens of the whole batch. */
  averagesTokens(options?: Given): boolean;
  /** Has a `tokenTerm` (the entropy bonus), a mean over the tokens of the whole batch. */
  hasTokenTerm(options?: Given): boolean;
  /** Reads `refLogps`. */
  needsReference(options?: Given): boolean;
  /** Reads `entropies`, beyond their use as a metric. */
  needsEntropies(options?: Given): boolean;
  /** Looks across rows: k micro-batches are not one batch. */
  wholeBatch(options?: Given): boolean;
  loss(inputs: PolicyInputs, options?: Given): LossResult;
}

interface Line<S extends OptionSpecs> {
  summary: string;
  paper: string;
  options: S;
  loss: (inputs: PolicyInputs, options?: Partial<OptionsOf<S>>) => LossResult;
  tokens?: boolean;
  advantages?: PolicyLossEntry["advantages"];
}

const positive = (options: Given | undefined, name: string): boolean => Number(options?.[name] ?? 0) > 0;

function entry<S extends OptionSpecs>({ tokens = false, advantages, ...line }: Line<S>): PolicyLossEntry {
  const topShare = (o?: Given): boolean => Number(o?.["topEntropyQuantile"] ?? 1) < 1;
  const averagesTokens = (o?: Given): boolean =>
    o?.["average"] === undefined ? tokens : o["average"] === "token";
  return {
    ...line,
    advantages: advantages ?? "rows or tokens",
    averagesTokens,
    hasTokenTerm: (o) => positive(o, "entropyCoef") && !averagesTokens(o),
    needsReference: (o) => positive(o, "beta"),
    needsEntropies: (o) => positive(o, "entropyCoef") || topShare(o),
    wholeBatch: topShare,
    loss: line.loss as unknown as PolicyLossEntry["loss"],
  };
}

export const POLICY_LOSSES = {
  ppo: entry({
    summary: "PPO's clipped surrogate, with a critic",
    paper: "1707.06347",
    options: PPO_OPTIONS,
    loss: ppo,
    tokens: true,
  }),
  grpo: entry({
    summary: "GRPO: the group's mean in place of a critic",
    paper: "2402.03300",
    options: GRPO_OPTIONS,
    loss: grpo,
  }),
  bnpo: entry({
    summary: "GRPO averaged over the micro-batch's tokens",
    paper: "2506.02864",
    options: GRPO_OPTIONS,
    loss: bnpo,
    tokens: true,
  }),
  dr_grpo: entry({
    summary: "GRPO without length and difficulty bias",
    paper: "2503.20783",
    options: DR_GRPO_OPTIONS,
    loss: drGrpo,
  }),
  dapo: entry({
    summary: "GRPO with clip-higher, averaged over all tokens",
    paper: "2503.14476",
    options: DAPO_OPTIONS,
    loss: dapo,
    tokens: true,
  }),
  gspo: entry({
    summary: "one ratio a sequence",
    paper: "2507.18071",
    options: GSPO_OPTIONS,
    loss: gspo,
  }),
  cispo: entry({
    summary: "the weight is clipped, not the gradient",
    paper: "2506.13585",
    options: CISPO_OPTIONS,
    loss: cispo,
    tokens: true,
  }),
  sapo: entry({
    summary: "a soft gate in place of the clip",
    paper: "2511.20347",
    options: SAPO_OPTIONS,
    loss: sapo,
  }),
  luspo: entry({
    summary: "GSPO with rows weighted by length",
    paper: "2602.05261",
    options: LUSPO_OPTIONS,
    loss: luspo,
  }),
  vespo: entry({
    summary: "a smooth weight of the sequence's ratio",
    paper: "2602.10693",
    options: VESPO_OPTIONS,
    loss: vespo,
    tokens: true,
  }),
  gmpo: entry({
    summary: "geometric mean of the token ratios",
    paper: "2507.20673",
    options: GMPO_OPTIONS,
    loss: gmpo,
    advantages: "rows",
  }),
  rloo: entry({
    summary: "REINFORCE on whole answers, leave-one-out",
    paper: "2402.14740",
    options: RLOO_OPTIONS,
    loss: rloo,
    advantages: "rows",
  }),
  reinforce: entry({
    summary: "log-probability times advantage",
    paper: "Williams 1992",
    options: REINFORCE_OPTIONS,
    loss: reinforce,
  }),
} as const satisfies Readonly<Record<string, PolicyLossEntry>>;

export type PolicyLossName = keyof typeof POLICY_LOSSES;
