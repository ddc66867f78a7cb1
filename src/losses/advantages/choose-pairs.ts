/**
 * Pairs for online preference methods: of the answers to a prompt, the best and the worst by reward.
 *
 * Guo et al. 2024, online DPO (2402.04792). Nash-MD and XPO compare the two players' answers themselves.
 *
 * Deviations: 1. a tie is dropped; TRL keeps it and chooses the first (`ties: "first"`).
 */
import { groupsOf } from "./groups.js";
import { checkCount } from "./rows.js";

export interface ChoosePairsOptions {
  /** Answers of a prompt, side by side. Default 2. */
  numGenerations?: number;
  /** One a row: whether the answer ended by itself. Default: all did. */
  hasEos?: readonly boolean[];
  /** Taken off the reward of an answer that did not end. Default 0. */
  missingEosPenalty?: number;
  /** Default "drop". */
  ties?: "drop" | "first";
}

export interface ChosenPairs {
  readonly pairs: readonly { readonly prompt: number; readonly chosen: number; readonly rejected: number }[];
  /** Prompts without a pair: equal rewards, or fewer than two numbers. */
  readonly dropped: readonly number[];
  /** `objective/scores`, `objective/scores_margin`, `val/contain_eos_token`: TRL's. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** Rows whose reward is NaN are not chosen among. Throws `usage` where rows and groups do not fit. */
export function choosePairs(rewards: ArrayLike<number>, options: ChoosePairsOptions = {}): ChosenPairs {
  const { numGenerations = 2, hasEos, missingEosPenalty = 0, ties = "drop" } = options;
  const where = "advantages.choosePairs";
  checkCount(where, rewards.length, { hasEos });
  const scores = Array.from(rewards, (r, row) => r - (hasEos?.[row] === false ? missingEosPenalty : 0));
  const pairs: { prompt: number; chosen: number; rejected: number }[] = [];
  const dropped: number[] = [];
  groupsOf(where, scores.length, numGenerations).forEach(({ start, end }, prompt) => {
    const rows = Array.from({ length: end - start }, (_, i) => start + i).filter(
      (r) => !Number.isNaN(scores[r]!),
    );
    // Array sort is stable: of equals the earlier row stays first.
    const ranked = rows.toSorted((a, b) => scores[b]! - scores[a]!);
    const [chosen, rejected] = [ranked[0], ranked.at(-1)];
    const tie = chosen === undefined || chosen === rejected || scores[chosen] === scores[rejected!];
    if (chosen === undefined || chosen === rejected || (tie && ties === "drop")) dropped.push(prompt);
    else pairs.push({ prompt, chosen, rejected: rejected! });
  });
  const mean = (list: readonly number[]): number =>
    list.length === 0 ? 0 : list.reduce((a, b) => a + b, 0) / list.length;
  return {
    pairs,
    dropped,
    metrics: {
      "objective/scores": mean(scores.filter((x) => !Number.isNaN(x))),
      "objective/scores_margin": mean(
        pairs.map(({ chosen, rejected }) => scores[chosen]! - scores[rejected]!),
      ),
      "val/contain_eos_token": mean(scores.map((_, row) => (hasEos?.[row] === false ? 0 : 1))),
    },
  };
}
