/**
 * The answers of a training rollout as the guard takes them. Knows the shape of a rollout's report and nothing of training:
 * whatever has these columns will do.
 */
import { AttuneError } from "../../errors.js";
import type { ObservedAnswer } from "./observation.js";

/** One entry an answer; `RolloutReport` of the online trainers is one. */
export interface RolloutColumns {
  readonly prompts: readonly { readonly id: string }[];
  readonly texts: readonly string[];
  readonly rewards: ArrayLike<number>;
  readonly components: Readonly<Record<string, ArrayLike<number>>>;
  /** Sums over an answer's tokens. */
  readonly kl: ArrayLike<number>;
  readonly lengths: readonly number[];
  readonly ended: readonly boolean[];
  readonly entropies: ArrayLike<number>;
}

export interface RolloutAnswersOptions {
  /** The true reward of each answer, in order, where it is known. */
  readonly gold?: ArrayLike<number>;
  /** Names of the ensemble's members among the components. */
  readonly members?: readonly string[];
}

/** Throws `usage` for a gold list of another length or a member that is no component. */
export function rolloutAnswers(
  report: RolloutColumns,
  { gold, members }: RolloutAnswersOptions = {},
): ObservedAnswer[] {
  const lists = members?.map((name) => report.components[name]);
  const missing = members?.find((_, k) => lists![k] === undefined);
  if (missing !== undefined || (gold && gold.length !== report.texts.length)) {
    throw new AttuneError("usage", {
      where: "rolloutAnswers",
      expected: `${report.texts.length} gold rewards, and members among ${Object.keys(report.components).join(", ") || "no components"}`,
      got: missing ?? `${gold!.length} gold rewards`,
    });
  }
  return report.texts.map((text, i) => ({
    prompt: report.prompts[i]!.id,
    text,
    proxy: report.rewards[i]!,
    ...(gold && { gold: gold[i]! }),
    ...(lists && { members: lists.map((list) => list![i]!) }),
    kl: report.kl[i]!,
    tokens: report.lengths[i]!,
    ended: report.ended[i]!,
    entropy: report.entropies[i]!,
  }));
}
